//! `tidegate admin`: each sub-command is a command in the journal, answered when it is safe. One file for each noun.

mod account;
mod market;
mod money;
mod print;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use tidegate_node::AdminRequest;

use self::account::{AccountCommand, FeeTierCommand, KeyCommand};
use self::market::MarketCommand;
use self::money::MoneyCommand;
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
    #[command(subcommand)]
    Asset(AssetCommand),
    /// Create, open, restrict and close a market, change its rules
    #[command(subcommand)]
    Market(MarketCommand),
    /// Create an account, set its limits, owner group and fee tier, stop it and release it
    #[command(subcommand)]
    Account(AccountCommand),
    /// Set the fees of a tier
    #[command(subcommand)]
    FeeTier(FeeTierCommand),
    /// Give an account a key to log on with, change what a key may do
    #[command(subcommand)]
    Key(KeyCommand),
    /// Deposits, withdrawals and transfers, each once per reference
    #[command(subcommand)]
    Money(MoneyCommand),
    /// List assets, markets with their rules, accounts, fee tiers, keys and pending withdrawals
    List,
    /// Take a snapshot now, beside the node; `tidegate status` shows when it is there
    Snapshot,
    /// Tell clients of this node that it will be stopped for maintenance
    Maintenance {
        /// In how many seconds, 1 to 604800
        #[arg(long = "in", value_name = "SECONDS", required_unless_present = "off", conflicts_with = "off")]
        in_s: Option<u64>,
        /// What to say of it: at most 64 printable ASCII characters
        #[arg(long, default_value = "")]
        note: String,
        /// It will not be stopped: later logons are not told any more
        #[arg(long)]
        off: bool,
    },
}

#[derive(Subcommand)]
enum AssetCommand {
    /// Create an asset
    Create {
        /// Its name: up to 16 printable ASCII bytes, such as BTC
        name: String,
        /// Decimal places of its smallest unit, at most 30
        #[arg(long)]
        decimals: u8,
    },
}

/// `tidegate admin`
///
/// # Errors
/// The node's refusal: a reject of the catalogue, or the field that is wrong.
pub fn run(args: AdminArgs) -> CommandResult {
    let request = request(args.command);
    let value = ask(&args.node.data_dir, &request)?;
    if args.json {
        print_json(&value);
    } else if request == AdminRequest::List {
        print::list(&value);
    } else {
        print::outcome(&value);
    }
    Ok(ExitCode::SUCCESS)
}

fn request(command: AdminCommand) -> AdminRequest {
    match command {
        AdminCommand::Asset(AssetCommand::Create { name, decimals }) => AdminRequest::CreateAsset { name, decimals },
        AdminCommand::Market(command) => command.into(),
        AdminCommand::Account(command) => command.into(),
        AdminCommand::FeeTier(command) => command.into(),
        AdminCommand::Key(command) => command.into(),
        AdminCommand::Money(command) => command.into(),
        AdminCommand::List => AdminRequest::List,
        AdminCommand::Snapshot => AdminRequest::Snapshot,
        AdminCommand::Maintenance { in_s, note, .. } => AdminRequest::AnnounceMaintenance { in_s, detail: note },
    }
}
