//! Commands and events as 128-byte records: what stands in a ring slot, in the journal and on the replication link.
//!
//!   Command --encode--> CommandRecord (ring = disk = QUIC) --decode--> Command
//!
//! Invariants: decode(encode(x)) == x; bytes from disk or network are read as numbers, which any bytes are, and then
//! go through the checks of every code and name here; nothing panics on any input. Unused bytes of a body are zero, or it is refused:
//! what decodes encodes to the same bytes.

use rkyv::{Portable, access_unchecked};

use crate::command::{Command, CommandHeader, CommandKind};
use crate::event::{Event, EventFlags, EventHeader, EventKind, LogAddress};
use crate::genesis::{EngineLimits, Genesis};
use crate::layout::{CommandHeaderV1, EventHeaderV1, GenesisV1, Layout};
use crate::units::{
    AccountId, AssetAmount, ClusterId, Epoch, KeyId, MarketId, Name, Reference, RequestNumber, Sequence,
    SessionSequence, Timestamp,
};

mod command_body;
mod event_body;

use command_body::{decode_command_body, encode_command_body};
use event_body::{decode_event_body, encode_event_body};

/// Length of every record.
pub const RECORD_LEN_BYTES: usize = 128;
/// The only version of every kind so far.
const VERSION_1: u8 = 1;
const COMMAND_HEADER_LEN_BYTES: usize = 40;
const EVENT_HEADER_LEN_BYTES: usize = 64;
const COMMAND_BODY_LEN_BYTES: usize = RECORD_LEN_BYTES - COMMAND_HEADER_LEN_BYTES;
const EVENT_BODY_LEN_BYTES: usize = RECORD_LEN_BYTES - EVENT_HEADER_LEN_BYTES;
/// The only flag of a command: it goes on in the next slot.
const MORE: u8 = 1;
/// Where the flags of a command are.
const COMMAND_FLAGS_AT: usize = 39;

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

/// Writes `value` in its archived layout to the front of `room`: field by field to where it stays, since whoever copies a
/// record right after it was written waits for every one of those narrow writes.
#[inline(always)]
fn put<T: Layout>(room: &mut [u8], value: &T) {
    let archived = room.as_mut_ptr().cast::<T::Archived>();
    assert!(size_of::<T::Archived>() <= room.len() && archived.is_aligned(), "layouts are asserted to fit their room");
    // SAFETY: the place is inside `room`, which is borrowed for writing and initialised, and it is aligned: asserted above. A
    // `Layout` is numbers without padding, so that every byte of `room` stays initialised.
    unsafe { archived.write(value.archived()) };
}

/// Reads a `T` from the front of `room`, whose other bytes must be zero; `field` names it in the error.
#[inline(always)]
fn take<T: Layout<Archived: Portable>, const ROOM: usize>(
    room: &[u8; ROOM],
    field: &'static str,
) -> Result<T, RecordError> {
    const { assert!(size_of::<T::Archived>() <= ROOM) };
    if !room.as_ptr().cast::<T::Archived>().is_aligned() {
        return Err(RecordError::BadField(field));
    }
    check(is_blank(&room[T::USED_BYTES..]), "reserved")?;
    // SAFETY: there are enough bytes at an aligned address, and any bytes are a valid `Layout`: it is only numbers. What they
    // mean is checked by whoever takes them.
    Ok(T::of_archived(unsafe { access_unchecked::<T::Archived>(&room[..size_of::<T::Archived>()]) }))
}

/// Whether all bytes are zero: word by word, the last of which overlaps the one before.
#[inline]
fn is_blank(bytes: &[u8]) -> bool {
    let (words, rest) = bytes.as_chunks();
    let last = match bytes.last_chunk() {
        Some(word) => u64::from_le_bytes(*word),
        None => rest.iter().fold(0, |all, byte| all | u64::from(*byte)),
    };
    words.iter().fold(last, |all, word| all | u64::from_le_bytes(*word)) == 0
}

/// Refuses a field that is not as it must be.
const fn check(is_right: bool, field: &'static str) -> Result<(), RecordError> {
    if is_right { Ok(()) } else { Err(RecordError::BadField(field)) }
}

fn halves(amount: AssetAmount) -> (u64, u64) {
    (amount.units() as u64, (amount.units() >> 64) as u64)
}

#[inline]
fn whole(low: u64, high: u64) -> u128 {
    u128::from(low) | u128::from(high) << 64
}

