//! Protection of a group: too many fills in a window pull all of its orders. RULES.md 7.6.

use tidegate_domain::{CancelReason, Event, Nanos, Qty, Reject, Timestamp};

use crate::engine::money::UNITS_LIMIT;
use crate::engine::open_orders::Identity;
use crate::engine::outcomes::RequestResult;
use crate::engine::tables::{PROTECTIONS_MAX, Protection};
use crate::engine::{Call, Engine, To};

impl Engine {
    pub(in crate::engine) fn set_protection(
        &mut self,
        call: &mut Call<'_>,
        group: u8,
        window: Nanos,
        qty_max: Qty,
        count_max: u32,
    ) -> RequestResult {
        if group == 0 {
            return Err(Reject::GroupZero);
        }
        let id = call.header.account;
        let account = self.accounts.get_mut(id.raw()).expect("a key's account exists");
        let new = Protection {
            group,
            is_triggered: false,
            count_max,
            count: 0,
            window,
            qty_max,
            qty: 0,
            since: Timestamp::from_nanos(0),
        };
        let protections = &mut account.protections;
        let is_none = window.nanos() == 0 && qty_max.is_zero() && count_max == 0;
        let at = protections.iter().position(|protection| protection.group == group);
        match at {
            None if is_none => {}
            None if protections.len() == PROTECTIONS_MAX => return Err(Reject::TableFull),
            None => {
                protections.push(new);
                self.sum.add(new.hash(id));
            }
            Some(at) if is_none => {
                let old = protections.swap_remove(at);
                self.sum.remove(old.hash(id));
            }
            Some(at) => {
                let old = core::mem::replace(&mut protections[at], new);
                self.sum.replace(old.hash(id), new.hash(id));
            }
        }
        self.emit(call, call.requester(), Event::ProtectionSet { group, window, qty_max, count_max });
        Ok(None)
    }

    pub(in crate::engine) fn reset_protection(&mut self, call: &mut Call<'_>, group: u8) -> RequestResult {
        if group == 0 {
            return Err(Reject::GroupZero);
        }
        let id = call.header.account;
        let account = self.accounts.get_mut(id.raw()).expect("a key's account exists");
        if let Some(protection) = account.protection_mut(group) {
            let before = protection.hash(id);
            (protection.is_triggered, protection.count, protection.qty) = (false, 0, 0);
            protection.since = Timestamp::from_nanos(0);
            self.sum.replace(before, protection.hash(id));
        }
        self.emit(call, call.requester(), Event::ProtectionReset { group });
        Ok(None)
    }

    /// Counts a fill of an order in a group; whether the group is pulled by it.
    pub(super) fn count_fill(&mut self, call: &mut Call<'_>, who: &Identity, group: u8, qty: Qty) -> bool {
        let now = call.header.time;
        let account = self.accounts.get_mut(who.account.raw()).expect("the account of an order exists");
        let Some(protection) = account.protection_mut(group) else { return false };
        if protection.is_triggered {
            return false;
        }
        let before = protection.hash(who.account);
        if protection.count == 0 || now.since(protection.since) > protection.window {
            (protection.count, protection.qty, protection.since) = (0, 0, now);
        }
        protection.count = protection.count.saturating_add(1);
        // No limit is that high; it must only stay a number that a snapshot may have.
        protection.qty = (protection.qty + u128::from(qty.lots())).min(UNITS_LIMIT - 1);
        let too_many = protection.count_max > 0 && protection.count >= protection.count_max;
        let too_much = !protection.qty_max.is_zero() && protection.qty >= u128::from(protection.qty_max.lots());
        protection.is_triggered = too_many || too_much;
        let is_triggered = protection.is_triggered;
        self.sum.replace(before, protection.hash(who.account));
        if is_triggered {
            self.emit(call, To::creator(who), Event::ProtectionTriggered { group });
            self.cancel_matching(call, who.account, CancelReason::Protection, |order| order.group == group);
        }
        is_triggered
    }
}
