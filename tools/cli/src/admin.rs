//! `tidegate admin`: each sub-command is a command in the journal, answered when it is safe.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;
use tidegate_node::AdminRequest;

use crate::operator::ask;
use crate::{CommandResult, NodeAddress, print_json};

/// Arguments of `tidegate admin`.
#[derive(Args)]
pub struct AdminArgs {
    #[command(flatten)]
    node: NodeAddress,
    /// Print JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Create an asset
    Asset {
        /// Its name: up to 16 printable ASCII bytes, such as BTC
        name: String,
        /// Decimal places of its smallest unit, at most 30
        #[arg(long)]
        decimals: u8,
    },
    /// Create a market; it opens at once
    Market {
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
        /// Fee of the resting side in parts per million (1000 = 0.1 %)
        #[arg(long, default_value_t = 0)]
        maker_fee_ppm: i32,
        /// Fee of the incoming side in parts per million
        #[arg(long, default_value_t = 0)]
        taker_fee_ppm: i32,
        /// Largest quantity of one order, in lots
        #[arg(long, default_value_t = 1_000_000_000)]
        qty_max_lots: u64,
        /// Highest price of one order, in ticks
        #[arg(long, default_value_t = 1_000_000_000)]
        price_max_ticks: i64,
    },
    /// Create an account
    Account {
        /// Its name
        name: String,
    },
    /// Give an account a key to log on with
    Key {
        /// Its name
        name: String,
        /// The account's number
        #[arg(long)]
        account: u32,
        /// Ed25519 public key, 64 hexadecimal digits, from `tidegate keygen client`
        #[arg(long)]
        public_key: String,
    },
    /// Credit an account, once per reference
    Deposit(MoneyArgs),
    /// Debit an account, once per reference
    Withdraw(MoneyArgs),
    /// Halt a market: cancel and reduce only
    Halt {
        /// Its name
        market: String,
    },
    /// Open a halted market
    Open {
        /// Its name
        market: String,
    },
    /// List assets, markets, accounts and keys
    List,
    /// Take a snapshot now, beside the node; `tidegate status` shows when it is there
    Snapshot,
}

#[derive(Args)]
struct MoneyArgs {
    /// The account's number
    #[arg(long)]
    account: u32,
    /// Name of the asset
    #[arg(long)]
    asset: String,
    /// How much, such as 1000.50
    #[arg(long, allow_hyphen_values = true)]
    amount: String,
    /// The business reference: the same one again is answered, never applied twice
    #[arg(long)]
    reference: String,
}

/// `tidegate admin`
///
/// # Errors
/// The node's refusal: a reject of the catalogue, or the field that is wrong.
pub fn run(args: &AdminArgs) -> CommandResult {
    let value = ask(&args.node.data_dir, &request(&args.command))?;
    if args.json {
        print_json(&value);
    } else {
        print_text(&args.command, &value);
    }
    Ok(ExitCode::SUCCESS)
}

fn request(command: &AdminCommand) -> AdminRequest {
    match command {
        AdminCommand::Asset { name, decimals } => AdminRequest::CreateAsset { name: name.clone(), decimals: *decimals },
        AdminCommand::Market {
            name,
            base,
            quote,
            tick,
            lot,
            maker_fee_ppm,
            taker_fee_ppm,
            qty_max_lots,
            price_max_ticks,
        } => AdminRequest::CreateMarket {
            name: name.clone(),
            base: base.clone(),
            quote: quote.clone(),
            tick: tick.clone(),
            lot: lot.clone(),
            maker_fee_ppm: *maker_fee_ppm,
            taker_fee_ppm: *taker_fee_ppm,
            qty_max_lots: *qty_max_lots,
            price_max_ticks: *price_max_ticks,
        },
        AdminCommand::Account { name } => AdminRequest::CreateAccount { name: name.clone() },
        AdminCommand::Key { name, account, public_key } => {
            AdminRequest::CreateKey { name: name.clone(), account: *account, public_key: public_key.clone() }
        }
        AdminCommand::Deposit(money) => AdminRequest::Deposit {
            account: money.account,
            asset: money.asset.clone(),
            amount: money.amount.clone(),
            reference: money.reference.clone(),
        },
        AdminCommand::Withdraw(money) => AdminRequest::Withdraw {
            account: money.account,
            asset: money.asset.clone(),
            amount: money.amount.clone(),
            reference: money.reference.clone(),
        },
        AdminCommand::Halt { market } => AdminRequest::Halt { market: market.clone() },
        AdminCommand::Open { market } => AdminRequest::Open { market: market.clone() },
        AdminCommand::List => AdminRequest::List,
        AdminCommand::Snapshot => AdminRequest::Snapshot,
    }
}

fn print_text(command: &AdminCommand, value: &Value) {
    if let AdminCommand::List = command {
        for kind in ["assets", "markets", "accounts", "keys"] {
            println!("{kind}");
            for row in value[kind].as_array().into_iter().flatten() {
                let extra: Vec<String> = row
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(field, _)| *field != "id" && *field != "name")
                    .map(|(field, value)| format!("{field} {}", value.to_string().trim_matches('"')))
                    .collect();
                println!("  {:>5}  {:<16}  {}", row["id"], row["name"].as_str().unwrap_or_default(), extra.join("  "));
            }
        }
        return;
    }
    if let AdminCommand::Snapshot = command {
        println!("started: {}", value["message"].as_str().unwrap_or_default());
        return;
    }
    if let Some(original) = value["already_applied_at"].as_u64() {
        println!("already applied at sequence {original}; nothing was done again");
        return;
    }
    let what: Vec<String> = value
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(field, _)| *field != "at")
        .map(|(field, value)| format!("{field} {}", value.to_string().trim_matches('"')))
        .collect();
    println!("done at sequence {}: {}", value["at"]["sequence"], what.join(", "));
}
