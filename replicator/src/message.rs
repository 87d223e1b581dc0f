//! Messages of the link as bytes. No I/O.
//!
//! ```text
//!   | length u32 | kind u8 | fields ... |     little-endian; length counts what follows it
//!   Frame fields: epoch u32 | first u64 | count u32 | commit u64 | count x 128 B records | crc32c u32 of all before
//! ```
//!
//! Invariants: decode(encode(x)) == x; a length is checked before anything is kept for it; no input panics; a message has
//! exactly one encoding, so bytes left over are an error.
//! Owning thread: none, these are values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tidegate_domain::{ClusterId, CommandRecord, Digest, Epoch, NodeId, RECORD_LEN_BYTES, Sequence};

/// Version of everything here; another one is refused in the first message.
pub const PROTOCOL_VERSION: u16 = 1;
/// Most records in a frame: 32 KiB.
pub const FRAME_RECORDS_MAX: usize = 256;
/// Largest message after its length field.
pub const MESSAGE_LEN_BYTES_MAX: usize = 64 + FRAME_RECORDS_MAX * RECORD_LEN_BYTES;
/// Longest text of a refusal.
pub const TEXT_LEN_BYTES_MAX: usize = 512;

/// What a node does on the link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum LinkRole {
    /// Neither yet: recovery, or stopped.
    #[default]
    Idle = 0,
    /// It ships.
    Leader = 1,
    /// It receives.
    Standby = 2,
}

impl LinkRole {
    /// The name in status, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Leader => "leader",
            Self::Standby => "standby",
        }
    }

    const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Idle),
            1 => Some(Self::Leader),
            2 => Some(Self::Standby),
            _ => None,
        }
    }
}

/// Who a node is and what it knows of the term.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeState {
    /// [`PROTOCOL_VERSION`].
    pub protocol: u16,
    /// Its cluster.
    pub cluster: ClusterId,
    /// The node.
    pub node: NodeId,
    /// The highest term that it knows of; of a leader, its own.
    pub epoch: Epoch,
    /// What it does.
    pub role: LinkRole,
    /// The end of its journal.
    pub last: Sequence,
    /// Where its clients connect.
    pub order_entry: SocketAddr,
}

/// A standby asks to be shipped to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hello {
    /// Who asks.
    pub state: NodeState,
    /// CRC32C of the record at `state.last`; 0 when there is none.
    pub last_crc32c: u32,
}

/// A leader accepts; frames follow from the standby's end on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The leader's term.
    pub epoch: Epoch,
    /// Where clients connect to the leader.
    pub order_entry: SocketAddr,
    /// The end of the leader's journal.
    pub through: Sequence,
}

/// Why a leader does not accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum RefusalCode {
    /// Another [`PROTOCOL_VERSION`].
    Protocol = 1,
    /// Another cluster.
    WrongCluster = 2,
    /// Not the peer in the configuration.
    WrongNode = 3,
    /// This node does not lead (any more, or yet): try again.
    NotLeading = 4,
    /// This node has not yet journaled what it shipped before: try again.
    NotYet = 5,
    /// The standby has more than the leader: it should be promoted.
    StandbyAhead = 6,
    /// The two journals differ.
    Diverged = 7,
    /// The standby knows a higher term than the leader.
    StaleLeader = 8,
}

impl RefusalCode {
    const fn from_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Protocol,
            2 => Self::WrongCluster,
            3 => Self::WrongNode,
            4 => Self::NotLeading,
            5 => Self::NotYet,
            6 => Self::StandbyAhead,
            7 => Self::Diverged,
            8 => Self::StaleLeader,
            _ => return None,
        })
    }

    /// Whether it passes by itself, so that nobody needs to be told.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(self, Self::NotLeading | Self::NotYet)
    }
}

/// A leader does not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub code: RefusalCode,
    /// The highest term that the refusing node knows of.
    pub epoch: Epoch,
    /// Why, for people, with what to do.
    pub text: String,
}

/// A run of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The leader's term, at least that of each record.
    pub epoch: Epoch,
    /// Sequence of the first record.
    pub first: Sequence,
    /// How far the leader has released events.
    pub commit: Sequence,
    /// The records, one at least.
    pub records: Vec<CommandRecord>,
}

/// A leader with nothing to ship.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The leader's term.
    pub epoch: Epoch,
    /// How far the leader has released events.
    pub commit: Sequence,
    /// A digest of the leader's state, for the standby to compare.
    pub digest: Option<(Sequence, Digest)>,
}

