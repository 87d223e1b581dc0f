//! From events to rows: pure, no database.
//!
//! ```text
//!   whole commands --[Projection::project]--> Rows --[write]--> one transaction
//! ```
//!
//! Invariants: the same events make the same rows, however they are cut into batches; the balance lines of one command
//! add up to zero for each asset; an order that changes several times in a batch is written once, as it is at the end.

use std::collections::HashMap;

use tidegate_domain::{
    AssetAmount, AssetId, CancelReason, CommandKind, Event, EventHeader, EventRecord, Fill, Liquidity,
    MarketDefinition, MarketId, MarketState, OrderId, Qty, Reference,
};

use crate::SqlSinkError;
use crate::rows::{
    AccountRow, AccountSetting, AssetRow, At, BalanceRow, FEES, FeeTierRow, InternalTransferRow, KeyRow, MarketRow,
    OUTSIDE, OrderChange, OrderRow, OrderState, PENDING, RejectRow, Rows, TradeRow, TransferRow, WithdrawalEnd,
    WithdrawalRow,
};

const OPEN: &str = "open";
const FILLED: &str = "filled";
const CANCELLED: &str = "cancelled";

/// What the projection must know from earlier events: the markets.
#[derive(Debug, Default)]
pub(crate) struct Projection {
    markets: HashMap<MarketId, MarketDefinition>,
}

impl Projection {
    /// Goes on with the markets that the database has.
    pub(crate) fn new(markets: impl IntoIterator<Item = (MarketId, MarketDefinition)>) -> Self {
        Self { markets: markets.into_iter().collect() }
    }

    /// The rows of whole commands.
    pub(crate) fn project(&mut self, events: &[EventRecord]) -> Result<Rows, SqlSinkError> {
        let mut batch = Batch::new(self);
        for record in events {
            let (header, event) = record.decode().map_err(|source| SqlSinkError::Record {
                sequence: record.sequence(),
                index: record.index(),
                source,
            })?;
            batch.event(&header, &event)?;
        }
        batch.finish()
    }
}

/// Where an order of this batch is in the rows.
enum Place {
    New(usize),
    Changed(usize),
}

struct Batch<'a> {
    markets: &'a mut HashMap<MarketId, MarketDefinition>,
    rows: Rows,
    places: HashMap<OrderId, Place>,
    /// A taker's fill whose maker's is the next event.
    open_trade: Option<(EventHeader, Fill)>,
}

impl<'a> Batch<'a> {
    fn new(projection: &'a mut Projection) -> Self {
        let markets = &mut projection.markets;
        Self { markets, rows: Rows::default(), places: HashMap::new(), open_trade: None }
    }

    fn finish(self) -> Result<Rows, SqlSinkError> {
        match self.open_trade {
            Some((header, _)) => Err(half_a_trade(&header)),
            None => Ok(self.rows),
        }
    }

