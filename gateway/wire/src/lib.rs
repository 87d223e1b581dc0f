//! The client protocol: bytes from a socket to typed messages and back, for the gateway and for clients alike.
//!
//!   socket bytes --[`FrameReader`]--> [`Frame`] --[`Frame::client_message`]--> [`ClientMessage`] --> command
//!   event --[`Report::from_event`]--> [`ServerMessage`] --[`encode_server`]--> socket bytes
//!
//! Invariants: every layout is declared once, in `blocks`, and codec, size proofs and the tables of `PROTOCOL.md` come
//! from there; no input panics; nothing is allocated beyond one frame; a published template never changes, a newer one
//! may only append to its block. No floating point anywhere: prices are ticks, quantities lots, amounts smallest units.
//! Owning thread: none, these are values and functions over slices.

mod blocks;
mod codec;
pub mod decimal;
pub mod feed;
mod field;
mod frame;
mod layout;
mod message;
mod reason;
mod report;
mod request;
mod scale;

pub use blocks::{layout_tables, report_head_layout};
pub use codec::{DecodeError, decode_client, decode_server, encode_client, encode_request, encode_server};
pub use decimal::{DecimalError, format_decimal, parse_decimal};
pub use field::FieldError;
pub use frame::{FRAME_HEADER_LEN_BYTES, Frame, FrameError, FrameHeader, FrameReader, split_frame};
pub use layout::{Code, CodeList, FieldLayout, GroupLayout, MessageLayout, Origin};
pub use message::{ClientMessage, Logon, Position, ServerMessage, TEXT_LEN_MAX_BYTES, logon_bytes};
pub use reason::{GapFillReason, GatewayReject, LogoutReason, RefusedField, SessionMode, TargetKind};
pub use report::{FillReport, GatewayStamps, Report, ReportBody};
pub use request::{OrderAction, OrderRequest};
pub use scale::{Scale, ScaleError};

/// Longest frame that either side sends. A longer one ends the connection.
pub const FRAME_LEN_MAX_BYTES: usize = 1_024;
/// Version of the framing: of everything before the block.
pub const PROTOCOL_VERSION: u16 = 1;
/// Identity of the message schema.
pub const SCHEMA_ID: u16 = 1;
/// Version of the message schema. A newer one is read as far as this build knows it: blocks only grow at their end.
pub const SCHEMA_VERSION: u16 = 1;
