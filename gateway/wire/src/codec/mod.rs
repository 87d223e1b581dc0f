//! Messages to blocks and back.
//!
//!   bytes --split_frame--> Frame --template--> block --fields--> message          message --> block --> bytes
//!
//! Invariants: decode(encode(x)) == x; no input panics; a request that is well framed but wrong inside is told apart
//! from bytes that are not the protocol, since only the latter ends a connection. Owning thread: none.

mod reports;
mod requests;
mod session;

use tidegate_domain::RequestNumber;

use crate::blocks::*;
use crate::field::FieldError;
use crate::frame::{Frame, FrameError, FrameHeader, split_frame};
use crate::layout::Block;
use crate::message::{ClientMessage, ServerMessage};
use crate::reason::{GatewayReject, RefusedField};

pub use requests::encode_request;

/// Why a frame is not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecodeError {
    /// Not a frame of this protocol: ends the connection.
    Frame(FrameError),
    /// A session message with a wrong field: ends the connection too, since the session cannot go on without it.
    Session(FieldError),
    /// A request with a wrong field or an unknown template: refuse it and go on, the next frame is where it should be.
    Request {
        /// Its number; zero where the block is too short to hold it.
        request: RequestNumber,
        /// What is wrong.
        error: FieldError,
    },
}

impl DecodeError {
    /// The gateway's answer to a wrong request; `None` for the errors that end the connection.
    #[must_use]
    pub fn refusal(&self) -> Option<ServerMessage> {
        let Self::Request { request, error } = self else {
            return None;
        };
        Some(ServerMessage::RequestRefused {
            request: *request,
            reason: GatewayReject::Malformed,
            field: RefusedField::from_field_name(error.field),
            value: error.value,
            limit: error.limit,
        })
    }
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Session(error) => error.fmt(f),
            Self::Request { request, error } => write!(f, "request {request}: {error}"),
        }
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Frame(error) => Some(error),
            Self::Session(error) | Self::Request { error, .. } => Some(error),
        }
    }
}

impl From<FrameError> for DecodeError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// Decodes one whole frame that a client sent.
///
/// # Errors
/// [`DecodeError`] says whether the connection must end or only the request is refused.
pub fn decode_client(bytes: &[u8]) -> Result<ClientMessage, DecodeError> {
    whole_frame(bytes)?.client_message()
}

/// Decodes one whole frame that the gateway sent.
///
/// # Errors
/// [`DecodeError`], never its variant `Request`.
pub fn decode_server(bytes: &[u8]) -> Result<ServerMessage, DecodeError> {
    whole_frame(bytes)?.server_message()
}

fn whole_frame(bytes: &[u8]) -> Result<Frame<'_>, FrameError> {
    match split_frame(bytes)? {
        Some(frame) if frame.bytes().len() == bytes.len() => Ok(frame),
        _ => Err(FrameError::Incomplete { len_bytes: bytes.len() }),
    }
}

impl Frame<'_> {
    /// The message in a frame that a client sent.
    ///
    /// # Errors
    /// [`DecodeError`] says whether the connection must end or only the request is refused.
    pub fn client_message(&self) -> Result<ClientMessage, DecodeError> {
        let template = self.header().template;
        if REQUEST_TEMPLATES.contains(&template) {
            return requests::decode(template, self.block(), self.group()).map(ClientMessage::Order);
        }
        let block = self.block();
        match template {
            LogonBlock::TEMPLATE => LogonBlock::get(block).map(|block| ClientMessage::Logon(session::logon(&block))),
            HeartbeatBlock::TEMPLATE => Ok(ClientMessage::Heartbeat),
            ClientLogoutBlock::TEMPLATE => Ok(ClientMessage::Logout),
            TestRequestBlock::TEMPLATE => {
                TestRequestBlock::get(block).map(|block| ClientMessage::TestRequest { id: block.id })
            }
            TestReplyBlock::TEMPLATE => {
                TestReplyBlock::get(block).map(|block| ClientMessage::TestReply { id: block.id })
            }
            _ => return Err(FrameError::Template(template).into()),
        }
        .map_err(DecodeError::Session)
    }

    /// The message in a frame that the gateway sent.
    ///
    /// # Errors
    /// [`DecodeError`], never its variant `Request`.
    pub fn server_message(&self) -> Result<ServerMessage, DecodeError> {
        let (template, block) = (self.header().template, self.block());
        match template {
            HeartbeatBlock::TEMPLATE => Ok(ServerMessage::Heartbeat),
            TestRequestBlock::TEMPLATE => {
                TestRequestBlock::get(block).map(|block| ServerMessage::TestRequest { id: block.id })
            }
            TestReplyBlock::TEMPLATE => {
                TestReplyBlock::get(block).map(|block| ServerMessage::TestReply { id: block.id })
            }
            ChallengeBlock::TEMPLATE..=DropCopyPositionBlock::TEMPLATE => session::decode(template, block),
            OrderAccepted::TEMPLATE..=CancelAllAfterFired::TEMPLATE => {
                reports::decode(template, block).map(ServerMessage::Report)
            }
            _ => return Err(FrameError::Template(template).into()),
        }
        .map_err(DecodeError::Session)
    }
}

/// Appends `block` as one frame.
pub(crate) fn append<B: Block>(block: &B, out: &mut Vec<u8>) {
    append_with(B::TEMPLATE, B::LEN, 0, out, |room| block.put(room));
}

pub(crate) fn append_with(
    template: u16,
    block_len_bytes: usize,
    group_len_bytes: usize,
    out: &mut Vec<u8>,
    put: impl FnOnce(&mut [u8]),
) {
    out.extend_from_slice(&FrameHeader::encode(template, block_len_bytes, group_len_bytes));
    let start = out.len();
    out.resize(start + block_len_bytes + group_len_bytes, 0);
    put(&mut out[start..]);
}

/// Appends a client's message as one frame.
pub fn encode_client(message: &ClientMessage, out: &mut Vec<u8>) {
    match message {
        ClientMessage::Logon(logon) => session::encode_logon(logon, out),
        ClientMessage::Heartbeat => append(&HeartbeatBlock {}, out),
        ClientMessage::Logout => append(&ClientLogoutBlock {}, out),
        ClientMessage::TestRequest { id } => append(&TestRequestBlock { id: *id }, out),
        ClientMessage::TestReply { id } => append(&TestReplyBlock { id: *id }, out),
        ClientMessage::Order(order) => encode_request(order, out),
    }
}

/// Appends the gateway's message as one frame. A text over its limit is cut.
pub fn encode_server(message: &ServerMessage, out: &mut Vec<u8>) {
    match message {
        ServerMessage::Report(report) => reports::encode(report, out),
        other => session::encode(other, out),
    }
}