/// How far a standby is. Cumulative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ack {
    /// The term of the link.
    pub epoch: Epoch,
    /// In the standby's journal.
    pub received_through: Sequence,
    /// On the standby's disk.
    pub synced_through: Sequence,
    /// Applied by the standby's engine.
    pub applied_through: Sequence,
    /// A digest of the standby's state, for the leader to compare.
    pub digest: Option<(Sequence, Digest)>,
}

/// Anything on the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// First on a stream: tell me your state, here is mine.
    Probe(NodeState),
    /// Answer to a probe.
    State(NodeState),
    /// First on a stream: ship to me.
    Hello(Hello),
    /// Answer to a hello.
    Welcome(Welcome),
    /// Answer to a hello.
    Refused(Refusal),
    /// Leader to standby.
    Frame(Frame),
    /// Leader to standby.
    Heartbeat(Heartbeat),
    /// Standby to leader.
    Ack(Ack),
}

impl Message {
    /// Its kind, for errors.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Probe(_) => "probe",
            Self::State(_) => "state",
            Self::Hello(_) => "hello",
            Self::Welcome(_) => "welcome",
            Self::Refused(_) => "refused",
            Self::Frame(_) => "frame",
            Self::Heartbeat(_) => "heartbeat",
            Self::Ack(_) => "ack",
        }
    }
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The length field is out of bounds.
    #[error("message length {0} is outside 1..={MESSAGE_LEN_BYTES_MAX}")]
    BadLength(u32),
    /// No message has this kind.
    #[error("unknown message kind {0}: the other node runs another version")]
    UnknownKind(u8),
    /// The message ends inside this field.
    #[error("message ends inside field `{0}`")]
    Truncated(&'static str),
    /// This field holds what no node writes.
    #[error("field `{0}` of a message holds an impossible value")]
    BadField(&'static str),
    /// Bytes after the last field.
    #[error("message has {0} bytes after its last field")]
    LeftOver(usize),
    /// The frame is damaged.
    #[error(
        "frame at sequence {first} has CRC32C {found:08x}, its bytes have {computed:08x}: memory or network damage"
    )]
    BadCrc {
        /// Sequence of its first record, as it claims.
        first: Sequence,
        /// In the frame.
        found: u32,
        /// Of its bytes.
        computed: u32,
    },
}

const KIND_PROBE: u8 = 1;
const KIND_STATE: u8 = 2;
const KIND_HELLO: u8 = 3;
const KIND_WELCOME: u8 = 4;
const KIND_REFUSED: u8 = 5;
const KIND_FRAME: u8 = 6;
const KIND_HEARTBEAT: u8 = 7;
const KIND_ACK: u8 = 8;

/// Appends a message to `out`.
pub fn encode(message: &Message, out: &mut Vec<u8>) {
    match message {
        Message::Probe(state) => enclose(out, KIND_PROBE, |out| put_state(out, state)),
        Message::State(state) => enclose(out, KIND_STATE, |out| put_state(out, state)),
        Message::Hello(hello) => enclose(out, KIND_HELLO, |out| {
            put_state(out, &hello.state);
            put_u32(out, hello.last_crc32c);
        }),
        Message::Welcome(welcome) => enclose(out, KIND_WELCOME, |out| {
            put_u32(out, welcome.epoch.raw());
            put_address(out, welcome.order_entry);
            put_u64(out, welcome.through.raw());
        }),
        Message::Refused(refusal) => enclose(out, KIND_REFUSED, |out| {
            out.push(refusal.code as u8);
            put_u32(out, refusal.epoch.raw());
            let text = shorten(&refusal.text);
            out.extend_from_slice(&(text.len() as u16).to_le_bytes());
            out.extend_from_slice(text.as_bytes());
        }),
        Message::Frame(frame) => encode_frame(frame.epoch, frame.commit, &frame.records, out),
        Message::Heartbeat(heartbeat) => enclose(out, KIND_HEARTBEAT, |out| {
            put_u32(out, heartbeat.epoch.raw());
            put_u64(out, heartbeat.commit.raw());
            put_digest(out, heartbeat.digest);
        }),
        Message::Ack(ack) => enclose(out, KIND_ACK, |out| {
            put_u32(out, ack.epoch.raw());
            put_u64(out, ack.received_through.raw());
            put_u64(out, ack.synced_through.raw());
            put_u64(out, ack.applied_through.raw());
            put_digest(out, ack.digest);
        }),
    }
}

