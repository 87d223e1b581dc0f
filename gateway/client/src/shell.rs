//! The socket around [`ClientCore`], on tokio.
//!
//! ```text
//! caller: submit, next_event <--- one mutex around the core, held for microseconds ---> background task: the socket
//!         woken by `progress`                                                            woken by `work`
//! ```
//!
//! Invariants: one task owns the socket and is the only one that reads or writes it; what is submitted while it writes
//! goes out with its next write; it stops reading while [`EVENTS_WAITING_MAX`] events wait for the caller, so memory is
//! bounded and a caller who does not read is a slow consumer to the gateway, as it should be.
//! Owning thread: the task runs on the caller's runtime and ends when the [`Client`] is dropped.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tidegate_domain::{KeyId, Nanos, RequestNumber, SessionSequence};
use tidegate_wire::{LogoutReason, OrderAction};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::IN_FLIGHT_MAX;
use crate::core::{ClientCore, ClientEvent, ClientSecret, ClientStats, CoreConfig, MarketInfo};
use crate::error::{ClientError, Disconnect};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long [`Client::logout`] waits for the gateway to close.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(2);
const INPUT_LEN_BYTES: usize = 64 * 1024;
const EVENTS_WAITING_MAX: usize = 65_536;

/// Settings of a [`Client`].
#[derive(Clone)]
pub struct ClientConfig {
    /// Order-entry addresses of the nodes; tried in turn.
    pub addresses: Vec<SocketAddr>,
    /// The key.
    pub key: KeyId,
    /// Its secret.
    pub signing_key: ClientSecret,
    /// The last report that the caller has from an earlier run; 0 to get all of them.
    pub resume_after: SessionSequence,
    /// Whether the orders go when the client stays away longer than `grace_ms`.
    pub cancel_on_disconnect: bool,
    /// How long it may stay away.
    pub grace_ms: u32,
    /// Heartbeat interval to ask for.
    pub heartbeat_ms: u32,
    /// Most requests without an answer; 1 to [`IN_FLIGHT_MAX`].
    pub in_flight_max: usize,
    /// End the client after this time without a session; `None` to try for ever.
    pub give_up_after: Option<Duration>,
}

impl ClientConfig {
    /// Usual settings: orders stay, one heartbeat a second, as many requests in flight as there may be, never gives up.
    #[must_use]
    pub fn new(addresses: Vec<SocketAddr>, key: KeyId, signing_key: ClientSecret) -> Self {
        Self {
            addresses,
            key,
            signing_key,
            resume_after: SessionSequence::new(0),
            cancel_on_disconnect: false,
            grace_ms: 10_000,
            heartbeat_ms: 1_000,
            in_flight_max: IN_FLIGHT_MAX,
            give_up_after: None,
        }
    }

    fn into_core(self) -> CoreConfig {
        CoreConfig {
            addresses: self.addresses,
            key: self.key,
            secret: self.signing_key,
            resume_after: self.resume_after,
            cancel_on_disconnect: self.cancel_on_disconnect,
            grace_ms: self.grace_ms,
            heartbeat_ms: self.heartbeat_ms,
            in_flight_max: self.in_flight_max,
            give_up_after: self.give_up_after,
        }
    }
}

struct State {
    core: ClientCore,
    /// The task has taken bytes that are not written yet.
    is_writing: bool,
    /// The task has ended.
    is_over: bool,
}

