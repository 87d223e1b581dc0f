//! A client that never sleeps: straight on the codec, on a socket that does not block.
//!
//! Invariants: whatever is no report, no heartbeat and no market is an error with the server's words; reports are dense.
//! Owning thread: the caller's.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use ed25519_dalek::{Signer, SigningKey};
use tidegate_domain::{KeyId, MarketId, OrderTarget, Price, Qty, RequestNumber, SessionSequence, Side, TimeInForce};
use tidegate_wire::{
    ClientMessage, Logon, OrderAction, OrderRequest, Position, Report, ReportBody, ServerMessage, SessionMode,
    encode_client, encode_request, logon_bytes, split_frame,
};

use crate::echo::spin_write;

/// Longest silence of a server that owes an answer.
const PATIENCE: Duration = Duration::from_secs(30);
const HEARTBEAT_MS: u32 = 60_000;

impl AsRawFd for WireClient {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

/// Where and as whom to log on.
#[derive(Clone, Debug)]
pub struct Login {
    /// The node's order entry.
    pub address: SocketAddr,
    /// The key.
    pub key: KeyId,
    /// Its private half.
    pub secret: [u8; 32],
    /// Where it trades.
    pub market: MarketId,
}

/// How far a logon is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Greeting,
    LoggingOn,
    Live,
}

/// See the module.
#[derive(Debug)]
pub struct WireClient {
    stream: TcpStream,
    phase: Phase,
    market: MarketId,
    input: Vec<u8>,
    start: usize,
    room: Box<[u8]>,
    output: Vec<u8>,
    /// How much of `output` the socket has taken.
    written: usize,
    /// The number of the next request.
    next_request: u64,
    /// Number of the last report.
    pub last_report: u64,
    /// From the first byte of the connection to the end of the replay.
    pub logged_on_in: Duration,
}

impl WireClient {
    /// Connects, logs on and reads everything after report `after`; `None` is "only what comes from now on".
    ///
    /// # Errors
    /// In the server's words.
    pub fn log_on(login: &Login, after: Option<u64>) -> Result<Self, String> {
        let after = match after {
            Some(after) => after,
            // Twice: the first time tells where the reports end.
            None => Self::log_on(login, Some(0))?.last_report,
        };
        let begun = Instant::now();
        let mut client = Self::connect(login, after)?;
        client.finish_logon(login, &mut |_| Ok(()))?;
        client.logged_on_in = begun.elapsed();
        Ok(client)
    }

    /// Connects; [`Self::advance`] then logs on and asks for everything after report `after`.
    ///
    /// # Errors
    /// What the socket says.
    pub fn connect(login: &Login, after: u64) -> Result<Self, String> {
        Ok(Self {
            stream: connected(login)?,
            phase: Phase::Greeting,
            market: login.market,
            input: Vec::with_capacity(1 << 16),
            start: 0,
            room: vec![0; 1 << 16].into(),
            output: Vec::new(),
            written: 0,
            next_request: 1,
            last_report: after,
            logged_on_in: Duration::ZERO,
        })
    }

    /// The same session on another connection: what was not sent is forgotten, numbers go on.
    ///
    /// # Errors
    /// What the socket says.
    pub fn reconnect(&mut self, login: &Login) -> Result<(), String> {
        self.stream = connected(login)?;
        self.phase = Phase::Greeting;
        self.input.clear();
        self.output.clear();
        (self.start, self.written) = (0, 0);
        Ok(())
    }

    /// Goes on with the logon without waiting, and gives every report that is replayed; whether requests are taken from here
    /// on.
    ///
    /// # Errors
    /// In the server's words, a gap, or what `take` says.
    pub fn advance(
        &mut self,
        login: &Login,
        take: &mut impl FnMut(&Report) -> Result<(), String>,
    ) -> Result<bool, String> {
        if self.phase != Phase::Live {
            self.read()?;
        }
        while self.phase != Phase::Live {
            let Some(message) = self.next_message()? else { return Ok(false) };
            match (self.phase, message) {
                (Phase::Greeting, ServerMessage::Challenge { nonce, cluster, node, .. }) => {
                    let signed = logon_bytes(cluster, node, &nonce, login.key);
                    let logon = Logon {
                        key: login.key,
                        mode: SessionMode::Trading,
                        replay_max: 0,
                        resume_after: Position::default(),
                        last_session_sequence: SessionSequence::new(self.last_report),
                        heartbeat_ms: HEARTBEAT_MS,
                        grace_ms: 0,
                        cancel_on_disconnect: false,
                        signature: SigningKey::from_bytes(&login.secret).sign(&signed).to_bytes(),
                    };
                    self.send(&ClientMessage::Logon(logon))?;
                    self.phase = Phase::LoggingOn;
                }
                (Phase::LoggingOn, ServerMessage::LogonAccepted { request_mark, .. }) => {
                    self.next_request = self.next_request.max(request_mark.raw() + 1);
                }
                (Phase::LoggingOn, ServerMessage::Report(report)) => {
                    self.note(&report)?;
                    take(&report)?;
                }
                (Phase::LoggingOn, ServerMessage::ReplayDone { .. }) => self.phase = Phase::Live,
                (Phase::Greeting, other) => return Err(format!("the server began without a challenge: {other:?}")),
                (_, other) => self.on_other(&other)?,
            }
        }
        Ok(true)
    }

