//! Frames: where one message ends and the next begins.
//!
//! ```text
//! byte  0        4        6      8             10           12         14              16
//!       | length | version| flags| block length | template   | schema id| schema version | block ...
//!       | u32    | u16 = 1| u16=0| u16          | u16        | u16 = 1  | u16 >= 1       |
//! ```
//!
//! `length` counts the whole frame, itself included; `block length` is `length - 16`, but for messages with a repeating
//! group, which comes after the block. All little-endian.
//!
//! Invariants: at most one frame is kept between reads, in a fixed buffer; a wrong length is seen with its fourth byte,
//! before anything is waited for; no input panics. Owning thread: whoever owns the socket.

use crate::blocks::has_group;
use crate::{FRAME_LEN_MAX_BYTES, PROTOCOL_VERSION, SCHEMA_ID, SCHEMA_VERSION};

/// Length of what is before the block.
pub const FRAME_HEADER_LEN_BYTES: usize = 16;
/// Length of the field `length`.
const LENGTH_LEN_BYTES: usize = 4;

/// Why bytes are not a frame of this protocol. The connection ends with it: where the next frame begins is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The length is not that of a frame.
    Length(u32),
    /// Another version of the framing.
    Version(u16),
    /// A flag that nobody defined.
    Flags(u16),
    /// The block is not what is left of the frame.
    BlockLength {
        /// What it says.
        block_len_bytes: u16,
        /// What is left.
        left_len_bytes: u16,
    },
    /// Another schema.
    SchemaId(u16),
    /// No version of the schema.
    SchemaVersion(u16),
    /// The sender of such a message is not on the other side, or nobody knows the template.
    Template(u16),
    /// The slice is not exactly one frame.
    Incomplete {
        /// How much there is.
        len_bytes: usize,
    },
}

impl std::fmt::Display for FrameError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length(value) => {
                write!(f, "length is {value}, allowed: {FRAME_HEADER_LEN_BYTES} to {FRAME_LEN_MAX_BYTES}")
            }
            Self::Version(value) => write!(f, "protocol version is {value}, allowed: {PROTOCOL_VERSION}"),
            Self::Flags(value) => write!(f, "flags is {value}, allowed: 0"),
            Self::BlockLength { block_len_bytes, left_len_bytes } => {
                write!(f, "block length is {block_len_bytes}, length leaves {left_len_bytes}")
            }
            Self::SchemaId(value) => write!(f, "schema id is {value}, allowed: {SCHEMA_ID}"),
            Self::SchemaVersion(value) => write!(f, "schema version is {value}, allowed: {SCHEMA_VERSION} or more"),
            Self::Template(value) => write!(f, "template id is {value}, which is not known here"),
            Self::Incomplete { len_bytes } => write!(f, "{len_bytes} bytes are not exactly one frame"),
        }
    }
}

impl std::error::Error for FrameError {}

/// What is before the block, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// Length of the whole frame.
    pub len_bytes: usize,
    /// Which message.
    pub template: u16,
    /// Length of the block; what is after it is the repeating group.
    pub block_len_bytes: usize,
    /// Version of the schema that the sender has.
    pub schema_version: u16,
}

impl FrameHeader {
    /// The header of a frame with this block, and with so much after it, as bytes.
    pub(crate) fn encode(
        template: u16,
        block_len_bytes: usize,
        group_len_bytes: usize,
    ) -> [u8; FRAME_HEADER_LEN_BYTES] {
        let len_bytes = FRAME_HEADER_LEN_BYTES + block_len_bytes + group_len_bytes;
        let mut header = [0; FRAME_HEADER_LEN_BYTES];
        header[0..4].copy_from_slice(&(len_bytes as u32).to_le_bytes());
        header[4..6].copy_from_slice(&PROTOCOL_VERSION.to_le_bytes());
        header[8..10].copy_from_slice(&(block_len_bytes as u16).to_le_bytes());
        header[10..12].copy_from_slice(&template.to_le_bytes());
        header[12..14].copy_from_slice(&SCHEMA_ID.to_le_bytes());
        header[14..16].copy_from_slice(&SCHEMA_VERSION.to_le_bytes());
        header
    }

