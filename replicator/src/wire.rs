//! One stream between two nodes: messages in, messages out.
//!
//! Invariants: reading and flushing are cancel-safe, so that one task can wait for both and for everything else; what is
//! buffered is bounded by one message on the way in and by what the caller queues on the way out.
//! Owning thread: the link task, or the task that greets or dials until it hands the wire over.

use std::error::Error;

use quinn::{Connection, RecvStream, SendStream, VarInt};

use crate::message::{Message, decode, encode};

/// Bytes asked from the stream at a time.
const READ_LEN_BYTES: usize = 64 * 1024;
/// Application code of a connection that ends as it should.
const CODE_DONE: u32 = 0;
/// Application code of a connection that is given up; the reason says why.
const CODE_GIVEN_UP: u32 = 1;

/// A connection with its one stream.
pub(crate) struct Wire {
    pub(crate) connection: Connection,
    pub(crate) reader: MessageReader,
    pub(crate) writer: MessageWriter,
}

pub(crate) struct MessageReader {
    stream: RecvStream,
    scratch: Box<[u8]>,
    buffer: Vec<u8>,
    /// Bytes of the buffer that are decoded.
    taken: usize,
}

pub(crate) struct MessageWriter {
    stream: SendStream,
    buffer: Vec<u8>,
    /// Bytes of the buffer that the stream has taken.
    written: usize,
}

impl Wire {
    pub(crate) fn new(connection: Connection, send: SendStream, recv: RecvStream) -> Self {
        let scratch = vec![0; READ_LEN_BYTES].into_boxed_slice();
        let reader = MessageReader { stream: recv, scratch, buffer: Vec::with_capacity(READ_LEN_BYTES), taken: 0 };
        Self { connection, reader, writer: MessageWriter { stream: send, buffer: Vec::new(), written: 0 } }
    }

    /// Ends the connection; the peer sees the reason.
    pub(crate) fn give_up(self, reason: &str) {
        self.connection.close(VarInt::from_u32(CODE_GIVEN_UP), reason.as_bytes());
    }

    /// Ends the connection after everything was said.
    pub(crate) fn done(self) {
        self.connection.close(VarInt::from_u32(CODE_DONE), b"done");
    }

    /// Says one last thing and stays until the peer has closed the connection, which it does when it has heard it.
    pub(crate) async fn say_last(mut self, message: &Message) -> Result<(), String> {
        self.writer.queue(message);
        self.writer.flush().await?;
        let _ = self.writer.stream.finish(); // It fails only when the peer stopped the stream: it has heard enough.
        self.connection.closed().await;
        Ok(())
    }
}

impl MessageReader {
    /// The next message. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Message, String> {
        loop {
            match decode(&self.buffer[self.taken..]) {
                Ok(Some((message, len))) => {
                    self.taken += len;
                    return Ok(message);
                }
                Ok(None) => {}
                Err(error) => return Err(error.to_string()),
            }
            self.buffer.drain(..self.taken);
            self.taken = 0;
            match self.stream.read(&mut self.scratch).await {
                Ok(Some(len)) => self.buffer.extend_from_slice(&self.scratch[..len]),
                Ok(None) => return Err("the other node ended the stream".to_owned()),
                Err(error) => return Err(explain(&error)),
            }
        }
    }
}

impl MessageWriter {
    /// Whether everything queued is with the stream.
    pub(crate) fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    pub(crate) fn queue(&mut self, message: &Message) {
        encode(message, &mut self.buffer);
    }

    /// To encode into directly.
    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Hands everything queued to the stream, as its flow control allows. Cancel-safe.
    pub(crate) async fn flush(&mut self) -> Result<(), String> {
        while self.written < self.buffer.len() {
            self.written += self.stream.write(&self.buffer[self.written..]).await.map_err(|error| explain(&error))?;
        }
        self.buffer.clear();
        self.written = 0;
        Ok(())
    }
}

/// An error with its causes, without repeating a cause that the text has already.
pub(crate) fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
