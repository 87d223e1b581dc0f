//! Which records a tool shows: a range of sequences, and what they must concern.
//!
//! Invariant: what is asked for and cannot exist (a kind, a market, an order) is refused, not answered with nothing.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;
use tidegate_domain::{
    Command, CommandHeader, CommandKind, CommandRecord, Event, EventHeader, EventKind, EventRecord, OrderId,
    OrderTarget, RECORD_LEN_BYTES, Sequence,
};
use tidegate_journal::{BatchInfo, LogKind, VerifyReport, scan, scan_from, segments};

use super::fields::{Record, bytes_of};
use super::output::Failure;

/// Which sequences.
#[derive(Args, Clone, Copy)]
pub(super) struct RangeArgs {
    /// First sequence
    #[arg(long, value_name = "SEQ", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    from: u64,
    /// Last sequence
    #[arg(long, value_name = "SEQ")]
    to: Option<u64>,
    /// How many records at most
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

/// What records must concern: all that is given.
#[derive(Args, Clone)]
pub(super) struct FilterArgs {
    /// Only of this account: its own, transfers to it, trades against it
    #[arg(long, value_name = "ID")]
    account: Option<u32>,
    /// Only of this order: what created it, what was asked of it, what became of it
    #[arg(long, value_name = "ID")]
    order: Option<u64>,
    /// Only of this market, by number or name. A cancel, reduce or replace names its order and no market: use --order, or --log
    /// events
    #[arg(long, value_name = "MARKET")]
    market: Option<String>,
    /// Only of this key, or about it
    #[arg(long, value_name = "ID")]
    key: Option<u32>,
    /// Only of these kinds, such as new_order,cancel_order
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    kind: Vec<String>,
}

/// Arguments that were checked against the log.
#[derive(Debug, Default)]
pub(super) struct Filter {
    account: Option<u32>,
    order: Option<Order>,
    market: Option<Market>,
    key: Option<u32>,
    kinds: Vec<String>,
}

#[derive(Debug)]
struct Order {
    id: OrderId,
    /// Key and request that created it, by which it can be meant, too.
    created_by: Option<(u32, u64)>,
}

#[derive(Debug)]
struct Market {
    id: u32,
    name: Option<String>,
}

impl Filter {
    pub(super) fn new(args: &FilterArgs, dir: &Path, log: LogKind) -> Result<Self, Failure> {
        let known: Vec<&str> = match log {
            LogKind::Journal => CommandKind::ALL.iter().map(|kind| kind.as_str()).collect(),
            LogKind::Events => EventKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        };
        if let Some(unknown) = args.kind.iter().find(|kind| !known.contains(&kind.as_str())) {
            let known = known.join(", ");
            return Err(Failure::Refused(format!("--kind {unknown}: the {} log has {known}", log.prefix())));
        }
        Ok(Self {
            account: args.account,
            order: args.order.map(|id| find_order(dir, log, OrderId::new(id))).transpose()?,
            market: args.market.as_ref().map(|text| find_market(dir, text)).transpose()?,
            key: args.key,
            kinds: args.kind.clone(),
        })
    }

    /// Whether everything passes.
    pub(super) fn is_empty(&self) -> bool {
        self.account.is_none()
            && self.order.is_none()
            && self.market.is_none()
            && self.key.is_none()
            && self.kinds.is_empty()
    }

    pub(super) fn wants(&self, record: &Record) -> bool {
        if self.is_empty() {
            return true;
        }
        let kind = record.kind();
        (self.kinds.is_empty() || self.kinds.iter().any(|wanted| wanted == kind))
            && match record {
                Record::Command(header, command) => self.wants_command(header, command),
                Record::Event(header, event) => self.wants_event(header, event),
                Record::Unreadable { .. } => false,
            }
    }

