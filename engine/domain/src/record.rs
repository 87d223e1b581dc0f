//! Commands and events as 128-byte records: what stands in a ring slot, in the journal and on the replication link.
//!
//!   Command --encode--> CommandRecord (ring = disk = QUIC) --decode--> Command
//!
//! Invariants: decode(encode(x)) == x; bytes from disk or network go through `rkyv::access`, which checks them, and then
//! through the checks of every code and name here; nothing panics on any input. Unused bytes of a body are zero.

use rkyv::api::serialize_using;
use rkyv::rancor::Failure;
use rkyv::ser::Serializer;
use rkyv::ser::writer::Buffer;
use rkyv::{Archive, Deserialize, Serialize};

use crate::command::{
    Command, CommandHeader, CommandKind, Durability, EngineLimits, Genesis, MarketState, MarketTerms, NewOrder,
    OrderTarget, OrderType, Side, TimeInForce,
};
use crate::event::{
    CancelReason, Event, EventFlags, EventHeader, EventKind, Fill, Liquidity, LogAddress, MarketDefinition,
    SessionCloseReason,
};
use crate::layout::*;
use crate::reject::Reject;
use crate::units::{
    AccountId, AssetAmount, AssetId, ClusterId, Epoch, KeyId, MarketId, Name, Nanos, NodeId, OrderId, Ppm, Price, Qty,
    Reference, RequestNumber, Sequence, SessionId, SessionSequence, Timestamp,
};

/// Length of every record.
pub const RECORD_LEN_BYTES: usize = 128;
/// The only version of every kind so far.
const VERSION_1: u8 = 1;
const COMMAND_HEADER_LEN_BYTES: usize = 40;
const EVENT_HEADER_LEN_BYTES: usize = 64;

/// Why bytes are not a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// No command or event has this kind.
    UnknownKind(u16),
    /// This kind is known, but not in this version: a newer node wrote it.
    UnknownVersion {
        /// The kind.
        kind: u16,
        /// The version.
        version: u8,
    },
    /// A field holds what no writer of this version writes.
    BadField(&'static str),
}

impl core::fmt::Display for RecordError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::UnknownKind(kind) => write!(f, "unknown kind {kind}"),
            Self::UnknownVersion { kind, version } => {
                write!(f, "kind {kind} in version {version}, which this build does not know")
            }
            Self::BadField(field) => write!(f, "field `{field}` holds an impossible value"),
        }
    }
}

impl core::error::Error for RecordError {}

type RecordSerializer<'a> = Serializer<Buffer<'a>, (), ()>;

/// Writes `value` in its archived layout to the front of `room`.
fn put<T>(room: &mut [u8], value: &T)
where
    T: for<'a> Serialize<rkyv::rancor::Strategy<RecordSerializer<'a>, Failure>>,
{
    let mut serializer = Serializer::new(Buffer::from(room), (), ());
    serialize_using::<_, Failure>(value, &mut serializer).expect("layouts are asserted to fit their room");
}