fn name(bytes: [u8; 16], field: &'static str) -> Result<Name, RecordError> {
    let name = Name::from_bytes(bytes).filter(|name| *name != Name::default());
    name.ok_or(RecordError::BadField(field))
}

fn reference(bytes: [u8; 32]) -> Result<Reference, RecordError> {
    let reference = Reference::from_bytes(bytes).filter(|reference| *reference != Reference::default());
    reference.ok_or(RecordError::BadField("reference"))
}

#[inline]
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
use code;

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

            fn head<const N: usize>(&self) -> &[u8; N] {
                self.0.first_chunk().expect("a header is shorter than the record")
            }

            fn body<const N: usize>(&self) -> &[u8; N] {
                self.0.last_chunk().expect("a body is shorter than the record")
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
                flags: if command.has_more() { MORE } else { 0 },
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

    /// [`Self::payload`] in words, the last of them half zero.
    #[must_use]
    #[inline]
    pub fn payload_words(&self) -> [u64; 12] {
        let body = core::array::from_fn::<u64, 11, _>(|at| u64::from_le_bytes(self.array_at(40 + 8 * at)));
        let mut words = [u64::from(u32::from_le_bytes(self.array_at(36))); 12];
        words[1..].copy_from_slice(&body);
        words
    }

    /// Whether its command goes on in the next slot, without decoding the rest.
    #[must_use]
    pub const fn has_more(&self) -> bool {
        self.0[COMMAND_FLAGS_AT] & MORE != 0
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
        let (header, kind) = self.decode_header()?;
        Ok((header, self.decode_body(kind)?))
    }

    /// Checks and decodes who asks, and what kind of command it is.
    ///
    /// # Errors
    /// As for [`Self::decode`].
    #[inline]
    pub fn decode_header(&self) -> Result<(CommandHeader, CommandKind), RecordError> {
        let raw: CommandHeaderV1 = take(self.head::<COMMAND_HEADER_LEN_BYTES>(), "header")?;
        let kind = CommandKind::from_code(raw.kind).ok_or(RecordError::UnknownKind(raw.kind))?;
        if raw.version != VERSION_1 {
            return Err(RecordError::UnknownVersion { kind: raw.kind, version: raw.version });
        }
        if raw.flags & !MORE != 0 {
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
        Ok((header, kind))
    }

    /// Checks and decodes what is asked, a command of `kind`. Apart from the header, so that a hot caller need not copy both.
    ///
    /// # Errors
    /// As for [`Self::decode`].
    #[inline]
    pub fn decode_body(&self, kind: CommandKind) -> Result<Command, RecordError> {
        if kind == CommandKind::MassQuote || self.has_more() {
            return self.decode_slot(kind);
        }
        decode_command_body(kind, self.body())
    }

    /// What is asked by a command that goes on in the next slot, or could. Apart, because checking what was decoded copies it.
    #[inline(never)]
    fn decode_slot(&self, kind: CommandKind) -> Result<Command, RecordError> {
        let command = decode_command_body(kind, self.body())?;
        if command.has_more() == self.has_more() { Ok(command) } else { Err(RecordError::BadField("flags")) }
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
        balances_max: limits.balances_max,
        seats_max: limits.seats_max,
        seed: genesis.seed,
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
            balances_max: raw.balances_max,
            seats_max: raw.seats_max,
        },
        seed: raw.seed,
    }
}

impl EventRecord {
    /// Encodes an event.
    #[must_use]
    pub fn encode(header: &EventHeader, event: &Event) -> Self {
        let mut record = Self::default();
        record.write(header, event);
        record
    }

    /// Encodes an event into a blank record, where it stays.
    #[inline(always)]
    pub(crate) fn write(&mut self, header: &EventHeader, event: &Event) {
        let (head, body) = self.0.split_at_mut(EVENT_HEADER_LEN_BYTES);
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
    }

    /// Index among the events of its command, without decoding the rest.
    #[must_use]
    pub fn index(&self) -> u32 {
        u32::from_le_bytes(self.array_at(56))
    }

    /// What happened, without decoding the rest; `None` for a kind that this program does not know.
    #[must_use]
    pub fn kind(&self) -> Option<EventKind> {
        EventKind::from_code(u16::from_le_bytes([self.0[60], self.0[61]]))
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
        let raw: EventHeaderV1 = take(self.head::<EVENT_HEADER_LEN_BYTES>(), "header")?;
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
        Ok((header, decode_event_body(kind, self.body())?))
    }
}