    fn check(header: &[u8; FRAME_HEADER_LEN_BYTES]) -> Result<Self, FrameError> {
        let field = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let len_bytes = frame_len_bytes([header[0], header[1], header[2], header[3]])?;
        let (version, flags, block_len_bytes) = (field(4), field(6), field(8));
        let (template, schema_id, schema_version) = (field(10), field(12), field(14));
        if version != PROTOCOL_VERSION {
            return Err(FrameError::Version(version));
        }
        if flags != 0 {
            return Err(FrameError::Flags(flags));
        }
        let left_len_bytes = (len_bytes - FRAME_HEADER_LEN_BYTES) as u16;
        if block_len_bytes > left_len_bytes || (block_len_bytes < left_len_bytes && !has_group(template)) {
            return Err(FrameError::BlockLength { block_len_bytes, left_len_bytes });
        }
        if schema_id != SCHEMA_ID {
            return Err(FrameError::SchemaId(schema_id));
        }
        if schema_version < SCHEMA_VERSION {
            return Err(FrameError::SchemaVersion(schema_version));
        }
        Ok(Self { len_bytes, template, block_len_bytes: usize::from(block_len_bytes), schema_version })
    }
}

/// The field `length`, within its limits.
fn frame_len_bytes(bytes: [u8; LENGTH_LEN_BYTES]) -> Result<usize, FrameError> {
    let length = u32::from_le_bytes(bytes);
    let len_bytes = length as usize;
    if (FRAME_HEADER_LEN_BYTES..=FRAME_LEN_MAX_BYTES).contains(&len_bytes) {
        Ok(len_bytes)
    } else {
        Err(FrameError::Length(length))
    }
}

/// One whole frame with a checked header; its block is not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    header: FrameHeader,
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The checked header.
    #[must_use]
    pub const fn header(&self) -> FrameHeader {
        self.header
    }
    /// The whole frame.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
    /// What is after the header.
    #[must_use]
    pub fn block(&self) -> &'a [u8] {
        &self.bytes[FRAME_HEADER_LEN_BYTES..FRAME_HEADER_LEN_BYTES + self.header.block_len_bytes]
    }
    /// What is after the block: the repeating group, or nothing.
    #[must_use]
    pub fn group(&self) -> &'a [u8] {
        &self.bytes[FRAME_HEADER_LEN_BYTES + self.header.block_len_bytes..]
    }
}

/// The first frame of `bytes`, or `None` where more bytes are needed. `frame.bytes().len()` of them are used up.
///
/// # Errors
/// [`FrameError`] as soon as the bytes that are there cannot become a frame.
pub fn split_frame(bytes: &[u8]) -> Result<Option<Frame<'_>>, FrameError> {
    let Some(header) = bytes.first_chunk::<FRAME_HEADER_LEN_BYTES>() else {
        if let Some(length) = bytes.first_chunk::<LENGTH_LEN_BYTES>() {
            frame_len_bytes(*length)?;
        }
        return Ok(None);
    };
    let header = FrameHeader::check(header)?;
    Ok(bytes.get(..header.len_bytes).map(|bytes| Frame { header, bytes }))
}

/// Cuts frames out of a stream that arrives in pieces. Whole frames are borrowed from the input; only one that is cut by
/// the end of the input is copied, into a buffer of fixed size.
#[derive(Debug)]
pub struct FrameReader {
    partial: [u8; FRAME_LEN_MAX_BYTES],
    filled: usize,
    /// The partial frame was complete and has been handed out: forget it at the next call.
    handed_out: bool,
}

impl Default for FrameReader {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameReader {
    /// A reader at the start of a stream.
    #[must_use]
    pub const fn new() -> Self {
        Self { partial: [0; FRAME_LEN_MAX_BYTES], filled: 0, handed_out: false }
    }

