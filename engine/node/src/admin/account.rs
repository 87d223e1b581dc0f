//! Accounts and keys: limits, fee tiers, roles, networks.

use serde_json::{Value, json};
use tidegate_domain::{
    AccountId, AccountLimits, AssetAmount, Command, FeeRate, KeyId, NETWORKS_MAX, Network, Networks, Qty, Reject, Roles,
};

use super::market::{MILLION, fee};
use super::request::LimitsRequest;
use super::{Refusal, change, name, refused};
use crate::control::Control;

/// Amounts stay below it everywhere. RULES.md of `matching`, 8.
const UNITS_LIMIT: u128 = 1 << 96;

/// Limits by name; 0 is none.
pub(crate) fn limits_json(limits: &AccountLimits) -> Value {
    json!({
        "open_orders_max": limits.open_orders_max,
        "market_open_orders_max": limits.market_open_orders_max,
        "qty_max_lots": limits.qty_max.lots(),
        "notional_max_units": limits.notional_max.to_string(),
    })
}

/// Changes what is given of the limits that the account has now.
pub(super) async fn set_limits(control: &Control, given: &LimitsRequest) -> Result<Value, Refusal> {
    let notional_max = given.notional_max_units.as_deref().map(notional).transpose()?;
    let is_empty = given.open_orders_max.is_none() && given.market_open_orders_max.is_none();
    if is_empty && given.qty_max_lots.is_none() && notional_max.is_none() {
        let allowed = "open_orders_max, market_open_orders_max, qty_max_lots, notional_max_units";
        return Err(Refusal::field("limits", format!("are empty; allowed: {allowed}")));
    }
    let _one_at_a_time = control.desk.settled(&control.marks, &control.log).await?;
    let account = AccountId::new(given.account);
    let old = control.desk.directory().account(account).map(|entry| entry.limits);
    let old = old.ok_or_else(|| refused(Reject::UnknownAccount))?;
    let new = AccountLimits {
        open_orders_max: given.open_orders_max.unwrap_or(old.open_orders_max),
        market_open_orders_max: given.market_open_orders_max.unwrap_or(old.market_open_orders_max),
        qty_max: given.qty_max_lots.map_or(old.qty_max, Qty::from_lots),
        notional_max: notional_max.unwrap_or(old.notional_max),
    };
    let mut reply = change(control, account, Command::SetAccountLimits(new)).await?;
    (reply["old"], reply["new"]) = (limits_json(&old), limits_json(&new));
    Ok(reply)
}

fn notional(text: &str) -> Result<AssetAmount, Refusal> {
    let units = text.parse().ok().filter(|units| *units < UNITS_LIMIT);
    let allowed = || Refusal::out_of_range("notional_max_units", text, "a whole number below 2^96; 0 is none");
    units.map(AssetAmount::from_units).ok_or_else(allowed)
}

pub(super) fn fee_tier(tier: u8, maker_fee_ppm: i32, taker_fee_ppm: i32) -> Result<Command, Refusal> {
    if tier == 0 {
        return Err(Refusal::out_of_range("tier", "0", "1 to 255; 0 is the market's own fees"));
    }
    let maker_fee: FeeRate = fee("maker_fee_ppm", maker_fee_ppm, -MILLION)?;
    Ok(Command::SetFeeTier { tier, maker_fee, taker_fee: fee("taker_fee_ppm", taker_fee_ppm, 0)? })
}

pub(super) fn create_key(text: &str, public_key: &str, roles_text: &str) -> Result<Command, Refusal> {
    let key = hex::decode(public_key).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    let public_key = key.ok_or_else(|| Refusal::field("public_key", "must be 64 hexadecimal digits"))?;
    Ok(Command::CreateKey { name: name("name", text)?, public_key, roles: roles(roles_text)? })
}

/// The account of a key goes into the header.
pub(super) fn set_roles(control: &Control, key: u32, roles_text: &str) -> Result<(AccountId, Command), Refusal> {
    let (roles, key) = (roles(roles_text)?, KeyId::new(key));
    Ok((account_of(control, key)?, Command::SetKeyRoles { key, roles }))
}

/// The account of a key goes into the header.
pub(super) fn set_networks(control: &Control, key: u32, texts: &[String]) -> Result<(AccountId, Command), Refusal> {
    let (networks, key) = (networks(texts)?, KeyId::new(key));
    Ok((account_of(control, key)?, Command::SetKeyNetworks { key, networks }))
}

fn account_of(control: &Control, key: KeyId) -> Result<AccountId, Refusal> {
    control.desk.directory().account_of(key).ok_or_else(|| refused(Reject::UnknownKey))
}

fn networks(texts: &[String]) -> Result<Networks, Refusal> {
    texts.iter().try_fold(Networks::default(), |networks, text| {
        let network: Network =
            text.parse().map_err(|error| Refusal::field("networks", format!("has `{text}`: {error}")))?;
        let too_many = || Refusal::field("networks", format!("are {}; allowed: up to {NETWORKS_MAX}", texts.len()));
        networks.with(network).ok_or_else(too_many)
    })
}

fn roles(text: &str) -> Result<Roles, Refusal> {
    text.parse().map_err(|_| {
        let allowed = "read, trade, pay and admin, joined by commas, or none";
        Refusal::out_of_range("roles", text, allowed)
    })
}