/// Appends a frame to `out` without building a [`Frame`] first.
///
/// # Panics
/// When there is no record, or more than [`FRAME_RECORDS_MAX`].
pub fn encode_frame(epoch: Epoch, commit: Sequence, records: &[CommandRecord], out: &mut Vec<u8>) {
    assert!(!records.is_empty(), "a frame has records");
    assert!(records.len() <= FRAME_RECORDS_MAX, "the leader's core bounds a frame");
    enclose(out, KIND_FRAME, |out| {
        let start = out.len();
        put_u32(out, epoch.raw());
        put_u64(out, records[0].sequence().raw());
        put_u32(out, records.len() as u32);
        put_u64(out, commit.raw());
        for record in records {
            out.extend_from_slice(record.as_bytes());
        }
        let crc = crc32c::crc32c(&out[start..]);
        put_u32(out, crc);
    });
}

/// The first message in `bytes` and its length in them; `None` when more bytes are needed.
///
/// # Errors
/// [`MessageError`]; the stream cannot be read any further.
pub fn decode(bytes: &[u8]) -> Result<Option<(Message, usize)>, MessageError> {
    let Some(length) = bytes.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*length);
    if length == 0 || length as usize > MESSAGE_LEN_BYTES_MAX {
        return Err(MessageError::BadLength(length));
    }
    let end = 4 + length as usize;
    let Some(content) = bytes.get(4..end) else { return Ok(None) };
    let mut fields = Fields { rest: &content[1..] };
    let message = decode_fields(content[0], &mut fields)?;
    if !fields.rest.is_empty() {
        return Err(MessageError::LeftOver(fields.rest.len()));
    }
    Ok(Some((message, end)))
}

fn decode_fields(kind: u8, fields: &mut Fields<'_>) -> Result<Message, MessageError> {
    Ok(match kind {
        KIND_PROBE => Message::Probe(fields.state()?),
        KIND_STATE => Message::State(fields.state()?),
        KIND_HELLO => Message::Hello(Hello { state: fields.state()?, last_crc32c: fields.u32("last_crc32c")? }),
        KIND_WELCOME => Message::Welcome(Welcome {
            epoch: fields.epoch()?,
            order_entry: fields.address("order_entry")?,
            through: fields.sequence("through")?,
        }),
        KIND_REFUSED => Message::Refused(Refusal {
            code: RefusalCode::from_code(fields.u8("code")?).ok_or(MessageError::BadField("code"))?,
            epoch: fields.epoch()?,
            text: fields.text()?,
        }),
        KIND_FRAME => Message::Frame(fields.frame()?),
        KIND_HEARTBEAT => Message::Heartbeat(Heartbeat {
            epoch: fields.epoch()?,
            commit: fields.sequence("commit")?,
            digest: fields.digest()?,
        }),
        KIND_ACK => Message::Ack(Ack {
            epoch: fields.epoch()?,
            received_through: fields.sequence("received_through")?,
            synced_through: fields.sequence("synced_through")?,
            applied_through: fields.sequence("applied_through")?,
            digest: fields.digest()?,
        }),
        other => return Err(MessageError::UnknownKind(other)),
    })
}

/// Writes length and kind around `fields`.
fn enclose(out: &mut Vec<u8>, kind: u8, fields: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(kind);
    fields(out);
    let length = out.len() - start - 4;
    assert!(length <= MESSAGE_LEN_BYTES_MAX, "every field is bounded");
    out[start..start + 4].copy_from_slice(&(length as u32).to_le_bytes());
}

fn put_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_state(out: &mut Vec<u8>, state: &NodeState) {
    out.extend_from_slice(&state.protocol.to_le_bytes());
    out.extend_from_slice(&state.cluster.raw().to_le_bytes());
    put_u32(out, state.node.raw());
    put_u32(out, state.epoch.raw());
    out.push(state.role as u8);
    put_u64(out, state.last.raw());
    put_address(out, state.order_entry);
}

/// Family, 16 bytes of address (IPv4 in the first four), port.
fn put_address(out: &mut Vec<u8>, address: SocketAddr) {
    let mut bytes = [0; 16];
    match address.ip() {
        IpAddr::V4(ip) => {
            out.push(4);
            bytes[..4].copy_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            bytes = ip.octets();
        }
    }
    out.extend_from_slice(&bytes);
    out.extend_from_slice(&address.port().to_le_bytes());
}

fn put_digest(out: &mut Vec<u8>, digest: Option<(Sequence, Digest)>) {
    out.push(digest.is_some().into());
    if let Some((sequence, digest)) = digest {
        put_u64(out, sequence.raw());
        out.extend_from_slice(&digest.0.to_le_bytes());
    }
}

fn shorten(text: &str) -> &str {
    &text[..text.floor_char_boundary(TEXT_LEN_BYTES_MAX)]
}