    /// The next frame, taking what it needs off the front of `input`; `None` when `input` is used up. Call it until then.
    ///
    /// # Errors
    /// [`FrameError`]: close the connection, the stream cannot be followed any further.
    pub fn next_frame<'f, 'i: 'f>(&'f mut self, input: &mut &'i [u8]) -> Result<Option<Frame<'f>>, FrameError> {
        if self.handed_out {
            self.handed_out = false;
            self.filled = 0;
        }
        if self.filled == 0 {
            if let Some(frame) = split_frame(input)? {
                *input = &input[frame.bytes.len()..];
                return Ok(Some(frame));
            }
            self.keep(input, input.len());
            return Ok(None);
        }
        self.fill_to(FRAME_HEADER_LEN_BYTES, input);
        // Fails early on a bad length or header.
        split_frame(&self.partial[..self.filled])?;
        if self.filled < FRAME_HEADER_LEN_BYTES {
            return Ok(None);
        }
        let length = self.partial.first_chunk::<LENGTH_LEN_BYTES>().expect("the buffer is longer than a length");
        self.fill_to(frame_len_bytes(*length)?, input);
        let frame = split_frame(&self.partial[..self.filled])?;
        self.handed_out = frame.is_some();
        Ok(frame)
    }

    /// Bytes of an incomplete frame that are kept: not zero when the peer went away in the middle of one.
    #[must_use]
    pub const fn partial_len_bytes(&self) -> usize {
        if self.handed_out { 0 } else { self.filled }
    }

    fn fill_to(&mut self, target: usize, input: &mut &[u8]) {
        let wanted = target.saturating_sub(self.filled);
        self.keep(input, wanted.min(input.len()));
    }

    fn keep(&mut self, input: &mut &[u8], count: usize) {
        let (taken, rest) = input.split_at(count);
        self.partial[self.filled..self.filled + count].copy_from_slice(taken);
        self.filled += count;
        *input = rest;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn frame(template: u16, block: &[u8]) -> Vec<u8> {
        let mut bytes = FrameHeader::encode(template, block.len(), 0).to_vec();
        bytes.extend_from_slice(block);
        bytes
    }

    #[test]
    fn frames_are_the_same_however_the_stream_is_cut() {
        let stream: Vec<u8> = (0..20u8).flat_map(|i| frame(u16::from(i), &vec![i; usize::from(i) * 8])).collect();
        for piece_len in [1, 2, 3, 5, 15, 16, 17, 64, 1_023, stream.len()] {
            let mut reader = FrameReader::new();
            let mut seen = Vec::new();
            for piece in stream.chunks(piece_len) {
                let mut input = piece;
                while let Some(frame) = reader.next_frame(&mut input).unwrap() {
                    assert!(frame.block().iter().all(|byte| u16::from(*byte) == frame.header().template));
                    seen.push((frame.header().template, frame.block().len()));
                }
                assert!(input.is_empty());
            }
            assert_eq!(seen, (0..20).map(|i| (i, usize::from(i) * 8)).collect::<Vec<_>>(), "pieces of {piece_len}");
            assert_eq!(reader.partial_len_bytes(), 0);
        }
    }

    #[test]
    fn a_wrong_length_is_seen_before_the_rest_arrives() {
        for length in [0u32, 15, 1_025, u32::MAX] {
            let mut reader = FrameReader::new();
            let bytes = length.to_le_bytes();
            assert!(matches!(reader.next_frame(&mut &bytes[..2]), Ok(None)) && length != 2);
            assert_eq!(reader.next_frame(&mut &bytes[2..]), Err(FrameError::Length(length)));
            assert_eq!(split_frame(&bytes), Err(FrameError::Length(length)));
        }
    }

    #[test]
    fn each_field_of_the_header_is_refused_by_name() {
        let good = frame(2, &[]);
        assert!(split_frame(&good).unwrap().is_some());
        for (at, value, message) in [
            (4, 2, "protocol version is 2, allowed: 1"),
            (6, 1, "flags is 1, allowed: 0"),
            (8, 8, "block length is 8, length leaves 0"),
            (12, 9, "schema id is 9, allowed: 1"),
            (14, 0, "schema version is 0, allowed: 1 or more"),
        ] {
            let mut bad = good.clone();
            bad[at] = value;
            let error = split_frame(&bad).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert!(error.to_string().len() <= crate::TEXT_LEN_MAX_BYTES, "the logout's detail holds all of it");
        }
    }
}