    fn event(&mut self, header: &EventHeader, event: &Event) -> Result<(), SqlSinkError> {
        if let Some((taker, _)) = &self.open_trade
            && !matches!(event, Event::Fill(_))
        {
            return Err(half_a_trade(taker));
        }
        let number = Numbers(header);
        match *event {
            Event::OrderAccepted { .. } => self.accepted(header, event)?,
            Event::Fill(ref fill) => self.fill(header, fill)?,
            Event::OrderCancelled { order, reason, .. } => self.cancelled(header, order, reason)?,
            Event::OrderReduced { order, leaves, .. } => {
                let leaves = number.lots("leaves", leaves)?;
                let state = self.state(header, order)?;
                state.leaves = leaves;
            }
            Event::OrderReplaced { order, price, leaves, .. } => {
                let leaves = number.lots("leaves", leaves)?;
                let state = self.state(header, order)?;
                (state.leaves, state.price, state.qty) = (leaves, Some(price.ticks()), Some(state.filled + leaves));
            }
            Event::Deposited { asset, amount, reference } => {
                self.transfer(header, asset, signed(amount), reference.as_str(), "deposit")?;
            }
            Event::Withdrawn { asset, amount, reference } => {
                self.transfer(header, asset, -signed(amount), reference.as_str(), "withdrawal")?;
            }
            Event::WithdrawalHeld { asset, amount, reference } => {
                self.rows.withdrawals.push(WithdrawalRow {
                    sequence: number.sequence()?,
                    account: header.account.raw().into(),
                    asset: asset.raw().into(),
                    amount: amount.to_string(),
                    reference: reference.as_str().to_owned(),
                    time: number.time()?,
                });
                let (account, amount) = (i64::from(header.account.raw()), signed(amount));
                let reason = "withdrawal_held";
                self.lines(header, &[(account, asset, -amount, reason), (PENDING, asset, amount, reason)])?;
            }
            Event::WithdrawalSettled { asset, amount, reference } => {
                self.record_transfer(header, asset, -signed(amount), reference.as_str())?;
                self.end_withdrawal(header, reference, "settled")?;
                let (amount, reason) = (signed(amount), "withdrawal_settled");
                self.lines(header, &[(PENDING, asset, -amount, reason), (OUTSIDE, asset, amount, reason)])?;
            }
            Event::WithdrawalReleased { asset, amount, reference } => {
                self.end_withdrawal(header, reference, "released")?;
                let (account, amount) = (i64::from(header.account.raw()), signed(amount));
                let reason = "withdrawal_released";
                self.lines(header, &[(PENDING, asset, -amount, reason), (account, asset, amount, reason)])?;
            }
            Event::Transferred { to, asset, amount, reference } => {
                // Account 0 is the fee pool here and there.
                let (from, to) = (i64::from(header.account.raw()), i64::from(to.raw()));
                self.rows.internal_transfers.push(InternalTransferRow {
                    sequence: number.sequence()?,
                    from,
                    to,
                    asset: asset.raw().into(),
                    amount: amount.to_string(),
                    reference: reference.as_str().to_owned(),
                    time: number.time()?,
                });
                let amount = signed(amount);
                self.lines(header, &[(from, asset, -amount, "transfer"), (to, asset, amount, "transfer")])?;
            }
            Event::Rejected { reason, command } => self.rows.rejects.push(RejectRow {
                at: number.at()?,
                key: header.key.raw().into(),
                account: header.account.raw().into(),
                request: header.request.raw().to_string(),
                command: command.as_str(),
                reason: reason.as_str(),
                time: number.time()?,
            }),
            Event::QuoteRejected { reason, .. } => self.rows.rejects.push(RejectRow {
                at: number.at()?,
                key: header.key.raw().into(),
                account: header.account.raw().into(),
                request: header.request.raw().to_string(),
                command: CommandKind::MassQuote.as_str(),
                reason: reason.as_str(),
                time: number.time()?,
            }),
            Event::AssetCreated { asset, name, decimals } => self.rows.assets.push(AssetRow {
                asset: asset.raw().into(),
                name: name.as_str().to_owned(),
                decimals: decimals.into(),
                created: number.sequence()?,
            }),
            Event::MarketCreated(definition) => {
                self.markets.insert(header.market, definition);
                let (market, created) = (header.market.raw().into(), number.sequence()?);
                self.rows.markets.push(MarketRow { market, definition, created });
                self.rows.market_states.push((market, MarketState::Open.as_str()));
            }
            Event::MarketStateChanged { state } => {
                self.rows.market_states.push((header.market.raw().into(), state.as_str()));
            }
            Event::AccountCreated { name } => self.rows.accounts.push(AccountRow {
                account: header.account.raw().into(),
                name: name.as_str().to_owned(),
                created: number.sequence()?,
            }),
            Event::KeyCreated { key, name, public_key, roles } => self.rows.keys.push(KeyRow {
                key: key.raw().into(),
                account: header.account.raw().into(),
                name: name.as_str().to_owned(),
                public_key,
                roles: roles.to_string(),
                created: number.sequence()?,
            }),
            Event::MarketRulesSet(rules) => self.rows.market_rules.push((header.market.raw().into(), rules)),
            Event::AccountLimitsSet(limits) => self.setting(header, AccountSetting::Limits(limits)),
            Event::AccountOwnerSet { owner } => self.setting(header, AccountSetting::Owner(owner)),
            Event::AccountTierSet { tier } => self.setting(header, AccountSetting::Tier(tier)),
            Event::KillSwitchSet { engaged, .. } => self.setting(header, AccountSetting::Killed(engaged)),
            Event::FeeTierSet { tier, maker_fee, taker_fee } => self.rows.fee_tiers.push(FeeTierRow {
                tier: tier.into(),
                maker_fee_ppm: maker_fee.ppm().into(),
                taker_fee_ppm: taker_fee.ppm().into(),
            }),
            Event::KeyRolesSet { key, roles } => self.rows.key_roles.push((key.raw().into(), roles.to_string())),
            Event::KeyNetworksSet { key, networks } => {
                self.rows.key_networks.push((key.raw().into(), networks.to_string()));
            }
            // Answers, sessions, keys' timers and protections are nobody's money, no order's state and no operator's setting.
            Event::OrderTriggered { .. }
            | Event::OrderRefreshed { .. }
            | Event::ProtectionSet { .. }
            | Event::ProtectionReset { .. }
            | Event::ProtectionTriggered { .. }
            | Event::Outcome { .. }
            | Event::CancelAllDone { .. }
            | Event::MassQuoteDone { .. }
            | Event::CancelAllAfterSet { .. }
            | Event::CancelAllAfterFired { .. }
            | Event::OrderStatus(_)
            | Event::BalanceStatus { .. }
            | Event::QueryDone { .. }
            | Event::SessionOpened { .. }
            | Event::SessionClosed { .. }
            | Event::JournalBegun(_)
            | Event::LeadTaken { .. }
            | Event::DurabilityChanged { .. } => {}
        }
        Ok(())
    }