/// Reads a `T` from the front of `room`; `field` names it in the error.
fn take<T>(room: &[u8], field: &'static str) -> Result<T, RecordError>
where
    T: Archive,
    T::Archived: Deserialize<T, rkyv::rancor::Strategy<(), Failure>>
        + rkyv::Portable
        + for<'a> rkyv::bytecheck::CheckBytes<rkyv::api::low::LowValidator<'a, Failure>>,
{
    let bytes = room.get(..size_of::<T::Archived>()).ok_or(RecordError::BadField(field))?;
    let archived = rkyv::api::low::access::<T::Archived, Failure>(bytes).map_err(|_| RecordError::BadField(field))?;
    rkyv::api::deserialize_using::<T, _, Failure>(archived, &mut ()).map_err(|_| RecordError::BadField(field))
}

fn halves(amount: AssetAmount) -> (u64, u64) {
    (amount.units() as u64, (amount.units() >> 64) as u64)
}

fn whole(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

fn name(bytes: [u8; 16], field: &'static str) -> Result<Name, RecordError> {
    Name::from_bytes(bytes).ok_or(RecordError::BadField(field))
}

fn flag(byte: u8, field: &'static str) -> Result<bool, RecordError> {
    match byte {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(RecordError::BadField(field)),
    }
}

/// Looks a code up with the enum's `from_code`, or names the field.
macro_rules! code {
    ($ty:ident, $value:expr, $field:literal) => {
        $ty::from_code($value).ok_or(RecordError::BadField($field))?
    };
}

/// A command as bytes. Aligned to a cache line, so that a ring slot never shares one.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct CommandRecord([u8; RECORD_LEN_BYTES]);

/// An event as bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct EventRecord([u8; RECORD_LEN_BYTES]);

const _: () = assert!(size_of::<CommandRecord>() == RECORD_LEN_BYTES);
const _: () = assert!(size_of::<EventRecord>() == RECORD_LEN_BYTES);

macro_rules! record_bytes {
    ($name:ident) => {
        impl $name {
            /// Wraps bytes from disk or network, unchecked: `decode` checks them.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; RECORD_LEN_BYTES]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; RECORD_LEN_BYTES] {
                &self.0
            }

            /// The sequence, which is the first field, without decoding the rest.
            #[must_use]
            pub fn sequence(&self) -> Sequence {
                Sequence::new(u64::from_le_bytes(self.array_at(0)))
            }

            /// The time, which is the second field, without decoding the rest.
            #[must_use]
            pub fn time(&self) -> Timestamp {
                Timestamp::from_nanos(u64::from_le_bytes(self.array_at(8)))
            }

            fn array_at<const N: usize>(&self, offset: usize) -> [u8; N] {
                self.0[offset..offset + N].try_into().expect("offsets are constants inside the record")
            }
        }

        impl Default for $name {
            fn default() -> Self {
                Self([0; RECORD_LEN_BYTES])
            }
        }
    };
}

record_bytes!(CommandRecord);
record_bytes!(EventRecord);

impl core::fmt::Debug for CommandRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&self.decode(), f)
    }
}

impl core::fmt::Debug for EventRecord {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&self.decode(), f)
    }
}

impl CommandRecord {
    /// Encodes a command.
    #[must_use]
    pub fn encode(header: &CommandHeader, command: &Command) -> Self {
        let mut record = Self::default();
        let (head, body) = record.0.split_at_mut(COMMAND_HEADER_LEN_BYTES);
        put(
            head,
            &CommandHeaderV1 {
                sequence: header.sequence.raw(),
                time: header.time.nanos(),
                request: header.request.raw(),
                key: header.key.raw(),
                account: header.account.raw(),
                epoch: header.epoch.raw(),
                kind: command.kind().code(),
                version: VERSION_1,
                flags: 0,
            },
        );
        encode_command_body(body, command);
        record
    }

    /// What the sequencer adds. Everything else in the record is as the gateway made it.
    pub fn stamp(&mut self, sequence: Sequence, time: Timestamp, epoch: Epoch) {
        self.0[0..8].copy_from_slice(&sequence.raw().to_le_bytes());
        self.0[8..16].copy_from_slice(&time.nanos().to_le_bytes());
        self.0[32..36].copy_from_slice(&epoch.raw().to_le_bytes());
    }

    /// The epoch, without decoding the rest.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch::new(u32::from_le_bytes(self.array_at(32)))
    }

    /// Kind and body: what two commands with the same request number or reference must share to be the same request.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.0[36..]
    }

    /// Checks and decodes.
    ///
    /// # Errors
    /// [`RecordError`] names what is wrong; no input panics.
    pub fn decode(&self) -> Result<(CommandHeader, Command), RecordError> {
        let (head, body) = self.0.split_at(COMMAND_HEADER_LEN_BYTES);
        let raw: CommandHeaderV1 = take(head, "header")?;
        let kind = CommandKind::from_code(raw.kind).ok_or(RecordError::UnknownKind(raw.kind))?;
        if raw.version != VERSION_1 {
            return Err(RecordError::UnknownVersion { kind: raw.kind, version: raw.version });
        }
        if raw.flags != 0 {
            return Err(RecordError::BadField("flags"));
        }
        let header = CommandHeader {
            sequence: Sequence::new(raw.sequence),
            time: Timestamp::from_nanos(raw.time),
            request: RequestNumber::new(raw.request),
            key: KeyId::new(raw.key),
            account: AccountId::new(raw.account),
            epoch: Epoch::new(raw.epoch),
        };
        Ok((header, decode_command_body(kind, body)?))
    }
}