struct Shared {
    state: Mutex<State>,
    origin: Instant,
    /// Wakes the task: bytes to send, or room for events again.
    work: Notify,
    /// Wakes the caller: something moved.
    progress: Notify,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics while it holds the lock")
    }

    fn now(&self) -> Nanos {
        Nanos::from_nanos(u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

/// A session that outlives its connections. Events must be read: a caller that only submits will wait for ever once
/// [`Client::next_event`] has fallen far behind.
pub struct Client {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    events: VecDeque<ClientEvent>,
    markets: Vec<MarketInfo>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Connects, logs on, and returns when requests are taken. The session's events, the first one
    /// [`ClientEvent::Connected`] or a replayed report, wait in [`Client::next_event`].
    ///
    /// # Errors
    /// [`ClientError`]: a wrong setting, a logon that was refused for good, or no session within `give_up_after`.
    pub async fn connect(config: ClientConfig) -> Result<Self, ClientError> {
        let core = ClientCore::new(config.into_core())?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State { core, is_writing: false, is_over: false }),
            origin: Instant::now(),
            work: Notify::new(),
            progress: Notify::new(),
        });
        let task = tokio::spawn(run(TaskGuard(shared.clone())));
        let mut client = Self { shared, task, events: VecDeque::new(), markets: Vec::new() };
        client.wait(|core| core.sessions() > 0).await?;
        client.pull();
        Ok(client)
    }

    /// Sends a request, or keeps it for the next session. Waits while `in_flight_max` requests are unanswered; the bytes
    /// of many submits go out in one write.
    ///
    /// # Errors
    /// Why the client has ended.
    pub async fn submit(&mut self, action: OrderAction) -> Result<RequestNumber, ClientError> {
        loop {
            {
                let mut state = self.shared.lock();
                fail_if_over(&state)?;
                if state.core.has_room() {
                    let was_idle = !state.core.has_output();
                    let request = state.core.submit(self.shared.now(), action);
                    drop(state);
                    if was_idle {
                        self.shared.work.notify_one();
                    }
                    return Ok(request);
                }
            }
            self.pull();
            self.shared.progress.notified().await;
        }
    }

    /// Waits until everything that was submitted is with the operating system.
    ///
    /// # Errors
    /// Why the client has ended.
    pub async fn flush(&mut self) -> Result<(), ClientError> {
        loop {
            {
                let state = self.shared.lock();
                fail_if_over(&state)?;
                if state.core.is_live() && !state.core.has_output() && !state.is_writing {
                    return Ok(());
                }
            }
            self.shared.progress.notified().await;
        }
    }

    /// What is new, waiting for it. Safe to cancel.
    ///
    /// # Errors
    /// Why the client has ended, after its last event.
    pub async fn next_event(&mut self) -> Result<ClientEvent, ClientError> {
        loop {
            if let Some(event) = self.try_next_event() {
                return Ok(event);
            }
            {
                let state = self.shared.lock();
                if state.core.events_waiting() == 0 {
                    fail_if_over(&state)?;
                } else {
                    continue;
                }
            }
            self.shared.progress.notified().await;
        }
    }

    /// What is new, if there is anything.
    pub fn try_next_event(&mut self) -> Option<ClientEvent> {
        if self.events.is_empty() {
            self.pull();
        }
        self.events.pop_front()
    }

    /// Requests without an answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.shared.lock().core.in_flight()
    }

    /// Whether there is a session now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.lock().core.is_live()
    }

    /// The markets, as last described.
    #[must_use]
    pub fn markets(&self) -> &[MarketInfo] {
        &self.markets
    }

    /// The last report that was received: what a later run resumes after, once it has read all events.
    #[must_use]
    pub fn last_session_sequence(&self) -> SessionSequence {
        self.shared.lock().core.last_session_sequence()
    }

    /// What the client went through.
    #[must_use]
    pub fn stats(&self) -> ClientStats {
        self.shared.lock().core.stats()
    }

    /// Ends the session in good order. Requests without an answer are not waited for: read events until
    /// [`Client::in_flight`] is 0 before.
    ///
    /// # Errors
    /// Why the client ended, if not for this.
    pub async fn logout(mut self) -> Result<ClientStats, ClientError> {
        self.shared.lock().core.leave(self.shared.now());
        self.shared.work.notify_one();
        // The gateway closes; one that does not is left anyway, and sees a closed socket.
        let over = async {
            loop {
                self.pull();
                let error = fail_if_over(&self.shared.lock()).err();
                match error {
                    Some(error) => return error,
                    None => self.shared.progress.notified().await,
                }
            }
        };
        match tokio::time::timeout(LOGOUT_TIMEOUT, over).await {
            Err(_) | Ok(ClientError::LoggedOut { reason: LogoutReason::ClientRequested, .. }) => Ok(self.stats()),
            Ok(error) => Err(error),
        }
    }

    async fn wait(&mut self, is_done: impl Fn(&ClientCore) -> bool) -> Result<(), ClientError> {
        loop {
            {
                let state = self.shared.lock();
                if is_done(&state.core) {
                    return Ok(());
                }
                fail_if_over(&state)?;
            }
            self.pull();
            self.shared.progress.notified().await;
        }
    }

    /// Takes the waiting events over, all at once.
    fn pull(&mut self) {
        let known = self.events.len();
        let was_full = {
            let mut state = self.shared.lock();
            let was_full = state.core.events_waiting() >= EVENTS_WAITING_MAX;
            state.core.take_events(&mut self.events);
            was_full
        };
        if was_full {
            self.shared.work.notify_one();
        }
        for event in self.events.iter().skip(known) {
            if let ClientEvent::MarketDefinition(info) = event {
                match self.markets.iter_mut().find(|market| market.market == info.market) {
                    Some(market) => *market = *info,
                    None => self.markets.push(*info),
                }
            }
        }
    }
}

