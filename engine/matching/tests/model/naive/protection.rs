//! What pulls the orders of a group: RULES.md, 7.6.

use tidegate_domain::*;

use super::{Answer, Naive, NaiveOrder, Protection, refuse_if};

/// Most groups of an account that have a protection.
const GROUPS_MAX: usize = 16;

impl Naive {
    pub(super) fn set_protection(&mut self, group: u8, window: Nanos, qty_max: Qty, count_max: u32) -> Answer {
        refuse_if(group == 0, Reject::GroupZero)?;
        let protections = &mut self.accounts[self.now.account.raw() as usize - 1].protections;
        let is_none = window.nanos() == 0 && qty_max.is_zero() && count_max == 0;
        let others = protections.iter().filter(|protection| protection.group != group).count();
        refuse_if(!is_none && others >= GROUPS_MAX, Reject::TableFull)?;
        protections.retain(|protection| protection.group != group);
        if !is_none {
            protections.push(Protection {
                group,
                window: window.nanos(),
                qty_max: qty_max.lots().into(),
                count_max: count_max.into(),
                since: None,
                qty: 0,
                count: 0,
                is_triggered: false,
            });
        }
        self.answer(0, Event::ProtectionSet { group, window, qty_max, count_max });
        Ok(None)
    }

    pub(super) fn reset_protection(&mut self, group: u8) -> Answer {
        refuse_if(group == 0, Reject::GroupZero)?;
        let protections = &mut self.accounts[self.now.account.raw() as usize - 1].protections;
        if let Some(protection) = protections.iter_mut().find(|protection| protection.group == group) {
            protection.is_triggered = false;
            (protection.since, protection.qty, protection.count) = (None, 0, 0);
        }
        self.answer(0, Event::ProtectionReset { group });
        Ok(None)
    }

    /// Whether new orders of the group are refused.
    pub(super) fn is_pulled(&self, account: u32, group: u8) -> bool {
        let mut protections = self.account(account).protections.iter();
        protections.any(|protection| protection.group == group && protection.is_triggered)
    }

    /// Counts a fill of `order`, and pulls its group if that was one too many: whether it did.
    pub(super) fn count_fill(&mut self, order: &NaiveOrder, qty: i128) -> bool {
        let now = self.now.time.nanos();
        let protections = &mut self.accounts[order.account as usize - 1].protections;
        let Some(protection) = protections.iter_mut().find(|protection| protection.group == order.group) else {
            return false;
        };
        if protection.is_triggered {
            return false;
        }
        let is_over = |since: u64| u128::from(now) > u128::from(since) + u128::from(protection.window);
        if protection.since.is_none_or(is_over) {
            (protection.since, protection.qty, protection.count) = (Some(now), 0, 0);
        }
        protection.qty += qty;
        protection.count += 1;
        let is_reached = |sum: i128, max: i128| max != 0 && sum >= max;
        if !is_reached(protection.qty, protection.qty_max) && !is_reached(protection.count, protection.count_max) {
            return false;
        }
        protection.is_triggered = true;
        let (account, group) = (order.account, order.group);
        self.tell_creator(order, Event::ProtectionTriggered { group });
        let is_meant = |other: &NaiveOrder| other.account == account && other.group == group;
        self.cancel_every(CancelReason::Protection, is_meant);
        true
    }
}