fn genesis_layout(genesis: &Genesis) -> GenesisV1 {
    let limits = &genesis.limits;
    GenesisV1 {
        cluster_low: genesis.cluster.raw() as u64,
        cluster_high: (genesis.cluster.raw() >> 64) as u64,
        logic_version: genesis.logic_version,
        assets_max: limits.assets_max,
        markets_max: limits.markets_max,
        accounts_max: limits.accounts_max,
        keys_max: limits.keys_max,
        open_orders_max: limits.open_orders_max,
        account_open_orders_max: limits.account_open_orders_max,
        references_max: limits.references_max,
    }
}

fn genesis_value(raw: &GenesisV1) -> Genesis {
    Genesis {
        cluster: ClusterId::new(whole(raw.cluster_low, raw.cluster_high)),
        logic_version: raw.logic_version,
        limits: EngineLimits {
            assets_max: raw.assets_max,
            markets_max: raw.markets_max,
            accounts_max: raw.accounts_max,
            keys_max: raw.keys_max,
            open_orders_max: raw.open_orders_max,
            account_open_orders_max: raw.account_open_orders_max,
            references_max: raw.references_max,
        },
    }
}

fn target_layout(target: OrderTarget, by: Qty) -> ChangeOrderV1 {
    let (target, by_request) = match target {
        OrderTarget::Order(order) => (order.raw(), 0),
        OrderTarget::Request(request) => (request.raw(), 1),
    };
    ChangeOrderV1 { target, by: by.lots(), by_request, reserved: [0; 7] }
}

fn target_value(raw: &ChangeOrderV1) -> Result<OrderTarget, RecordError> {
    Ok(if flag(raw.by_request, "by_request")? {
        OrderTarget::Request(RequestNumber::new(raw.target))
    } else {
        OrderTarget::Order(OrderId::new(raw.target))
    })
}

fn encode_command_body(body: &mut [u8], command: &Command) {
    match *command {
        Command::Genesis(ref genesis) => put(body, &genesis_layout(genesis)),
        Command::TakeLead { node, incarnation } => {
            put(body, &LeadV1 { incarnation, node: node.raw(), ..Default::default() });
        }
        Command::SetDurability { durability, degraded } => {
            let degraded = degraded.into();
            put(body, &DurabilityV1 { durability: durability.code(), degraded, ..Default::default() });
        }
        Command::Tick => put(body, &EmptyV1::default()),
        Command::CreateAsset { name, decimals } => {
            put(body, &CreateAssetV1 { name: name.bytes(), decimals, ..Default::default() });
        }
        Command::CreateMarket(ref terms) => put(
            body,
            &CreateMarketV1 {
                name: terms.name.bytes(),
                base: terms.base.bytes(),
                quote: terms.quote.bytes(),
                base_units_per_lot: terms.base_units_per_lot,
                quote_units_per_tick_lot: terms.quote_units_per_tick_lot,
                qty_max: terms.qty_max.lots(),
                price_max: terms.price_max.ticks(),
                maker_fee: terms.maker_fee.parts(),
                taker_fee: terms.taker_fee.parts(),
            },
        ),
        Command::CreateAccount { name } => put(body, &NameV1 { name: name.bytes() }),
        Command::CreateKey { name, public_key } => put(body, &CreateKeyV1 { name: name.bytes(), public_key }),
        Command::SetMarketState { market, state } => {
            let market = market.bytes();
            put(body, &SetMarketStateV1 { market, state: state.code(), ..Default::default() });
        }
        Command::Deposit { asset, amount, reference } | Command::Withdraw { asset, amount, reference } => {
            let (amount_low, amount_high) = halves(amount);
            put(body, &MoneyV1 { asset: asset.bytes(), reference: reference.bytes(), amount_low, amount_high });
        }
        Command::OpenSession { session, cancel_on_disconnect, grace } => put(
            body,
            &OpenSessionV1 {
                session: session.raw(),
                grace: grace.nanos(),
                cancel_on_disconnect: cancel_on_disconnect.into(),
                ..Default::default()
            },
        ),
        Command::CloseSession { session } => put(body, &CloseSessionV1 { session: session.raw() }),
        Command::NewOrder(ref order) => put(
            body,
            &NewOrderV1 {
                price: order.price.ticks(),
                qty: order.qty.lots(),
                market: order.market.raw(),
                side: order.side.code(),
                order_type: order.order_type.code(),
                time_in_force: order.time_in_force.code(),
                post_only: order.post_only.into(),
            },
        ),
        Command::CancelOrder { target } => put(body, &target_layout(target, Qty::ZERO)),
        Command::ReduceOrder { target, by } => put(body, &target_layout(target, by)),
        Command::CancelAll { market } => {
            put(body, &CancelAllV1 { market: market.map_or(0, MarketId::raw), ..Default::default() });
        }
    }
}