    fn wants_command(&self, header: &CommandHeader, command: &Command) -> bool {
        let account = self.account.is_none_or(|account| {
            header.account.raw() == account || matches!(command, Command::Transfer { to, .. } if to.raw() == account)
        });
        let key = self.key.is_none_or(|key| {
            header.key.raw() == key || matches!(command, Command::SetKeyRoles { key: of, .. } | Command::SetKeyNetworks { key: of, .. } if of.raw() == key)
        });
        account
            && key
            && self.market.as_ref().is_none_or(|market| market.is_named_by(command))
            && self.order.as_ref().is_none_or(|order| order.is_meant_by(header, command))
    }

    fn wants_event(&self, header: &EventHeader, event: &Event) -> bool {
        let account = self.account.is_none_or(|account| {
            header.account.raw() == account
                || match event {
                    Event::Transferred { to, .. } => to.raw() == account,
                    Event::Fill(fill) => fill.counter_account.raw() == account,
                    _ => false,
                }
        });
        let key = self.key.is_none_or(|wanted| {
            header.key.raw() == wanted
                || match event {
                    Event::KeyCreated { key, .. }
                    | Event::KeyRolesSet { key, .. }
                    | Event::KeyNetworksSet { key, .. } => key.raw() == wanted,
                    Event::OrderStatus(order) => order.key.raw() == wanted,
                    _ => false,
                }
        });
        account
            && key
            && self.market.as_ref().is_none_or(|market| header.market.raw() == market.id)
            && self.order.as_ref().is_none_or(|order| orders_of(event).contains(&Some(order.id)))
    }
}

impl Order {
    fn is_meant_by(&self, header: &CommandHeader, command: &Command) -> bool {
        match command {
            Command::NewOrder(_) | Command::MassQuote(_) => header.sequence == self.id.age().0,
            Command::CancelOrder { target }
            | Command::ReduceOrder { target, .. }
            | Command::ReplaceOrder { target, .. } => match *target {
                OrderTarget::Order(order) => order == self.id,
                OrderTarget::Request(request) => self.created_by == Some((header.key.raw(), request.raw())),
            },
            _ => false,
        }
    }
}

impl Market {
    fn is_named_by(&self, command: &Command) -> bool {
        match command {
            Command::NewOrder(order) => order.market.raw() == self.id,
            // Without a market it means every one.
            Command::CancelAll(filter) => filter.market.is_none_or(|market| market.raw() == self.id),
            Command::MassQuote(slot) => slot.quotes().iter().any(|quote| quote.market.raw() == self.id),
            Command::CreateMarket(terms) => self.name.as_deref() == Some(terms.name.as_str()),
            Command::SetMarketState { market, .. } | Command::SetMarketRules { market, .. } => {
                self.name.as_deref() == Some(market.as_str())
            }
            _ => false,
        }
    }
}

/// The orders that an event tells of.
fn orders_of(event: &Event) -> [Option<OrderId>; 2] {
    match *event {
        Event::Outcome { order, .. } => [order, None],
        Event::Fill(ref fill) => [Some(fill.order), Some(fill.counter_order)],
        Event::OrderAccepted { order, .. }
        | Event::OrderCancelled { order, .. }
        | Event::OrderReduced { order, .. }
        | Event::OrderReplaced { order, .. }
        | Event::OrderTriggered { order, .. }
        | Event::OrderRefreshed { order, .. } => [Some(order), None],
        _ => [None, None],
    }
}

/// An order's id says which command created it.
fn find_order(dir: &Path, log: LogKind, id: OrderId) -> Result<Order, Failure> {
    if log == LogKind::Events {
        return Ok(Order { id, created_by: None });
    }
    let created = id.age().0;
    let mut found = None;
    scan_from(
        dir,
        log,
        created,
        |_, _| {},
        |batch, records| {
            let at = created.raw().checked_sub(batch.first.raw()).filter(|at| *at < batch.count.into());
            found = at.map(|at| bytes_of(&records[at as usize * RECORD_LEN_BYTES..][..RECORD_LEN_BYTES]));
            found.is_none() && batch.first <= created
        },
    )?;
    match found.map(|bytes| CommandRecord::from_bytes(bytes).decode()) {
        Some(Ok((header, Command::NewOrder(_)))) => {
            Ok(Order { id, created_by: Some((header.key.raw(), header.request.raw())) })
        }
        Some(Ok((_, Command::MassQuote(_)))) => Ok(Order { id, created_by: None }),
        _ => Err(Failure::Refused(format!(
            "--order {id}: no such order; the id of an order begins with the sequence of the new_order that created it"
        ))),
    }
}

/// A market by number or name. Names are those that the event log tells: a `create_market` may have been refused.
fn find_market(dir: &Path, text: &str) -> Result<Market, Failure> {
    let (names, is_whole) = market_names(dir)?;
    let by_number = text.parse().ok().map(|id: u32| Market { id, name: names.get(&id).cloned() });
    if let Some(market) = by_number
        && (market.name.is_some() || !is_whole)
    {
        return Ok(market);
    }
    let by_name = names.iter().find(|(_, name)| *name == text);
    by_name.map(|(id, name)| Market { id: *id, name: Some(name.clone()) }).ok_or_else(|| {
        let known: Vec<String> = names.iter().map(|(id, name)| format!("{id} {name}")).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let hint =
            if is_whole { "" } else { "; the event log, which has the names, is not whole: give the market's number" };
        Failure::Refused(format!("--market {text}: no such market; known: {known}{hint}"))
    })
}

/// The markets that the event log tells of, and whether it tells of all.
fn market_names(dir: &Path) -> Result<(BTreeMap<u32, String>, bool), Failure> {
    let mut names = BTreeMap::new();
    let is_whole = segments(dir, LogKind::Events)?.first().is_some_and(|first| first.number == 1);
    if !is_whole && segments(dir, LogKind::Events)?.is_empty() {
        return Ok((names, false));
    }
    scan(
        dir,
        LogKind::Events,
        |_, _| {},
        |_, records| {
            for record in records.chunks_exact(RECORD_LEN_BYTES) {
                if let Ok((header, Event::MarketCreated(market))) = EventRecord::from_bytes(bytes_of(record)).decode() {
                    names.insert(header.market.raw(), market.name.as_str().to_owned());
                }
            }
            true
        },
    )?;
    Ok((names, is_whole))
}

/// Gives every record of a range that a filter wants to `on_record`, which may end it by returning `false`.
pub(super) fn for_each(
    dir: &Path,
    log: LogKind,
    range: RangeArgs,
    filter: &Filter,
    mut on_record: impl FnMut(&Record) -> Result<bool, Failure>,
) -> Result<VerifyReport, Failure> {
    let RangeArgs { from, to, count } = range;
    let to = to.unwrap_or(u64::MAX);
    if from > to {
        return Err(Failure::Refused(format!("--from {from} is behind --to {to}")));
    }
    let mut left = count.unwrap_or(u64::MAX);
    let (mut failure, mut is_over) = (None, false);
    let on_batch = |batch: &BatchInfo, records: &[u8]| {
        if batch.first.raw() > to || left == 0 {
            is_over = true;
            return false;
        }
        for record in records.chunks_exact(RECORD_LEN_BYTES) {
            let sequence = CommandRecord::from_bytes(bytes_of(record)).sequence().raw();
            if sequence < from || sequence > to || left == 0 {
                continue;
            }
            let record = Record::of(log, bytes_of(record));
            if !filter.wants(&record) {
                continue;
            }
            left -= 1;
            match on_record(&record) {
                Ok(true) => {}
                Ok(false) => left = 0,
                Err(error) => {
                    failure = Some(error);
                    return false;
                }
            }
        }
        true
    };
    let report = scan_from(dir, log, Sequence::new(from), |_, _| {}, on_batch)?;
    if let Some(failure) = failure {
        return Err(failure);
    }
    if report.last.raw() < from && !is_over {
        return Err(Failure::Refused(format!(
            "--from {from}: the {} log ends at sequence {}",
            log.prefix(),
            report.last
        )));
    }
    Ok(report)
}
