//! `tidegate admin money`

use clap::{Args, Subcommand};
use tidegate_node::{AdminRequest, MoneyRequest, TransferRequest};

#[derive(Subcommand)]
pub(super) enum MoneyCommand {
    /// Credit an account
    Deposit(AccountMoneyArgs),
    /// Debit an account
    Withdraw(AccountMoneyArgs),
    /// Set aside a withdrawal until it is settled or released
    Hold(AccountMoneyArgs),
    /// A held withdrawal was paid out
    Settle(HeldArgs),
    /// A held withdrawal failed: the account has it back
    Release(HeldArgs),
    /// Move from one account, or the fee pool, to another
    Transfer {
        /// The giver: an account's number, or fees
        #[arg(long)]
        from: String,
        /// The receiver: an account's number
        #[arg(long)]
        to: u32,
        #[command(flatten)]
        money: MoneyArgs,
    },
}

#[derive(Args)]
pub(super) struct AccountMoneyArgs {
    /// The account's number
    #[arg(long)]
    account: u32,
    #[command(flatten)]
    money: MoneyArgs,
}

#[derive(Args)]
pub(super) struct MoneyArgs {
    /// Name of the asset
    #[arg(long)]
    asset: String,
    /// How much, such as 1000.50
    #[arg(long, allow_hyphen_values = true)]
    amount: String,
    /// The business reference: the same one again is answered, never applied twice
    #[arg(long)]
    reference: String,
    /// Its business time: RFC 3339 such as 2026-11-21T14:30:00Z, or seconds since 1970; at most 30 days old [default: now]
    #[arg(long, allow_hyphen_values = true)]
    at: Option<String>,
}

#[derive(Args)]
pub(super) struct HeldArgs {
    /// The account's number
    #[arg(long)]
    account: u32,
    /// The reference with which it was held
    #[arg(long)]
    reference: String,
}

impl From<AccountMoneyArgs> for MoneyRequest {
    fn from(args: AccountMoneyArgs) -> Self {
        let AccountMoneyArgs { account, money: MoneyArgs { asset, amount, reference, at } } = args;
        Self { account, asset, amount, reference, at }
    }
}

impl From<MoneyCommand> for AdminRequest {
    fn from(command: MoneyCommand) -> Self {
        match command {
            MoneyCommand::Deposit(money) => Self::Deposit(money.into()),
            MoneyCommand::Withdraw(money) => Self::Withdraw(money.into()),
            MoneyCommand::Hold(money) => Self::HoldWithdrawal(money.into()),
            MoneyCommand::Settle(HeldArgs { account, reference }) => Self::SettleWithdrawal { account, reference },
            MoneyCommand::Release(HeldArgs { account, reference }) => Self::ReleaseWithdrawal { account, reference },
            MoneyCommand::Transfer { from, to, money: MoneyArgs { asset, amount, reference, at } } => {
                Self::Transfer(TransferRequest { from, to, asset, amount, reference, at })
            }
        }
    }
}