fn decode_command_body(kind: CommandKind, body: &[u8]) -> Result<Command, RecordError> {
    Ok(match kind {
        CommandKind::Genesis => Command::Genesis(genesis_value(&take(body, "genesis")?)),
        CommandKind::TakeLead => {
            let raw: LeadV1 = take(body, "take_lead")?;
            Command::TakeLead { node: NodeId::new(raw.node), incarnation: raw.incarnation }
        }
        CommandKind::SetDurability => {
            let raw: DurabilityV1 = take(body, "set_durability")?;
            let durability = code!(Durability, raw.durability, "durability");
            Command::SetDurability { durability, degraded: flag(raw.degraded, "degraded")? }
        }
        CommandKind::Tick => Command::Tick,
        CommandKind::CreateAsset => {
            let raw: CreateAssetV1 = take(body, "create_asset")?;
            Command::CreateAsset { name: name(raw.name, "name")?, decimals: raw.decimals }
        }
        CommandKind::CreateMarket => {
            let raw: CreateMarketV1 = take(body, "create_market")?;
            Command::CreateMarket(MarketTerms {
                name: name(raw.name, "name")?,
                base: name(raw.base, "base")?,
                quote: name(raw.quote, "quote")?,
                base_units_per_lot: raw.base_units_per_lot,
                quote_units_per_tick_lot: raw.quote_units_per_tick_lot,
                maker_fee: Ppm::new(raw.maker_fee),
                taker_fee: Ppm::new(raw.taker_fee),
                qty_max: Qty::from_lots(raw.qty_max),
                price_max: Price::from_ticks(raw.price_max),
            })
        }
        CommandKind::CreateAccount => {
            let raw: NameV1 = take(body, "create_account")?;
            Command::CreateAccount { name: name(raw.name, "name")? }
        }
        CommandKind::CreateKey => {
            let raw: CreateKeyV1 = take(body, "create_key")?;
            Command::CreateKey { name: name(raw.name, "name")?, public_key: raw.public_key }
        }
        CommandKind::SetMarketState => {
            let raw: SetMarketStateV1 = take(body, "set_market_state")?;
            let state = code!(MarketState, raw.state, "state");
            Command::SetMarketState { market: name(raw.market, "market")?, state }
        }
        CommandKind::Deposit | CommandKind::Withdraw => {
            let raw: MoneyV1 = take(body, "money")?;
            let asset = name(raw.asset, "asset")?;
            let reference = Reference::from_bytes(raw.reference).ok_or(RecordError::BadField("reference"))?;
            let amount = AssetAmount::from_units(whole(raw.amount_low, raw.amount_high));
            if kind == CommandKind::Deposit {
                Command::Deposit { asset, amount, reference }
            } else {
                Command::Withdraw { asset, amount, reference }
            }
        }
        CommandKind::OpenSession => {
            let raw: OpenSessionV1 = take(body, "open_session")?;
            Command::OpenSession {
                session: SessionId::new(raw.session),
                cancel_on_disconnect: flag(raw.cancel_on_disconnect, "cancel_on_disconnect")?,
                grace: Nanos::from_nanos(raw.grace),
            }
        }
        CommandKind::CloseSession => {
            let raw: CloseSessionV1 = take(body, "close_session")?;
            Command::CloseSession { session: SessionId::new(raw.session) }
        }
        CommandKind::NewOrder => {
            let raw: NewOrderV1 = take(body, "new_order")?;
            Command::NewOrder(NewOrder {
                market: MarketId::new(raw.market),
                side: code!(Side, raw.side, "side"),
                order_type: code!(OrderType, raw.order_type, "order_type"),
                time_in_force: code!(TimeInForce, raw.time_in_force, "time_in_force"),
                post_only: flag(raw.post_only, "post_only")?,
                price: Price::from_ticks(raw.price),
                qty: Qty::from_lots(raw.qty),
            })
        }
        CommandKind::CancelOrder => Command::CancelOrder { target: target_value(&take(body, "cancel_order")?)? },
        CommandKind::ReduceOrder => {
            let raw: ChangeOrderV1 = take(body, "reduce_order")?;
            Command::ReduceOrder { target: target_value(&raw)?, by: Qty::from_lots(raw.by) }
        }
        CommandKind::CancelAll => {
            let raw: CancelAllV1 = take(body, "cancel_all")?;
            Command::CancelAll { market: (raw.market != 0).then_some(MarketId::new(raw.market)) }
        }
    })
}