    /// Spins until the logon is done.
    ///
    /// # Errors
    /// As [`Self::advance`], and silence.
    pub fn finish_logon(
        &mut self,
        login: &Login,
        take: &mut impl FnMut(&Report) -> Result<(), String>,
    ) -> Result<(), String> {
        let (mut since, mut known) = (Instant::now(), self.last_report);
        while !self.advance(login, take)? {
            if self.last_report != known {
                (since, known) = (Instant::now(), self.last_report);
            }
            if since.elapsed() > PATIENCE {
                return Err(format!("nothing came for {} s", PATIENCE.as_secs()));
            }
        }
        Ok(())
    }

    /// Appends the next request to what is to be sent: an order that rests, then its cancellation, in turns. Both get one
    /// report.
    pub fn queue_request(&mut self) {
        let request = self.next_request;
        if request % 2 == 1 {
            return self.queue_order();
        }
        self.queue(OrderAction::Cancel { target: OrderTarget::Request(RequestNumber::new(request - 1)) });
    }

    /// Appends an order that rests.
    pub fn queue_order(&mut self) {
        let price = Price::from_ticks(1_000 + (self.next_request % 64) as i64);
        self.queue(OrderAction::limit(self.market, Side::Buy, TimeInForce::Gtc, price, Qty::from_lots(1)));
    }

    /// The number that the next request gets.
    #[must_use]
    pub const fn next_request(&self) -> RequestNumber {
        RequestNumber::new(self.next_request)
    }

    /// Appends a request to what is to be sent; it, and its bytes.
    pub fn queue(&mut self, action: OrderAction) -> (OrderRequest, &[u8]) {
        let request = OrderRequest { request: self.next_request(), action };
        self.next_request += 1;
        let from = self.output.len();
        encode_request(&request, &mut self.output);
        (request, &self.output[from..])
    }

    /// Appends a request that was sent on another connection and not answered.
    pub fn queue_again(&mut self, request: &OrderRequest) {
        encode_request(request, &mut self.output);
    }

    /// Takes whatever answers are there, without waiting, rejects and refusals included; how many, and how many of them
    /// the gateway refused for want of tokens.
    ///
    /// # Errors
    /// A goodbye, or what the socket says.
    pub fn take_answers(&mut self) -> Result<(u64, u64), String> {
        let (mut answers, mut refused) = (0, 0);
        self.read()?;
        while let Some(message) = self.next_message()? {
            match message {
                ServerMessage::Report(report) => {
                    self.last_report = report.session_sequence.raw();
                    answers += 1;
                }
                ServerMessage::RequestRefused { .. } => {
                    answers += 1;
                    refused += 1;
                }
                other => self.on_other(&other)?,
            }
        }
        Ok((answers, refused))
    }

    /// Appends an order to what is to be sent: one that rests on the sell side, or one that takes it.
    pub fn queue_trade(&mut self, side: Side) {
        let time_in_force = if side == Side::Sell { TimeInForce::Gtc } else { TimeInForce::Ioc };
        let (price, qty) = (Price::from_ticks(100_000), Qty::from_lots(1));
        self.queue(OrderAction::limit(self.market, side, time_in_force, price, qty));
    }

    /// Makes the next request an order, whatever came before.
    pub fn begin_with_an_order(&mut self) {
        self.next_request += 1 - self.next_request % 2;
    }

    /// Sends what is queued.
    ///
    /// # Errors
    /// What the socket says.
    pub fn flush(&mut self) -> Result<(), String> {
        let sent = spin_write(&mut self.stream, &self.output[self.written..]);
        self.output.clear();
        self.written = 0;
        sent.map_err(|error| format!("cannot send: {error}"))
    }

