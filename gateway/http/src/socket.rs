//! One WebSocket: subscriptions in, snapshots and pushes out.
//!
//! Invariants: what waits for a socket is bounded by [`QUEUE_MESSAGES`]; a socket that does not keep up is told and closed,
//! and nobody else notices; what a client sends is bounded before it is read.
//! Owning thread: one task per socket.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use crate::board::{SharedBoard, Subscriber};
use crate::json::{ClientMessage, Notice, text};

/// Messages that may wait for one socket.
pub(crate) const QUEUE_MESSAGES: usize = 256;
/// Longest message of a client.
pub(crate) const CLIENT_MESSAGE_MAX_BYTES: usize = 16 << 10;
/// Channels of one socket; a snapshot of each fits into the queue.
const CHANNELS_MAX: usize = 128;
/// How long a farewell may take.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a silent socket is asked whether it is there.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// What a channel is.
const CHANNELS_ALLOWED: &str = "depth:MARKET and trades:MARKET, with a name from /v1/markets";

/// Why a socket ends.
enum End {
    /// The client went.
    Gone,
    /// It did not keep up.
    TooSlow,
    /// The node stops.
    Stopping,
}

/// Serves a socket until it ends.
pub(crate) async fn run(mut socket: WebSocket, id: u64, board: SharedBoard, mut stop: watch::Receiver<bool>) {
    let (queue, waiting) = mpsc::channel(QUEUE_MESSAGES);
    let too_slow = Arc::new(Notify::new());
    let subscriber = Subscriber { socket: id, queue, too_slow: Arc::clone(&too_slow) };
    let mut session =
        Session { socket: &mut socket, board: &board, subscriber, channels: BTreeSet::new(), silent_pings: 0 };
    let end = tokio::select! {
        end = session.talk(waiting) => end,
        // Whatever is being sent is left: this socket has enough already.
        () = too_slow.notified() => End::TooSlow,
        _ = stop.wait_for(|stop| *stop) => End::Stopping,
    };
    board.lock().remove(id);
    let (code, error) = match end {
        End::Gone => return,
        End::TooSlow => (close_code::POLICY, "slow_consumer: this client does not read as fast as the market moves"),
        End::Stopping => (close_code::AWAY, "stopping: this node stops; connect to another one"),
    };
    tracing::debug!(socket = id, error, "a WebSocket is closed");
    let farewell = async {
        let notice = text(&Notice { kind: "error", channel: None, error, allowed: None });
        socket.send(Message::Text(notice.into())).await?;
        socket.send(Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(error) }))).await?;
        // To its end: closing with something unread would reset the connection, and the client would lose the reason.
        while let Some(said) = socket.recv().await {
            said?;
        }
        Ok::<(), axum::Error>(())
    };
    // A client that does not read even this is dropped.
    let _ = tokio::time::timeout(FAREWELL_TIMEOUT, farewell).await;
}

struct Session<'a> {
    socket: &'a mut WebSocket,
    board: &'a SharedBoard,
    subscriber: Subscriber,
    channels: BTreeSet<String>,
    /// Pings since the client was heard last.
    silent_pings: u32,
}

impl Session<'_> {
    async fn talk(&mut self, mut waiting: mpsc::Receiver<Utf8Bytes>) -> End {
        let mut ping = tokio::time::interval_at(Instant::now() + PING_INTERVAL, PING_INTERVAL);
        loop {
            let done = tokio::select! {
                message = waiting.recv() => match message {
                    Some(message) => self.socket.send(Message::Text(message)).await,
                    None => return End::Gone,
                },
                message = self.socket.recv() => match message {
                    Some(Ok(Message::Close(_))) | Some(Err(_)) | None => return End::Gone,
                    Some(Ok(message)) => {
                        self.silent_pings = 0;
                        self.on_message(&message).await
                    }
                },
                _ = ping.tick() => {
                    self.silent_pings += 1;
                    if self.silent_pings > 3 {
                        return End::Gone;
                    }
                    self.socket.send(Message::Ping(Default::default())).await
                }
            };
            if done.is_err() {
                return End::Gone;
            }
        }
    }

    async fn on_message(&mut self, message: &Message) -> Result<(), axum::Error> {
        let said = match message {
            Message::Text(said) => said.as_bytes(),
            Message::Binary(_) => return self.refuse(None, "a binary message", Some(EXAMPLE)).await,
            _ => return Ok(()),
        };
        let wanted: ClientMessage = match serde_json::from_slice(said) {
            Ok(wanted) => wanted,
            Err(error) => return self.refuse(None, &format!("not understood: {error}"), Some(EXAMPLE)).await,
        };
        for name in &wanted.unsubscribe {
            let mut board = self.board.lock();
            if let Some(channel) = board.channel(name) {
                board.unsubscribe(channel, self.subscriber.socket);
            }
            self.channels.remove(name);
        }
        for name in &wanted.subscribe {
            self.subscribe(name).await?;
        }
        Ok(())
    }

    async fn subscribe(&mut self, name: &str) -> Result<(), axum::Error> {
        if !self.channels.contains(name) && self.channels.len() == CHANNELS_MAX {
            let error = format!("too many channels: at most {CHANNELS_MAX} on one socket; open another one");
            return self.refuse(Some(name), &error, None).await;
        }
        let known = {
            let mut board = self.board.lock();
            board.channel(name).map(|channel| board.subscribe(channel, name, &self.subscriber)).is_some()
        };
        if known {
            self.channels.insert(name.to_owned());
            return Ok(());
        }
        self.refuse(Some(name), "unknown channel", Some(CHANNELS_ALLOWED)).await
    }

    async fn refuse(&mut self, channel: Option<&str>, error: &str, allowed: Option<&str>) -> Result<(), axum::Error> {
        let notice = text(&Notice { kind: "error", channel, error, allowed });
        self.socket.send(Message::Text(notice.into())).await
    }
}

const EXAMPLE: &str = r#"{"subscribe":["depth:MARKET","trades:MARKET"]} or {"unsubscribe":[..]}"#;