/// What of a message is not read yet.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn bytes(&mut self, len: usize, field: &'static str) -> Result<&'a [u8], MessageError> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(MessageError::Truncated(field))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], MessageError> {
        Ok(self.bytes(N, field)?.try_into().expect("exactly N bytes were taken"))
    }

    fn u8(&mut self, field: &'static str) -> Result<u8, MessageError> {
        Ok(self.array::<1>(field)?[0])
    }

    fn u16(&mut self, field: &'static str) -> Result<u16, MessageError> {
        Ok(u16::from_le_bytes(self.array(field)?))
    }

    fn u32(&mut self, field: &'static str) -> Result<u32, MessageError> {
        Ok(u32::from_le_bytes(self.array(field)?))
    }

    fn sequence(&mut self, field: &'static str) -> Result<Sequence, MessageError> {
        Ok(Sequence::new(u64::from_le_bytes(self.array(field)?)))
    }

    fn epoch(&mut self) -> Result<Epoch, MessageError> {
        // The last one has no next: nobody could be promoted after it.
        match self.u32("epoch")? {
            u32::MAX => Err(MessageError::BadField("epoch")),
            epoch => Ok(Epoch::new(epoch)),
        }
    }

    fn state(&mut self) -> Result<NodeState, MessageError> {
        Ok(NodeState {
            protocol: self.u16("protocol")?,
            cluster: ClusterId::new(u128::from_le_bytes(self.array("cluster")?)),
            node: NodeId::new(self.u32("node")?),
            epoch: self.epoch()?,
            role: LinkRole::from_code(self.u8("role")?).ok_or(MessageError::BadField("role"))?,
            last: self.sequence("last")?,
            order_entry: self.address("order_entry")?,
        })
    }

    fn address(&mut self, field: &'static str) -> Result<SocketAddr, MessageError> {
        let family = self.u8(field)?;
        let bytes: [u8; 16] = self.array(field)?;
        let port = self.u16(field)?;
        let ip = match family {
            4 => {
                let (ip, padding) = bytes.split_first_chunk::<4>().expect("16 bytes have a first four");
                if padding.iter().any(|byte| *byte != 0) {
                    return Err(MessageError::BadField(field));
                }
                IpAddr::V4(Ipv4Addr::from(*ip))
            }
            6 => IpAddr::V6(Ipv6Addr::from(bytes)),
            _ => return Err(MessageError::BadField(field)),
        };
        Ok(SocketAddr::new(ip, port))
    }

    fn digest(&mut self) -> Result<Option<(Sequence, Digest)>, MessageError> {
        match self.u8("digest")? {
            0 => Ok(None),
            1 => {
                let sequence = self.sequence("digest")?;
                Ok(Some((sequence, Digest(u128::from_le_bytes(self.array("digest")?)))))
            }
            _ => Err(MessageError::BadField("digest")),
        }
    }

    fn text(&mut self) -> Result<String, MessageError> {
        let len = usize::from(self.u16("text")?);
        if len > TEXT_LEN_BYTES_MAX {
            return Err(MessageError::BadField("text"));
        }
        let bytes = self.bytes(len, "text")?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| MessageError::BadField("text"))
    }

    fn frame(&mut self) -> Result<Frame, MessageError> {
        let covered = self.rest;
        let epoch = self.epoch()?;
        let first = self.sequence("first")?;
        let count = self.u32("count")? as usize;
        if count == 0 || count > FRAME_RECORDS_MAX {
            return Err(MessageError::BadField("count"));
        }
        let commit = self.sequence("commit")?;
        let bytes = self.bytes(count * RECORD_LEN_BYTES, "records")?;
        let computed = crc32c::crc32c(&covered[..covered.len() - self.rest.len()]);
        let found = self.u32("crc32c")?;
        if found != computed {
            return Err(MessageError::BadCrc { first, found, computed });
        }
        let (chunks, _) = bytes.as_chunks::<RECORD_LEN_BYTES>();
        let records: Vec<_> = chunks.iter().map(|bytes| CommandRecord::from_bytes(*bytes)).collect();
        if records[0].sequence() != first {
            return Err(MessageError::BadField("first"));
        }
        Ok(Frame { epoch, first, commit, records })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;
    use tidegate_domain::{Command, CommandHeader, Timestamp};

    use super::*;

    fn address() -> impl Strategy<Value = SocketAddr> {
        (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port))
    }

    fn epochs() -> impl Strategy<Value = u32> {
        0..u32::MAX
    }

    fn state() -> impl Strategy<Value = NodeState> {
        (any::<(u16, u128, u32, u64)>(), epochs(), 0_u8..3, address()).prop_map(
            |((protocol, cluster, node, last), epoch, role, order_entry)| NodeState {
                protocol,
                cluster: ClusterId::new(cluster),
                node: NodeId::new(node),
                epoch: Epoch::new(epoch),
                role: LinkRole::from_code(role).unwrap(),
                last: Sequence::new(last),
                order_entry,
            },
        )
    }

    fn digest() -> impl Strategy<Value = Option<(Sequence, Digest)>> {
        any::<Option<(u64, u128)>>().prop_map(|digest| digest.map(|(at, digest)| (Sequence::new(at), Digest(digest))))
    }

    fn frame() -> impl Strategy<Value = Frame> {
        (any::<(u32, u64)>(), epochs(), 1..=FRAME_RECORDS_MAX).prop_map(|((first, commit), epoch, count)| {
            let first = Sequence::new(u64::from(first));
            let record = |n: usize| {
                let mut record = CommandRecord::encode(&CommandHeader::default(), &Command::Tick);
                record.stamp(Sequence::new(first.raw() + n as u64), Timestamp::from_nanos(n as u64), Epoch::new(epoch));
                record
            };
            let records = (0..count).map(record).collect();
            Frame { epoch: Epoch::new(epoch), first, commit: Sequence::new(commit), records }
        })
    }

    fn message() -> impl Strategy<Value = Message> {
        prop_oneof![
            state().prop_map(Message::Probe),
            state().prop_map(Message::State),
            (state(), any::<u32>()).prop_map(|(state, last_crc32c)| Message::Hello(Hello { state, last_crc32c })),
            (epochs(), any::<u64>(), address()).prop_map(|(epoch, through, order_entry)| {
                Message::Welcome(Welcome { epoch: Epoch::new(epoch), order_entry, through: Sequence::new(through) })
            }),
            (1_u8..=8, epochs(), ".{0,64}").prop_map(|(code, epoch, text)| {
                let code = RefusalCode::from_code(code).unwrap();
                Message::Refused(Refusal { code, epoch: Epoch::new(epoch), text })
            }),
            frame().prop_map(Message::Frame),
            (epochs(), any::<u64>(), digest()).prop_map(|(epoch, commit, digest)| {
                Message::Heartbeat(Heartbeat { epoch: Epoch::new(epoch), commit: Sequence::new(commit), digest })
            }),
            (epochs(), any::<(u64, u64, u64)>(), digest()).prop_map(|(epoch, (received, synced, applied), digest)| {
                Message::Ack(Ack {
                    epoch: Epoch::new(epoch),
                    received_through: Sequence::new(received),
                    synced_through: Sequence::new(synced),
                    applied_through: Sequence::new(applied),
                    digest,
                })
            }),
        ]
    }

    proptest! {
        #[test]
        fn what_was_encoded_decodes_to_the_same_and_needs_every_byte(message in message(), cut in any::<prop::sample::Index>()) {
            let mut bytes = Vec::new();
            encode(&message, &mut bytes);
            prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())]), Ok(None));
            let whole = bytes.len();
            bytes.extend_from_slice(&[1, 2, 3]);
            prop_assert_eq!(decode(&bytes), Ok(Some((message, whole))));
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..10) {
            let _ = decode(&bytes);
            // The same behind a length and a kind that fit.
            let mut framed = ((bytes.len() + 1) as u32).to_le_bytes().to_vec();
            framed.push(kind);
            framed.extend_from_slice(&bytes);
            prop_assert!(!matches!(decode(&framed), Ok(None)));
        }

        #[test]
        fn a_flipped_bit_in_a_frame_is_noticed(frame in frame(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut bytes = Vec::new();
            encode(&Message::Frame(frame), &mut bytes);
            let at = 5 + at.index(bytes.len() - 5);
            bytes[at] ^= 1 << bit;
            prop_assert!(decode(&bytes).is_err());
        }
    }

    #[test]
    fn a_length_out_of_bounds_is_refused_before_its_bytes_arrive() {
        assert_eq!(decode(&0_u32.to_le_bytes()), Err(MessageError::BadLength(0)));
        let huge = MESSAGE_LEN_BYTES_MAX as u32 + 1;
        assert_eq!(decode(&huge.to_le_bytes()), Err(MessageError::BadLength(huge)));
    }

    #[test]
    fn a_long_refusal_is_cut_at_a_character() {
        let refusal = Refusal { code: RefusalCode::Diverged, epoch: Epoch::new(1), text: "ä".repeat(400) };
        let mut bytes = Vec::new();
        encode(&Message::Refused(refusal), &mut bytes);
        let Ok(Some((Message::Refused(read), _))) = decode(&bytes) else { panic!("it decodes") };
        assert_eq!(read.text, "ä".repeat(256));
    }
}
