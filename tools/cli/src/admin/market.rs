//! `tidegate admin market`

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};
use tidegate_domain::MarketState;
use tidegate_node::AdminRequest;

#[derive(Subcommand)]
pub(super) enum MarketCommand {
    /// Create a market; it opens at once
    Create {
        /// Its name, such as BTC-USDT
        name: String,
        /// Name of the asset that is traded
        #[arg(long)]
        base: String,
        /// Name of the asset that pays
        #[arg(long)]
        quote: String,
        /// Price step in quote per base, such as 0.01; tick x lot must be whole in the quote asset's smallest unit
        #[arg(long)]
        tick: String,
        /// Quantity step in base, such as 0.0001
        #[arg(long)]
        lot: String,
        /// Fee of the resting side in parts per million (1000 = 0.1 %); negative: a rebate
        #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
        maker_fee_ppm: i32,
        /// Fee of the incoming side in parts per million
        #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
        taker_fee_ppm: i32,
        /// Largest quantity of one order, in lots
        #[arg(long, default_value_t = 1_000_000_000)]
        qty_max_lots: u64,
        /// Highest price of one order, in ticks
        #[arg(long, default_value_t = 1_000_000_000)]
        price_max_ticks: i64,
    },
    /// Open, restrict, halt or close a market
    State {
        /// Its name
        market: String,
        /// Its state from here on
        #[arg(value_enum)]
        state: StateArg,
    },
    /// Change rules of a market; what is not given stays as it is. Resting orders stay as they are
    Set {
        /// Its name
        market: String,
        #[command(flatten)]
        rules: RuleArgs,
    },
}

/// A market state on the command line.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum StateArg {
    /// Everything
    Open,
    /// Nothing that takes
    PostOnly,
    /// Cancel and reduce only
    CancelOnly,
    /// Cancel only
    Halted,
    /// Nothing: every order is cancelled; it can be opened again
    Closed,
}

impl From<StateArg> for MarketState {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Open => Self::Open,
            StateArg::PostOnly => Self::PostOnly,
            StateArg::CancelOnly => Self::CancelOnly,
            StateArg::Halted => Self::Halted,
            StateArg::Closed => Self::Closed,
        }
    }
}

/// One option for each rule: the node has the same names in its table of rules.
macro_rules! rule_options {
    ($($name:ident $text:literal,)*) => {
        #[derive(Args)]
        #[group(required = true, multiple = true)]
        pub(super) struct RuleArgs {
            $(
                #[arg(long, allow_negative_numbers = true, help = $text)]
                $name: Option<String>,
            )*
        }

        impl RuleArgs {
            fn given(self) -> BTreeMap<String, String> {
                let all = [$((stringify!($name), self.$name)),*];
                all.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect()
            }
        }
    };
}

rule_options! {
    maker_fee_ppm "Fee of the resting side in parts per million, -1000000 to 1000000; negative: a rebate",
    taker_fee_ppm "Fee of the incoming side in parts per million, 0 to 1000000",
    qty_min "Smallest quantity of one order, such as 0.001; 0 is none",
    qty_max "Largest quantity of one order",
    price_min "Lowest price of one order; 0 is none",
    price_max "Highest price of one order",
    notional_min "Least price times quantity of one order, in the quote asset; 0 is none",
    static_band_ppm "How far a limit may be from the reference price, in parts per million of it; 0 is no band",
    dynamic_band_ppm "How far a limit may be from the last price, in parts per million of it; 0 is no band",
    reference "What stands for the last price before the first trade; 0 is nothing",
    day_end_s "When a day ends, in seconds after midnight UTC, 0 to 86399",
}

impl From<MarketCommand> for AdminRequest {
    fn from(command: MarketCommand) -> Self {
        match command {
            MarketCommand::Create {
                name,
                base,
                quote,
                tick,
                lot,
                maker_fee_ppm,
                taker_fee_ppm,
                qty_max_lots,
                price_max_ticks,
            } => Self::CreateMarket {
                name,
                base,
                quote,
                tick,
                lot,
                maker_fee_ppm,
                taker_fee_ppm,
                qty_max_lots,
                price_max_ticks,
            },
            MarketCommand::State { market, state } => {
                Self::SetMarketState { market, state: MarketState::from(state).to_string() }
            }
            MarketCommand::Set { market, rules } => Self::SetMarketRules { market, rules: rules.given() },
        }
    }
}