impl EventRecord {
    /// Encodes an event.
    #[must_use]
    pub fn encode(header: &EventHeader, event: &Event) -> Self {
        let mut record = Self::default();
        let (head, body) = record.0.split_at_mut(EVENT_HEADER_LEN_BYTES);
        put(
            head,
            &EventHeaderV1 {
                sequence: header.sequence.raw(),
                time: header.time.nanos(),
                request: header.request.raw(),
                session_sequence: header.session_sequence.raw(),
                previous_report: header.previous_report.raw(),
                key: header.key.raw(),
                account: header.account.raw(),
                market: header.market.raw(),
                epoch: header.epoch.raw(),
                index: header.index,
                kind: event.kind().code(),
                version: VERSION_1,
                flags: header.flags.bits(),
            },
        );
        encode_event_body(body, event);
        record
    }

    /// Index among the events of its command, without decoding the rest.
    #[must_use]
    pub fn index(&self) -> u32 {
        u32::from_le_bytes(self.array_at(56))
    }

    /// The epoch of its command, without decoding the rest.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch::new(u32::from_le_bytes(self.array_at(52)))
    }

    /// Whose report it is, without decoding the rest.
    #[must_use]
    pub fn key(&self) -> KeyId {
        KeyId::new(u32::from_le_bytes(self.array_at(40)))
    }

    /// Position among its key's reports, without decoding the rest.
    #[must_use]
    pub fn session_sequence(&self) -> SessionSequence {
        SessionSequence::new(u64::from_le_bytes(self.array_at(24)))
    }

    /// Where its key's report before it is, without decoding the rest.
    #[must_use]
    pub fn previous_report(&self) -> LogAddress {
        LogAddress::new(u64::from_le_bytes(self.array_at(32)))
    }

    /// Fills in where its key's report before it is: publish does.
    pub fn set_previous_report(&mut self, address: LogAddress) {
        self.0[32..40].copy_from_slice(&address.raw().to_le_bytes());
    }

    /// Whether it is the last event of its command, without decoding the rest.
    #[must_use]
    pub fn is_last(&self) -> bool {
        self.0[63] & EventFlags::LAST.bits() != 0
    }

    /// Adds flags: the engine marks the last event of a command, publish a degraded release.
    pub fn add_flags(&mut self, flags: EventFlags) {
        self.0[63] |= flags.bits();
    }

    /// Checks and decodes.
    ///
    /// # Errors
    /// [`RecordError`] names what is wrong; no input panics.
    pub fn decode(&self) -> Result<(EventHeader, Event), RecordError> {
        let (head, body) = self.0.split_at(EVENT_HEADER_LEN_BYTES);
        let raw: EventHeaderV1 = take(head, "header")?;
        let kind = EventKind::from_code(raw.kind).ok_or(RecordError::UnknownKind(raw.kind))?;
        if raw.version != VERSION_1 {
            return Err(RecordError::UnknownVersion { kind: raw.kind, version: raw.version });
        }
        let header = EventHeader {
            sequence: Sequence::new(raw.sequence),
            index: raw.index,
            time: Timestamp::from_nanos(raw.time),
            epoch: Epoch::new(raw.epoch),
            key: KeyId::new(raw.key),
            account: AccountId::new(raw.account),
            market: MarketId::new(raw.market),
            request: RequestNumber::new(raw.request),
            session_sequence: SessionSequence::new(raw.session_sequence),
            previous_report: LogAddress::new(raw.previous_report),
            flags: EventFlags::from_bits(raw.flags).ok_or(RecordError::BadField("flags"))?,
        };
        Ok((header, decode_event_body(kind, body)?))
    }
}