    /// Sends as much of what is queued as the socket takes now; whether that was all.
    ///
    /// # Errors
    /// What the socket says.
    pub fn try_flush(&mut self) -> Result<bool, String> {
        while self.written < self.output.len() {
            match self.stream.write(&self.output[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(format!("cannot send: {error}")),
            }
        }
        self.output.clear();
        self.written = 0;
        Ok(true)
    }

    fn send(&mut self, message: &ClientMessage) -> Result<(), String> {
        encode_client(message, &mut self.output);
        self.flush()
    }

    /// Takes the reports that are there, without waiting; how many.
    ///
    /// # Errors
    /// A reject, a gap, a goodbye, or what the socket says.
    pub fn take_reports(&mut self) -> Result<usize, String> {
        if !self.read()? && self.start == self.input.len() {
            return Ok(0);
        }
        self.for_each_report(|report| match &report.body {
            ReportBody::Rejected { reason, .. } => Err(format!("rejected: {}", reason.as_str())),
            _ => Ok(()),
        })
    }

    /// Gives every report that was read; how many.
    ///
    /// # Errors
    /// A gap, a goodbye, or what `take` says.
    pub fn for_each_report(&mut self, mut take: impl FnMut(&Report) -> Result<(), String>) -> Result<usize, String> {
        let mut count = 0;
        while let Some(message) = self.next_message()? {
            match message {
                ServerMessage::Report(report) => {
                    self.note(&report)?;
                    take(&report)?;
                    count += 1;
                }
                other => self.on_other(&other)?,
            }
        }
        Ok(count)
    }

    /// Spins until so many reports have come.
    ///
    /// # Errors
    /// As [`Self::take_reports`], and silence.
    pub fn await_reports(&mut self, mut count: usize) -> Result<(), String> {
        let mut silent_since = None;
        while count > 0 {
            let taken = self.take_reports()?;
            if taken > count {
                return Err(format!("{} reports too many", taken - count));
            }
            count -= taken;
            if taken > 0 {
                silent_since = None;
            } else if silent_since.get_or_insert_with(Instant::now).elapsed() > PATIENCE {
                return Err(format!("{count} reports are missing after {} s", PATIENCE.as_secs()));
            }
        }
        Ok(())
    }

    /// What may come between two reports.
    fn on_other(&mut self, message: &ServerMessage) -> Result<(), String> {
        match message {
            ServerMessage::Heartbeat | ServerMessage::MarketDefinition { .. } => Ok(()),
            ServerMessage::TestRequest { id } => self.send(&ClientMessage::TestReply { id: *id }),
            ServerMessage::GapFill { first, last, .. } if first.raw() == self.last_report + 1 => {
                self.last_report = last.raw();
                Ok(())
            }
            other => Err(format!("a report was expected, not {other:?}")),
        }
    }

    fn note(&mut self, report: &Report) -> Result<(), String> {
        if report.session_sequence.raw() != self.last_report + 1 {
            return Err(format!("report {} follows {}", report.session_sequence, self.last_report));
        }
        self.last_report += 1;
        Ok(())
    }

    fn next_message(&mut self) -> Result<Option<ServerMessage>, String> {
        let Some(frame) = split_frame(&self.input[self.start..]).map_err(|error| error.to_string())? else {
            return Ok(None);
        };
        let message = frame.server_message().map_err(|error| format!("{error:?}"))?;
        self.start += frame.bytes().len();
        Ok(Some(message))
    }

    /// Reads once, without waiting; whether something came.
    ///
    /// # Errors
    /// When the connection ended.
    pub fn read(&mut self) -> Result<bool, String> {
        match self.stream.read(&mut self.room) {
            Ok(0) => Err("the server closed the connection".to_owned()),
            Ok(count) => {
                self.input.drain(..self.start);
                self.start = 0;
                self.input.extend_from_slice(&self.room[..count]);
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
            Err(error) => Err(format!("cannot read: {error}")),
        }
    }
}

fn connected(login: &Login) -> Result<TcpStream, String> {
    let say = |error: std::io::Error| format!("{}: {error}", login.address);
    let stream = TcpStream::connect(login.address).map_err(say)?;
    stream.set_nodelay(true).map_err(say)?;
    stream.set_nonblocking(true).map_err(say)?;
    Ok(stream)
}
