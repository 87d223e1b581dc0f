//! Money: amounts in decimals of the asset, business references and times.

use tidegate_domain::{AccountId, AssetAmount, Command, Name, Reference, Timestamp};
use tidegate_wire::decimal::parse_decimal;

use super::request::{MoneyRequest, TransferRequest};
use super::time::parse_time;
use super::{Refusal, decimals, name};
use crate::control::Control;

/// The checked parts of a money command with an amount.
struct Money {
    asset: Name,
    amount: AssetAmount,
    reference: Reference,
    at: Timestamp,
}

impl Money {
    fn of(control: &Control, asset: &str, amount: &str, reference: &str, at: Option<&String>) -> Result<Self, Refusal> {
        let asset = name("asset", asset)?;
        let places = decimals(control, "asset", &asset)?;
        let units =
            parse_decimal(amount, places).map_err(|error| Refusal::field("amount", format!("is refused: {error}")))?;
        let at = at.map_or_else(|| Ok(control.desk.now()), |text| time(text))?;
        Ok(Self { asset, amount: AssetAmount::from_units(units), reference: self::reference(reference)?, at })
    }
}

/// Which money command of one account.
#[derive(Clone, Copy)]
pub(super) enum Move {
    Deposit,
    Withdraw,
    Hold,
}

pub(super) fn of_account(
    control: &Control,
    which: Move,
    request: &MoneyRequest,
) -> Result<(AccountId, Command), Refusal> {
    let MoneyRequest { account, asset, amount, reference, at } = request;
    let Money { asset, amount, reference, at } = Money::of(control, asset, amount, reference, at.as_ref())?;
    let command = match which {
        Move::Deposit => Command::Deposit { asset, amount, reference, at },
        Move::Withdraw => Command::Withdraw { asset, amount, reference, at },
        Move::Hold => Command::HoldWithdrawal { asset, amount, reference, at },
    };
    Ok((AccountId::new(*account), command))
}

pub(super) fn transfer(control: &Control, request: &TransferRequest) -> Result<(AccountId, Command), Refusal> {
    let TransferRequest { from, to, asset, amount, reference, at } = request;
    // Account 0 is the fee pool; a 0 that somebody meant as an account must not take from it.
    let giver =
        match from.as_str() {
            "fees" => AccountId::default(),
            number => number.parse().ok().filter(|number| *number > 0).map(AccountId::new).ok_or_else(|| {
                Refusal::out_of_range("from", number, "an account's number, or `fees` for the fee pool")
            })?,
        };
    let Money { asset, amount, reference, at } = Money::of(control, asset, amount, reference, at.as_ref())?;
    Ok((giver, Command::Transfer { to: AccountId::new(*to), asset, amount, reference, at }))
}

/// A business reference, checked.
pub(super) fn reference(text: &str) -> Result<Reference, Refusal> {
    Reference::new(text).map_err(|error| Refusal::field("reference", error))
}

fn time(text: &str) -> Result<Timestamp, Refusal> {
    parse_time(text).ok_or_else(|| {
        Refusal::out_of_range("at", text, "RFC 3339 such as 2026-11-21T14:30:00Z, or whole seconds since 1970")
    })
}
