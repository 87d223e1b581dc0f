//! The operator's desk: sends the operator's commands through the inbox and finds their answers in the event log.
//!
//!   AdminRequest --> command, key 0, a number of our own --> inbox .. event log --[Desk]--> the first event with that number
//!
//! Invariants: an answer is read from released events only, so an operator never hears of what could still be lost. The
//! numbers of two starts of a node differ, since the count begins at the clock's nanoseconds.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tidegate_domain::{
    AccountId, Command, CommandHeader, CommandRecord, Event, EventHeader, EventRecord, KeyId, RequestNumber, Sequence,
    Timestamp,
};
use tidegate_journal::EventLog;
use tidegate_pipeline::{Fatal, Inbox};
use tokio::sync::{MutexGuard, Notify, mpsc, oneshot};

use crate::admin::Refusal;
use crate::control::Marks;
use crate::directory::Directory;

/// How long an operator waits for an answer before the desk says what to look at.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before a full inbox, or a watermark, is looked at again.
const LOOK: Duration = Duration::from_millis(2);
const BATCH: usize = 1_024;

type Answer = (EventHeader, Event);

/// A handle; clones share the desk.
#[derive(Clone)]
pub(crate) struct Desk {
    shared: Arc<Shared>,
}

struct Shared {
    inbox: Inbox,
    next: AtomicU64,
    records: mpsc::UnboundedSender<Command>,
    to_push: Mutex<Option<mpsc::UnboundedReceiver<Command>>>,
    waiting: Mutex<HashMap<RequestNumber, oneshot::Sender<Answer>>>,
    directory: Mutex<Directory>,
    /// The last event that is in the directory.
    seen: Mutex<Option<(Sequence, u32)>>,
    settling: tokio::sync::Mutex<()>,
}

impl Desk {
    pub(crate) fn new(inbox: Inbox, directory: Directory) -> Self {
        let (records, to_push) = mpsc::unbounded_channel();
        let shared = Shared {
            inbox,
            next: AtomicU64::new(wall_ns()),
            records,
            to_push: Mutex::new(Some(to_push)),
            waiting: Mutex::default(),
            directory: Mutex::new(directory),
            seen: Mutex::default(),
            settling: tokio::sync::Mutex::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Reads the event log for ever, from its start or after what the directory knows already: keeps the directory and hands answers over. Sends records beside.
    pub(crate) async fn run(self, log: EventLog, after: Option<(Sequence, u32)>) -> Result<(), Fatal> {
        let to_push = self.shared.to_push.lock().expect("no holder of this lock panics").take();
        tokio::spawn(self.clone().push_records(to_push.expect("a desk runs once")));
        let notify = Arc::new(Notify::new());
        let wake = Arc::clone(&notify);
        log.add_listener(Arc::new(move || wake.notify_one()));
        let mut cursor = match after {
            Some((sequence, index)) => log.cursor_after(sequence, index)?,
            None => log.cursor_at_start(),
        };
        let mut batch: Vec<EventRecord> = Vec::with_capacity(BATCH);
        loop {
            batch.clear();
            if cursor.next_batch(BATCH, &mut batch)? == 0 {
                notify.notified().await;
            }
            for record in &batch {
                // Clients pay, kill and give roles too: 1.5 of the engine's rules.
                if record.key() == KeyId::OPERATOR || record.kind().is_some_and(Directory::follows) {
                    self.on_event(record)?;
                }
            }
            *self.shared.seen.lock().expect("no holder of this lock panics") = cursor.position();
        }
    }

    fn on_event(&self, record: &EventRecord) -> Result<(), Fatal> {
        let (header, event) = record.decode()?;
        self.directory().on_event(&header, &event);
        if header.key != KeyId::OPERATOR {
            return Ok(());
        }
        let waiting = self.shared.waiting.lock().expect("no holder of this lock panics").remove(&header.request);
        if let Some(waiting) = waiting {
            // The operator may have hung up.
            let _ = waiting.send((header, event));
        }
        Ok(())
    }

    /// The wall clock: the business time of what an operator asks now.
    #[expect(clippy::unused_self, reason = "the desk is where the operator's clock hangs")]
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_nanos(wall_ns())
    }

    pub(crate) fn directory(&self) -> std::sync::MutexGuard<'_, Directory> {
        self.shared.directory.lock().expect("no holder of this lock panics")
    }

    /// Waits until the directory has everything that was sequenced before now, and keeps others who wait so away while the
    /// guard lives: what is read of the directory then, changed and asked for is no other operator's setting undone.
    pub(crate) async fn settled(&self, marks: &Marks, log: &EventLog) -> Result<MutexGuard<'_, ()>, Refusal> {
        let settled = async {
            let guard = self.shared.settling.lock().await;
            let sequenced = marks.assigned.through();
            while marks.published.through() < sequenced {
                tokio::time::sleep(LOOK).await;
            }
            let end = log.end();
            while *self.shared.seen.lock().expect("no holder of this lock panics") < end {
                tokio::time::sleep(LOOK).await;
            }
            guard
        };
        tokio::time::timeout(ANSWER_TIMEOUT, settled).await.map_err(|_| {
            Refusal::new(
                "not_settled",
                format!(
                    "what was asked before is not released after {} s, so the present settings are not known; nothing was sent. \
                     `tidegate status` shows what the node waits for",
                    ANSWER_TIMEOUT.as_secs()
                ),
            )
        })
    }

    /// Sends a command without waiting for anything, not even for room in the inbox: records of control, for the audit, in
    /// order.
    pub(crate) fn record(&self, command: Command) {
        // The receiver lives as long as the runtime.
        let _ = self.shared.records.send(command);
    }

    async fn push_records(self, mut records: mpsc::UnboundedReceiver<Command>) {
        while let Some(command) = records.recv().await {
            self.push(AccountId::default(), RequestNumber::default(), command).await;
        }
    }

    async fn push(&self, account: AccountId, request: RequestNumber, command: Command) {
        let header = CommandHeader { request, account, key: KeyId::OPERATOR, ..CommandHeader::default() };
        let record = CommandRecord::encode(&header, &command);
        while self.shared.inbox.try_push(record).is_err() {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sends a command and waits for its first event.
    pub(crate) async fn ask(&self, account: AccountId, command: Command) -> Result<Answer, Refusal> {
        let request = RequestNumber::new(self.shared.next.fetch_add(1, Ordering::Relaxed));
        let (sender, receiver) = oneshot::channel();
        self.shared.waiting.lock().expect("no holder of this lock panics").insert(request, sender);
        let answer = async {
            self.push(account, request, command).await;
            receiver.await
        };
        match tokio::time::timeout(ANSWER_TIMEOUT, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(Refusal::new("no_answer", "the node stopped before it answered")),
            Err(_) => {
                self.shared.waiting.lock().expect("no holder of this lock panics").remove(&request);
                let message = format!(
                    "no answer within {} s: the command may still take effect; `tidegate status` shows what the node waits for",
                    ANSWER_TIMEOUT.as_secs()
                );
                Err(Refusal::new("no_answer", message))
            }
        }
    }
}

fn wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX / 2)
}