    fn accepted(&mut self, header: &EventHeader, event: &Event) -> Result<(), SqlSinkError> {
        let Event::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty, .. } = *event else {
            unreachable!("the caller dispatches on the kind");
        };
        let number = Numbers(header);
        let (created, created_time, qty) = (number.sequence()?, number.time()?, number.lots("qty", qty)?);
        self.places.insert(order, Place::New(self.rows.orders.len()));
        self.rows.orders.push(OrderRow {
            order: number.u64("order", order.raw())?,
            account: header.account.raw().into(),
            key: header.key.raw().into(),
            request: header.request.raw().to_string(),
            market: header.market.raw().into(),
            side: side.as_str(),
            order_type: order_type.as_str(),
            time_in_force: time_in_force.as_str(),
            post_only,
            price: price.ticks(),
            qty,
            created,
            created_time,
            state: OrderState {
                leaves: qty,
                filled: 0,
                status: OPEN,
                cancel_reason: None,
                price: None,
                qty: None,
                updated: created,
                updated_time: created_time,
            },
        });
        Ok(())
    }

    fn cancelled(&mut self, header: &EventHeader, order: OrderId, reason: CancelReason) -> Result<(), SqlSinkError> {
        let state = self.state(header, order)?;
        state.leaves = 0;
        state.status = CANCELLED;
        state.cancel_reason = Some(reason.as_str());
        Ok(())
    }

    fn fill(&mut self, header: &EventHeader, fill: &Fill) -> Result<(), SqlSinkError> {
        let number = Numbers(header);
        let (qty, leaves) = (number.lots("qty", fill.qty)?, number.lots("leaves", fill.leaves)?);
        let state = self.state(header, fill.order)?;
        state.leaves = leaves;
        state.filled += qty;
        state.status = if leaves == 0 { FILLED } else { OPEN };
        self.postings(header, fill)?;
        match (self.open_trade.take(), fill.liquidity) {
            (None, Liquidity::Taker) => self.open_trade = Some((*header, *fill)),
            (Some((taker_header, taker)), Liquidity::Maker)
                if taker.counter_order == fill.order
                    && fill.counter_order == taker.order
                    && taker_header.sequence == header.sequence
                    && taker_header.index + 1 == header.index =>
            {
                let row = trade(&taker_header, &taker, header, fill)?;
                self.rows.trades.push(row);
            }
            _ => return Err(half_a_trade(header)),
        }
        Ok(())
    }

    /// The lines of one side of a trade: what it pays, what it receives, its fee, and who gets the fee.
    fn postings(&mut self, header: &EventHeader, fill: &Fill) -> Result<(), SqlSinkError> {
        let market = self.markets.get(&header.market).ok_or(SqlSinkError::UnknownMarket {
            sequence: header.sequence,
            index: header.index,
            market: header.market,
        })?;
        let settlement = market.settlement(fill.side, fill.price, fill.qty);
        let account = i64::from(header.account.raw());
        // A rebate is a fee the other way, in the asset that the taker's fee is in.
        let (fee, asset, reason) = if fill.is_rebate {
            (-signed(fill.fee), settlement.pays, "rebate")
        } else {
            (signed(fill.fee), settlement.receives, "fee")
        };
        self.lines(
            header,
            &[
                (account, settlement.pays, -signed(settlement.paid), "trade_paid"),
                (account, settlement.receives, signed(settlement.received), "trade_received"),
                (account, asset, -fee, reason),
                (FEES, asset, fee, reason),
            ],
        )
    }

    fn transfer(
        &mut self,
        header: &EventHeader,
        asset: AssetId,
        delta: i128,
        reference: &str,
        reason: &'static str,
    ) -> Result<(), SqlSinkError> {
        self.record_transfer(header, asset, delta, reference)?;
        let account = i64::from(header.account.raw());
        self.lines(header, &[(account, asset, delta, reason), (OUTSIDE, asset, -delta, reason)])
    }

    /// Money that came from outside or went there.
    fn record_transfer(
        &mut self,
        header: &EventHeader,
        asset: AssetId,
        delta: i128,
        reference: &str,
    ) -> Result<(), SqlSinkError> {
        let number = Numbers(header);
        let account = i64::from(header.account.raw());
        self.rows.transfers.push(TransferRow {
            sequence: number.sequence()?,
            account,
            asset: asset.raw().into(),
            delta: delta.to_string(),
            reference: reference.to_owned(),
            time: number.time()?,
        });
        Ok(())
    }

    fn end_withdrawal(
        &mut self,
        header: &EventHeader,
        reference: Reference,
        state: &'static str,
    ) -> Result<(), SqlSinkError> {
        let number = Numbers(header);
        let (sequence, time) = (number.sequence()?, number.time()?);
        let reference = reference.as_str().to_owned();
        self.rows.withdrawal_ends.push(WithdrawalEnd { reference, state, sequence, time });
        Ok(())
    }

    fn setting(&mut self, header: &EventHeader, setting: AccountSetting) {
        self.rows.account_settings.push((header.account.raw().into(), setting));
    }

    /// Balance lines of one event; a line of nothing is left out.
    fn lines(
        &mut self,
        header: &EventHeader,
        lines: &[(i64, AssetId, i128, &'static str)],
    ) -> Result<(), SqlSinkError> {
        let at = Numbers(header).at()?;
        let lines = lines.iter().filter(|(_, _, delta, _)| *delta != 0);
        self.rows.balance_changes.extend(lines.zip(0..).map(|((account, asset, delta, reason), line)| BalanceRow {
            at,
            line,
            account: *account,
            asset: asset.raw().into(),
            delta: delta.to_string(),
            reason,
        }));
        Ok(())
    }

    /// The state of an order, to change: of this batch, or of an earlier one. Stamps the event that changes it.
    fn state(&mut self, header: &EventHeader, order: OrderId) -> Result<&mut OrderState, SqlSinkError> {
        let number = Numbers(header);
        let (updated, updated_time) = (number.sequence()?, number.time()?);
        let place = match self.places.entry(order) {
            std::collections::hash_map::Entry::Occupied(found) => found.into_mut(),
            std::collections::hash_map::Entry::Vacant(free) => {
                let state = OrderState {
                    leaves: 0,
                    filled: 0,
                    status: OPEN,
                    cancel_reason: None,
                    price: None,
                    qty: None,
                    updated,
                    updated_time,
                };
                self.rows.order_changes.push(OrderChange { order: number.u64("order", order.raw())?, state });
                free.insert(Place::Changed(self.rows.order_changes.len() - 1))
            }
        };
        let state = match *place {
            Place::New(at) => &mut self.rows.orders[at].state,
            Place::Changed(at) => &mut self.rows.order_changes[at].state,
        };
        (state.updated, state.updated_time) = (updated, updated_time);
        Ok(state)
    }
}

fn trade(
    taker_header: &EventHeader,
    taker: &Fill,
    maker_header: &EventHeader,
    maker: &Fill,
) -> Result<TradeRow, SqlSinkError> {
    let number = Numbers(taker_header);
    Ok(TradeRow {
        at: number.at()?,
        market: taker_header.market.raw().into(),
        price: taker.price.ticks(),
        qty: number.lots("qty", taker.qty)?,
        taker_side: taker.side.as_str(),
        taker_order: number.u64("order", taker.order.raw())?,
        taker_account: taker_header.account.raw().into(),
        taker_fee: taker.fee.to_string(),
        maker_order: number.u64("order", maker.order.raw())?,
        maker_account: maker_header.account.raw().into(),
        maker_fee: if maker.is_rebate { format!("-{}", maker.fee) } else { maker.fee.to_string() },
        time: number.time()?,
    })
}

fn half_a_trade(header: &EventHeader) -> SqlSinkError {
    SqlSinkError::HalfATrade { sequence: header.sequence, index: header.index }
}

fn signed(amount: AssetAmount) -> i128 {
    i128::try_from(amount.units()).expect("amounts stay below 2^96")
}

/// An event's numbers as SQL integers; an error names the event and the number that does not fit.
struct Numbers<'a>(&'a EventHeader);

impl Numbers<'_> {
    fn u64(&self, field: &'static str, value: u64) -> Result<i64, SqlSinkError> {
        i64::try_from(value).map_err(|_| SqlSinkError::TooLarge {
            sequence: self.0.sequence,
            index: self.0.index,
            field,
            value,
        })
    }

    fn lots(&self, field: &'static str, qty: Qty) -> Result<i64, SqlSinkError> {
        self.u64(field, qty.lots())
    }

    fn sequence(&self) -> Result<i64, SqlSinkError> {
        self.u64("sequence", self.0.sequence.raw())
    }

    fn time(&self) -> Result<i64, SqlSinkError> {
        self.u64("time", self.0.time.nanos())
    }

    fn at(&self) -> Result<At, SqlSinkError> {
        Ok(At { sequence: self.sequence()?, index: self.0.index.into() })
    }
}
