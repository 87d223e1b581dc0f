//! Rows as they go into the tables of `schema.sql`: the output of the projection, the input of the writer.

use tidegate_domain::{AccountLimits, MarketRules};

/// Who collects the fees.
pub(crate) const FEES: i64 = 0;
/// Where deposits come from and withdrawals go.
pub(crate) const OUTSIDE: i64 = -1;

/// Where held withdrawals wait.
pub(crate) const PENDING: i64 = -2;

/// A position in the event log that a row is identified by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) sequence: i64,
    pub(crate) index: i64,
}

/// What one batch of events adds and changes.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    pub(crate) assets: Vec<AssetRow>,
    pub(crate) markets: Vec<MarketRow>,
    /// Market, state.
    pub(crate) market_states: Vec<(i64, &'static str)>,
    /// Market, rules.
    pub(crate) market_rules: Vec<(i64, MarketRules)>,
    pub(crate) accounts: Vec<AccountRow>,
    /// Account, what it is from here on.
    pub(crate) account_settings: Vec<(i64, AccountSetting)>,
    pub(crate) fee_tiers: Vec<FeeTierRow>,
    pub(crate) keys: Vec<KeyRow>,
    /// Key, roles.
    pub(crate) key_roles: Vec<(i64, String)>,
    /// Key, networks.
    pub(crate) key_networks: Vec<(i64, String)>,
    /// Orders that begin in this batch, as they are at its end.
    pub(crate) orders: Vec<OrderRow>,
    /// What becomes of older orders by the end of this batch.
    pub(crate) order_changes: Vec<OrderChange>,
    pub(crate) trades: Vec<TradeRow>,
    pub(crate) balance_changes: Vec<BalanceRow>,
    pub(crate) transfers: Vec<TransferRow>,
    pub(crate) internal_transfers: Vec<InternalTransferRow>,
    pub(crate) withdrawals: Vec<WithdrawalRow>,
    pub(crate) withdrawal_ends: Vec<WithdrawalEnd>,
    pub(crate) rejects: Vec<RejectRow>,
}

impl Rows {
    pub(crate) fn count(&self) -> u64 {
        let counts = [
            self.assets.len(),
            self.markets.len(),
            self.market_states.len(),
            self.market_rules.len(),
            self.accounts.len(),
            self.account_settings.len(),
            self.fee_tiers.len(),
            self.keys.len(),
            self.key_roles.len(),
            self.key_networks.len(),
            self.orders.len(),
            self.order_changes.len(),
            self.trades.len(),
            self.balance_changes.len(),
            self.transfers.len(),
            self.internal_transfers.len(),
            self.withdrawals.len(),
            self.withdrawal_ends.len(),
            self.rejects.len(),
        ];
        counts.iter().sum::<usize>() as u64
    }
}

#[derive(Debug)]
pub(crate) struct AssetRow {
    pub(crate) asset: i64,
    pub(crate) name: String,
    pub(crate) decimals: i64,
    pub(crate) created: i64,
}

#[derive(Debug)]
pub(crate) struct MarketRow {
    pub(crate) market: i64,
    pub(crate) definition: tidegate_domain::MarketDefinition,
    pub(crate) created: i64,
}

#[derive(Debug)]
pub(crate) struct AccountRow {
    pub(crate) account: i64,
    pub(crate) name: String,
    pub(crate) created: i64,
}

/// What an operator sets of an account.
#[derive(Debug)]
pub(crate) enum AccountSetting {
    Limits(AccountLimits),
    Owner(u32),
    Tier(u8),
    Killed(bool),
}

#[derive(Debug)]
pub(crate) struct FeeTierRow {
    pub(crate) tier: i64,
    pub(crate) maker_fee_ppm: i64,
    pub(crate) taker_fee_ppm: i64,
}

#[derive(Debug)]
pub(crate) struct KeyRow {
    pub(crate) key: i64,
    pub(crate) account: i64,
    pub(crate) name: String,
    pub(crate) public_key: [u8; 32],
    pub(crate) roles: String,
    pub(crate) created: i64,
}

/// What changes in the life of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrderState {
    pub(crate) leaves: i64,
    /// What was filled: in all for a new order, in this batch for an older one.
    pub(crate) filled: i64,
    pub(crate) status: &'static str,
    pub(crate) cancel_reason: Option<&'static str>,
    /// Its limit, where it was replaced.
    pub(crate) price: Option<i64>,
    /// What was left of it when it was replaced last, and `filled` before that: its new quantity, or what that is more than
    /// the database's `filled`.
    pub(crate) qty: Option<i64>,
    pub(crate) updated: i64,
    pub(crate) updated_time: i64,
}

#[derive(Debug)]
pub(crate) struct OrderRow {
    pub(crate) order: i64,
    pub(crate) account: i64,
    pub(crate) key: i64,
    pub(crate) request: String,
    pub(crate) market: i64,
    pub(crate) side: &'static str,
    pub(crate) order_type: &'static str,
    pub(crate) time_in_force: &'static str,
    pub(crate) post_only: bool,
    pub(crate) price: i64,
    pub(crate) qty: i64,
    pub(crate) created: i64,
    pub(crate) created_time: i64,
    pub(crate) state: OrderState,
}

#[derive(Debug)]
pub(crate) struct OrderChange {
    pub(crate) order: i64,
    pub(crate) state: OrderState,
}

#[derive(Debug)]
pub(crate) struct TradeRow {
    pub(crate) at: At,
    pub(crate) market: i64,
    pub(crate) price: i64,
    pub(crate) qty: i64,
    pub(crate) taker_side: &'static str,
    pub(crate) taker_order: i64,
    pub(crate) taker_account: i64,
    pub(crate) taker_fee: String,
    pub(crate) maker_order: i64,
    pub(crate) maker_account: i64,
    pub(crate) maker_fee: String,
    pub(crate) time: i64,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BalanceRow {
    pub(crate) at: At,
    pub(crate) line: i64,
    pub(crate) account: i64,
    pub(crate) asset: i64,
    pub(crate) delta: String,
    pub(crate) reason: &'static str,
}

#[derive(Debug)]
pub(crate) struct TransferRow {
    pub(crate) sequence: i64,
    pub(crate) account: i64,
    pub(crate) asset: i64,
    pub(crate) delta: String,
    pub(crate) reference: String,
    pub(crate) time: i64,
}

#[derive(Debug)]
pub(crate) struct InternalTransferRow {
    pub(crate) sequence: i64,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) asset: i64,
    pub(crate) amount: String,
    pub(crate) reference: String,
    pub(crate) time: i64,
}

#[derive(Debug)]
pub(crate) struct WithdrawalRow {
    pub(crate) sequence: i64,
    pub(crate) account: i64,
    pub(crate) asset: i64,
    pub(crate) amount: String,
    pub(crate) reference: String,
    pub(crate) time: i64,
}

/// What became of a held withdrawal, perhaps of this batch.
#[derive(Debug)]
pub(crate) struct WithdrawalEnd {
    pub(crate) reference: String,
    pub(crate) state: &'static str,
    pub(crate) sequence: i64,
    pub(crate) time: i64,
}

#[derive(Debug)]
pub(crate) struct RejectRow {
    pub(crate) at: At,
    pub(crate) key: i64,
    pub(crate) account: i64,
    pub(crate) request: String,
    pub(crate) command: &'static str,
    pub(crate) reason: &'static str,
    pub(crate) time: i64,
}