fn encode_event_body(body: &mut [u8], event: &Event) {
    match *event {
        Event::Rejected { reason, command } => {
            put(body, &RejectedV1 { reason: reason.code(), command: command.code(), ..Default::default() });
        }
        Event::Outcome { original, order, reject, command } => put(
            body,
            &OutcomeV1 {
                original: original.raw(),
                order: order.map_or(0, OrderId::raw),
                reject: reject.map_or(0, Reject::code),
                command: command.code(),
                ..Default::default()
            },
        ),
        Event::OrderAccepted { order, side, order_type, time_in_force, post_only, price, qty } => put(
            body,
            &OrderAcceptedV1 {
                order: order.raw(),
                price: price.ticks(),
                qty: qty.lots(),
                side: side.code(),
                order_type: order_type.code(),
                time_in_force: time_in_force.code(),
                post_only: post_only.into(),
                ..Default::default()
            },
        ),
        Event::Fill(ref fill) => {
            let (fee_low, fee_high) = halves(fill.fee);
            put(
                body,
                &FillV1 {
                    order: fill.order.raw(),
                    counter_order: fill.counter_order.raw(),
                    price: fill.price.ticks(),
                    qty: fill.qty.lots(),
                    leaves: fill.leaves.lots(),
                    fee_low,
                    fee_high,
                    counter_account: fill.counter_account.raw(),
                    side: fill.side.code(),
                    liquidity: fill.liquidity.code(),
                    ..Default::default()
                },
            );
        }
        Event::OrderCancelled { order, side, price, cancelled, reason } => put(
            body,
            &OrderCancelledV1 {
                order: order.raw(),
                price: price.ticks(),
                cancelled: cancelled.lots(),
                side: side.code(),
                reason: reason.code(),
                ..Default::default()
            },
        ),
        Event::OrderReduced { order, side, price, by, leaves } => put(
            body,
            &OrderReducedV1 {
                order: order.raw(),
                price: price.ticks(),
                by: by.lots(),
                leaves: leaves.lots(),
                side: side.code(),
                ..Default::default()
            },
        ),
        Event::CancelAllDone { cancelled } => put(body, &CancelAllDoneV1 { cancelled }),
        Event::SessionOpened { session, request_mark, report_mark, cancel_on_disconnect, grace } => put(
            body,
            &SessionOpenedV1 {
                session: session.raw(),
                request_mark: request_mark.raw(),
                report_mark: report_mark.raw(),
                grace: grace.nanos(),
                cancel_on_disconnect: cancel_on_disconnect.into(),
                ..Default::default()
            },
        ),
        Event::SessionClosed { session, reason } => {
            put(body, &SessionClosedV1 { session: session.raw(), reason: reason.code(), ..Default::default() });
        }
        Event::Deposited { asset, amount, reference } | Event::Withdrawn { asset, amount, reference } => {
            let (amount_low, amount_high) = halves(amount);
            let (reference, asset) = (reference.bytes(), asset.raw());
            put(body, &MovedV1 { reference, amount_low, amount_high, asset, ..Default::default() });
        }
        Event::AssetCreated { asset, name, decimals } => {
            let (name, asset) = (name.bytes(), asset.raw());
            put(body, &AssetCreatedV1 { name, asset, decimals, ..Default::default() });
        }
        Event::MarketCreated(ref market) => put(
            body,
            &MarketCreatedV1 {
                name: market.name.bytes(),
                base_units_per_lot: market.base_units_per_lot,
                quote_units_per_tick_lot: market.quote_units_per_tick_lot,
                qty_max: market.qty_max.lots(),
                price_max: market.price_max.ticks(),
                base: market.base.raw(),
                quote: market.quote.raw(),
                maker_fee: market.maker_fee.parts(),
                taker_fee: market.taker_fee.parts(),
            },
        ),
        Event::AccountCreated { name } => put(body, &NameV1 { name: name.bytes() }),
        Event::KeyCreated { key, name, public_key } => {
            put(body, &KeyCreatedV1 { name: name.bytes(), public_key, key: key.raw(), ..Default::default() });
        }
        Event::MarketStateChanged { state } => {
            put(body, &MarketStateChangedV1 { state: state.code(), ..Default::default() });
        }
        Event::JournalBegun(ref genesis) => put(body, &genesis_layout(genesis)),
        Event::LeadTaken { node, incarnation } => {
            put(body, &LeadV1 { incarnation, node: node.raw(), ..Default::default() });
        }
        Event::DurabilityChanged { durability, degraded } => {
            let degraded = degraded.into();
            put(body, &DurabilityV1 { durability: durability.code(), degraded, ..Default::default() });
        }
    }
}