fn fail_if_over(state: &State) -> Result<(), ClientError> {
    match (state.core.fatal(), state.is_over) {
        (Some(error), _) => Err(error.clone()),
        (None, true) => Err(ClientError::Stopped),
        (None, false) => Ok(()),
    }
}

/// Says that the task is over however it ends, so that no caller waits for it for ever.
struct TaskGuard(Arc<Shared>);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        if let Ok(mut state) = self.0.state.lock() {
            state.is_over = true;
        }
        self.0.progress.notify_one();
    }
}

async fn run(guard: TaskGuard) {
    let shared = &*guard.0;
    loop {
        let attempt = shared.lock().core.next_attempt(shared.now());
        let Ok(attempt) = attempt else {
            return;
        };
        tokio::time::sleep(attempt.delay).await;
        let reason = match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(attempt.address)).await {
            Ok(Ok(stream)) => serve(shared, stream, attempt.address).await,
            Ok(Err(error)) => Disconnect::ConnectFailed(format!("{}: {error}", attempt.address)),
            Err(_) => Disconnect::ConnectFailed(format!("{}: no answer in {CONNECT_TIMEOUT:?}", attempt.address)),
        };
        {
            let mut state = shared.lock();
            state.is_writing = false;
            state.core.on_disconnected(shared.now(), reason);
        }
        shared.progress.notify_one();
    }
}

/// One connection, until it ends.
async fn serve(shared: &Shared, mut stream: TcpStream, address: SocketAddr) -> Disconnect {
    if let Err(error) = stream.set_nodelay(true) {
        return Disconnect::Socket(error.to_string());
    }
    let resolution = {
        let core = &mut shared.lock().core;
        core.on_connected(shared.now(), address);
        core.time_resolution()
    };
    let (mut reader, mut writer) = stream.split();
    let mut tick = tokio::time::interval(resolution);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut input = vec![0; INPUT_LEN_BYTES];
    let mut output = Vec::new();
    let mut written = 0;
    loop {
        let may_read = refill(shared, &mut output, &mut written);
        tokio::select! {
            read = reader.read(&mut input), if may_read => {
                let taken = match read {
                    Ok(0) => Err(Disconnect::Closed),
                    Ok(count) => shared.lock().core.on_bytes(shared.now(), &input[..count]),
                    Err(error) => Err(Disconnect::Socket(error.to_string())),
                };
                shared.progress.notify_one();
                if let Err(reason) = taken {
                    return reason;
                }
            }
            write = writer.write(&output[written..]), if written < output.len() => match write {
                Ok(count) => written += count,
                Err(error) => return Disconnect::Socket(error.to_string()),
            },
            () = shared.work.notified() => {}
            _ = tick.tick() => {
                let timed = {
                    let core = &mut shared.lock().core;
                    if !may_read {
                        core.on_not_reading(shared.now());
                    }
                    core.on_time(shared.now())
                };
                if let Err(reason) = timed {
                    return reason;
                }
            }
        }
    }
}

/// Takes the next bytes to send when the last ones are written. Returns whether there is room for more events.
fn refill(shared: &Shared, output: &mut Vec<u8>, written: &mut usize) -> bool {
    let mut state = shared.lock();
    if *written == output.len() {
        output.clear();
        *written = 0;
        state.core.take_output(output);
        let was_writing = std::mem::replace(&mut state.is_writing, !output.is_empty());
        if was_writing && output.is_empty() {
            shared.progress.notify_one();
        }
    }
    state.core.events_waiting() < EVENTS_WAITING_MAX
}
