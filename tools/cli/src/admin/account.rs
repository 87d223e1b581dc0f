//! `tidegate admin account`, `fee-tier` and `key`

use clap::{Args, Subcommand, value_parser};
use tidegate_node::{AdminRequest, LimitsRequest, ROLES_DEFAULT};

#[derive(Subcommand)]
pub(super) enum AccountCommand {
    /// Create an account
    Create {
        /// Its name
        name: String,
    },
    /// Change limits of an account; what is not given stays as it is, 0 is no limit
    Limits {
        /// The account's number
        account: u32,
        #[command(flatten)]
        limits: LimitArgs,
    },
    /// Put an account into an owner group: orders of one group do not trade with each other if they ask for that
    Owner {
        /// The account's number
        account: u32,
        /// The group; 0 is none
        owner: u32,
    },
    /// Put an account into a fee tier
    Tier {
        /// The account's number
        account: u32,
        /// The tier, 1 to 255; 0 is the market's own fees
        tier: u8,
    },
    /// Cancel every order of an account and refuse new ones until it is released
    Kill {
        /// The account's number
        account: u32,
    },
    /// Let an account that was stopped trade again
    Release {
        /// The account's number
        account: u32,
    },
}

#[derive(Args)]
#[group(required = true, multiple = true)]
pub(super) struct LimitArgs {
    /// Most open orders in all
    #[arg(long)]
    open_orders_max: Option<u32>,
    /// Most open orders in one market
    #[arg(long)]
    market_open_orders_max: Option<u32>,
    /// Largest quantity of one order, in lots of its market
    #[arg(long)]
    qty_max_lots: Option<u64>,
    /// Largest price times quantity of one order, in smallest units of its market's quote asset
    #[arg(long)]
    notional_max_units: Option<String>,
}

impl From<AccountCommand> for AdminRequest {
    fn from(command: AccountCommand) -> Self {
        match command {
            AccountCommand::Create { name } => Self::CreateAccount { name },
            AccountCommand::Limits { account, limits } => {
                let LimitArgs { open_orders_max, market_open_orders_max, qty_max_lots, notional_max_units } = limits;
                Self::SetAccountLimits(LimitsRequest {
                    account,
                    open_orders_max,
                    market_open_orders_max,
                    qty_max_lots,
                    notional_max_units,
                })
            }
            AccountCommand::Owner { account, owner } => Self::SetAccountOwner { account, owner },
            AccountCommand::Tier { account, tier } => Self::SetAccountTier { account, tier },
            AccountCommand::Kill { account } => Self::SetKillSwitch { account, engaged: true },
            AccountCommand::Release { account } => Self::SetKillSwitch { account, engaged: false },
        }
    }
}

#[derive(Subcommand)]
pub(super) enum FeeTierCommand {
    /// Set the fees of a tier, in every market
    Set {
        /// The tier, 1 to 255
        #[arg(value_parser = value_parser!(u8).range(1..))]
        tier: u8,
        /// Fee of the resting side in parts per million, -1000000 to 1000000; negative: a rebate
        #[arg(long, allow_negative_numbers = true)]
        maker_fee_ppm: i32,
        /// Fee of the incoming side in parts per million, 0 to 1000000
        #[arg(long, allow_negative_numbers = true)]
        taker_fee_ppm: i32,
    },
}

impl From<FeeTierCommand> for AdminRequest {
    fn from(command: FeeTierCommand) -> Self {
        let FeeTierCommand::Set { tier, maker_fee_ppm, taker_fee_ppm } = command;
        Self::SetFeeTier { tier, maker_fee_ppm, taker_fee_ppm }
    }
}

#[derive(Subcommand)]
pub(super) enum KeyCommand {
    /// Give an account a key to log on with
    Create {
        /// Its name
        name: String,
        /// The account's number
        #[arg(long)]
        account: u32,
        /// Ed25519 public key, 64 hexadecimal digits, from `tidegate keygen client`
        #[arg(long)]
        public_key: String,
        /// What it may do: read, trade, pay and admin, joined by commas, or none
        #[arg(long, default_value = ROLES_DEFAULT)]
        roles: String,
    },
    /// Change what a key may do
    Roles {
        /// The key's number
        key: u32,
        /// What it may do from here on: read, trade, pay and admin, joined by commas, or none
        #[arg(long)]
        roles: String,
    },
    /// Change where a key may log on from
    Networks {
        /// The key's number
        key: u32,
        /// A network that it may log on from, such as 10.0.0.0/8 or 2001:db8::/32, up to three times; without it, from anywhere
        #[arg(long, value_name = "NETWORK")]
        allow: Vec<String>,
    },
}

impl From<KeyCommand> for AdminRequest {
    fn from(command: KeyCommand) -> Self {
        match command {
            KeyCommand::Create { name, account, public_key, roles } => {
                Self::CreateKey { name, account, public_key, roles }
            }
            KeyCommand::Roles { key, roles } => Self::SetKeyRoles { key, roles },
            KeyCommand::Networks { key, allow } => Self::SetKeyNetworks { key, networks: allow },
        }
    }
}