fn decode_event_body(kind: EventKind, body: &[u8]) -> Result<Event, RecordError> {
    Ok(match kind {
        EventKind::Rejected => {
            let raw: RejectedV1 = take(body, "rejected")?;
            let reason = code!(Reject, raw.reason, "reason");
            Event::Rejected { reason, command: code!(CommandKind, raw.command, "command") }
        }
        EventKind::Outcome => {
            let raw: OutcomeV1 = take(body, "outcome")?;
            let reject = if raw.reject == 0 { None } else { Some(code!(Reject, raw.reject, "reject")) };
            Event::Outcome {
                original: Sequence::new(raw.original),
                order: (raw.order != 0).then_some(OrderId::new(raw.order)),
                reject,
                command: code!(CommandKind, raw.command, "command"),
            }
        }
        EventKind::OrderAccepted => {
            let raw: OrderAcceptedV1 = take(body, "order_accepted")?;
            Event::OrderAccepted {
                order: OrderId::new(raw.order),
                side: code!(Side, raw.side, "side"),
                order_type: code!(OrderType, raw.order_type, "order_type"),
                time_in_force: code!(TimeInForce, raw.time_in_force, "time_in_force"),
                post_only: flag(raw.post_only, "post_only")?,
                price: Price::from_ticks(raw.price),
                qty: Qty::from_lots(raw.qty),
            }
        }
        EventKind::Fill => {
            let raw: FillV1 = take(body, "fill")?;
            Event::Fill(Fill {
                order: OrderId::new(raw.order),
                counter_order: OrderId::new(raw.counter_order),
                counter_account: AccountId::new(raw.counter_account),
                side: code!(Side, raw.side, "side"),
                liquidity: code!(Liquidity, raw.liquidity, "liquidity"),
                price: Price::from_ticks(raw.price),
                qty: Qty::from_lots(raw.qty),
                leaves: Qty::from_lots(raw.leaves),
                fee: AssetAmount::from_units(whole(raw.fee_low, raw.fee_high)),
            })
        }
        EventKind::OrderCancelled => {
            let raw: OrderCancelledV1 = take(body, "order_cancelled")?;
            Event::OrderCancelled {
                order: OrderId::new(raw.order),
                side: code!(Side, raw.side, "side"),
                price: Price::from_ticks(raw.price),
                cancelled: Qty::from_lots(raw.cancelled),
                reason: code!(CancelReason, raw.reason, "reason"),
            }
        }
        EventKind::OrderReduced => {
            let raw: OrderReducedV1 = take(body, "order_reduced")?;
            Event::OrderReduced {
                order: OrderId::new(raw.order),
                side: code!(Side, raw.side, "side"),
                price: Price::from_ticks(raw.price),
                by: Qty::from_lots(raw.by),
                leaves: Qty::from_lots(raw.leaves),
            }
        }
        EventKind::CancelAllDone => {
            let raw: CancelAllDoneV1 = take(body, "cancel_all_done")?;
            Event::CancelAllDone { cancelled: raw.cancelled }
        }
        EventKind::SessionOpened => {
            let raw: SessionOpenedV1 = take(body, "session_opened")?;
            Event::SessionOpened {
                session: SessionId::new(raw.session),
                request_mark: RequestNumber::new(raw.request_mark),
                report_mark: SessionSequence::new(raw.report_mark),
                cancel_on_disconnect: flag(raw.cancel_on_disconnect, "cancel_on_disconnect")?,
                grace: Nanos::from_nanos(raw.grace),
            }
        }
        EventKind::SessionClosed => {
            let raw: SessionClosedV1 = take(body, "session_closed")?;
            let reason = code!(SessionCloseReason, raw.reason, "reason");
            Event::SessionClosed { session: SessionId::new(raw.session), reason }
        }
        EventKind::Deposited | EventKind::Withdrawn => {
            let raw: MovedV1 = take(body, "money")?;
            let asset = AssetId::new(raw.asset);
            let reference = Reference::from_bytes(raw.reference).ok_or(RecordError::BadField("reference"))?;
            let amount = AssetAmount::from_units(whole(raw.amount_low, raw.amount_high));
            if kind == EventKind::Deposited {
                Event::Deposited { asset, amount, reference }
            } else {
                Event::Withdrawn { asset, amount, reference }
            }
        }
        EventKind::AssetCreated => {
            let raw: AssetCreatedV1 = take(body, "asset_created")?;
            let name = name(raw.name, "name")?;
            Event::AssetCreated { asset: AssetId::new(raw.asset), name, decimals: raw.decimals }
        }
        EventKind::MarketCreated => {
            let raw: MarketCreatedV1 = take(body, "market_created")?;
            Event::MarketCreated(MarketDefinition {
                name: name(raw.name, "name")?,
                base: AssetId::new(raw.base),
                quote: AssetId::new(raw.quote),
                base_units_per_lot: raw.base_units_per_lot,
                quote_units_per_tick_lot: raw.quote_units_per_tick_lot,
                maker_fee: Ppm::new(raw.maker_fee),
                taker_fee: Ppm::new(raw.taker_fee),
                qty_max: Qty::from_lots(raw.qty_max),
                price_max: Price::from_ticks(raw.price_max),
            })
        }
        EventKind::AccountCreated => {
            let raw: NameV1 = take(body, "account_created")?;
            Event::AccountCreated { name: name(raw.name, "name")? }
        }
        EventKind::KeyCreated => {
            let raw: KeyCreatedV1 = take(body, "key_created")?;
            let name = name(raw.name, "name")?;
            Event::KeyCreated { key: KeyId::new(raw.key), name, public_key: raw.public_key }
        }
        EventKind::MarketStateChanged => {
            let raw: MarketStateChangedV1 = take(body, "market_state_changed")?;
            Event::MarketStateChanged { state: code!(MarketState, raw.state, "state") }
        }
        EventKind::JournalBegun => Event::JournalBegun(genesis_value(&take(body, "genesis")?)),
        EventKind::LeadTaken => {
            let raw: LeadV1 = take(body, "lead_taken")?;
            Event::LeadTaken { node: NodeId::new(raw.node), incarnation: raw.incarnation }
        }
        EventKind::DurabilityChanged => {
            let raw: DurabilityV1 = take(body, "durability_changed")?;
            let durability = code!(Durability, raw.durability, "durability");
            Event::DurabilityChanged { durability, degraded: flag(raw.degraded, "degraded")? }
        }
    })
}
