//! What the operator reads of an answer.

use serde_json::{Value, json};
use tidegate_domain::{AssetAmount, AssetId, Event, EventHeader, Reference};
use tidegate_wire::format_decimal;

use super::{Refusal, refused};
use crate::directory::Directory;

/// The first event of a command as JSON, or its refusal.
pub(super) fn outcome(header: &EventHeader, event: &Event, directory: &Directory) -> Result<Value, Refusal> {
    let (account, market) = (header.account.raw(), header.market.raw());
    let money = |asset: AssetId, amount: AssetAmount, reference: Reference| {
        let known = directory.asset(asset);
        json!({
            "asset": known.map(|(name, _)| name.to_string()),
            "amount": known.map(|(_, decimals)| format_decimal(amount.units(), decimals)),
            "units": amount.units().to_string(),
            "reference": reference.as_str(),
        })
    };
    let mut value = match *event {
        Event::Rejected { reason, .. } | Event::Outcome { reject: Some(reason), .. } => return Err(refused(reason)),
        Event::Outcome { original, .. } => json!({ "already_applied_at": original.raw() }),
        Event::AssetCreated { asset, name, .. } => json!({ "asset": asset.raw(), "name": name.as_str() }),
        Event::MarketCreated(ref created) => json!({ "market": market, "name": created.name.as_str() }),
        Event::AccountCreated { name } => json!({ "account": account, "name": name.as_str() }),
        Event::KeyCreated { key, name, roles, .. } => {
            json!({ "key": key.raw(), "name": name.as_str(), "roles": roles.to_string() })
        }
        Event::MarketStateChanged { state } => json!({ "market": market, "state": state.as_str() }),
        Event::MarketRulesSet(_) => json!({ "market": market }),
        Event::AccountLimitsSet(_) => json!({ "account": account }),
        Event::AccountOwnerSet { owner } => json!({ "account": account, "owner": owner }),
        Event::AccountTierSet { tier } => json!({ "account": account, "tier": tier }),
        Event::FeeTierSet { tier, maker_fee, taker_fee } => {
            json!({ "tier": tier, "maker_fee_ppm": maker_fee.ppm(), "taker_fee_ppm": taker_fee.ppm() })
        }
        Event::KillSwitchSet { engaged, cancelled } => {
            json!({ "account": account, "killed": engaged, "cancelled": cancelled })
        }
        Event::KeyRolesSet { key, roles } => json!({ "key": key.raw(), "roles": roles.to_string() }),
        Event::KeyNetworksSet { key, networks } => json!({ "key": key.raw(), "networks": networks.to_string() }),
        Event::Deposited { asset, amount, reference }
        | Event::Withdrawn { asset, amount, reference }
        | Event::WithdrawalHeld { asset, amount, reference }
        | Event::WithdrawalSettled { asset, amount, reference }
        | Event::WithdrawalReleased { asset, amount, reference } => {
            let mut value = money(asset, amount, reference);
            value["account"] = json!(account);
            value
        }
        Event::Transferred { to, asset, amount, reference } => {
            let mut value = money(asset, amount, reference);
            value["from"] = if account == 0 { json!("fees") } else { json!(account) };
            value["to"] = json!(to.raw());
            value
        }
        ref other => json!({ "event": other.kind().as_str() }),
    };
    value["at"] = json!({ "epoch": header.epoch.raw(), "sequence": header.sequence.raw() });
    Ok(value)
}
