//! The event log: released events, tailed by anyone, at the cost of disk and not of latency.
//!
//! ```text
//!   publish --[EventLogWriter]--> mapped segments --[EventCursor]--> sessions, HTTP, SQL
//!                    |  every sequenced report points at its key's report before it
//!                    '--> newest report per key --[EventLog::reports_after]--> replay of one key, whatever others did
//! ```
//!
//! Invariants: events are in the order of (sequence, index); an address resolves without a search; readers see whole
//! batches. The log is derived from the journal: it is not synced on the way of an acknowledgement.

use std::sync::atomic::{AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex};

use tidegate_domain::{EventFlags, EventRecord, KeyId, LogAddress, RECORD_LEN_BYTES, Sequence, SessionSequence};
use tidegate_pipeline::{Fatal, LastEvent, Listener, ReleasedEvents};

use crate::batch::BATCH_RECORDS_MAX;
use crate::lock::DirLock;
use crate::log::{LogShared, LogWriter, Walk, place};
use crate::newest::{EventCheckpoint, LastReports, NewestReports};
use crate::recovery::recover;
use crate::{Cut, JournalError, LogConfig, LogKind, SpaceState};

/// An event log that is open.
pub struct OpenedEventLog {
    /// For publish.
    pub writer: EventLogWriter,
    /// For readers.
    pub log: EventLog,
    /// The last event.
    pub last: Option<(Sequence, u32)>,
    /// Whether it is the last of its command.
    pub complete: bool,
    /// What was cut off: it is made again from the journal.
    pub cut: Option<Cut>,
}

/// Opens the event log in a folder. With `keep_through`, whatever was written after it is cut off as a crash's left-overs
/// are: a batch that reaches beyond it goes as a whole.
///
/// # Errors
/// Another cluster's or version's log, another process, the disk. Damage is cut off: the log is derived.
pub fn open_event_log(config: &LogConfig, keep_through: Option<Sequence>) -> Result<OpenedEventLog, JournalError> {
    open_event_log_at(config, keep_through, &EventCheckpoint::default())
}

/// As [`open_event_log`], but what lies before the checkpoint is not read.
///
/// # Errors
/// As [`open_event_log`], and [`JournalError::CheckpointDiffers`].
pub fn open_event_log_at(
    config: &LogConfig,
    keep_through: Option<Sequence>,
    from: &EventCheckpoint,
) -> Result<OpenedEventLog, JournalError> {
    let lock = DirLock::take(&config.dir, LogKind::Events)?;
    let mut newest = from.reports.clone();
    let mut last_event = None;
    let recovered = recover(config, LogKind::Events, keep_through, &from.log, |segment, offset, records| {
        newest.note(segment, offset, records);
        last_event = records.last_chunk().copied().map(EventRecord::from_bytes).or(last_event);
    })?;
    if last_event.is_none()
        && let Some((number, _, end)) = from.log.last_batch()
    {
        let segment = &recovered.segments[(number - recovered.segments[0].number) as usize];
        let before = segment.mapped(0, end)?.last_chunk().copied().map(EventRecord::from_bytes);
        last_event = before.filter(|record| Some((record.sequence(), record.index())) == from.log.last);
    }
    let shared = LogShared::new(config, LogKind::Events, &recovered);
    let cut = recovered.cut.clone();
    let writer = LogWriter::new(config, LogKind::Events, Arc::clone(&shared), recovered)?;
    let last = last_event.map(|record| (record.sequence(), record.index())).or(from.log.last);
    let ends_its_command =
        |record: EventRecord| record.decode().is_ok_and(|(header, _)| header.flags.has(EventFlags::LAST));
    let complete = last_event.map_or(last.is_none(), ends_its_command);
    let reports = Arc::new(NewestReports::new());
    for (key, at) in newest.iter() {
        reports.set(key, at);
    }
    let log = EventLog { shared, reports, listeners: Arc::default(), last: Arc::default() };
    log.note_last(last);
    let writer = EventLogWriter { writer, log: log.clone(), last, newest, listeners: Vec::new(), _lock: lock };
    Ok(OpenedEventLog { writer, log, last, complete, cut })
}

/// Appends; one per log.
pub struct EventLogWriter {
    writer: LogWriter,
    log: EventLog,
    last: Option<(Sequence, u32)>,
    /// The batch under way included.
    newest: LastReports,
    listeners: Vec<Listener>,
    _lock: DirLock,
}

/// Whom an append tells; only ever more of them.
#[derive(Default)]
struct Listeners {
    all: Mutex<Vec<Listener>>,
    /// How many.
    added: AtomicUsize,
}

impl EventLogWriter {
    /// Appends events, after stamping each sequenced report with the address of its key's report before it. They are
    /// visible when this returns; then the listeners are called.
    ///
    /// # Errors
    /// Final: the node stops.
    ///
    /// # Panics
    /// When the events do not follow the ones before.
    pub fn append(&mut self, events: &mut [EventRecord]) -> Result<(), JournalError> {
        for batch in events.chunks_mut(BATCH_RECORDS_MAX) {
            self.append_batch(batch)?;
        }
        self.tell();
        Ok(())
    }

    /// Calls the listeners: from a copy of its own, so that an append takes no lock for them.
    fn tell(&mut self) {
        // Whoever registers looks at the log's end afterwards; here the end comes first. One of the two sees the other.
        fence(Ordering::SeqCst);
        let added = self.log.listeners.added.load(Ordering::Acquire);
        if added != self.listeners.len() {
            self.listeners.clone_from(&self.log.listeners.all.lock().expect("no holder of this lock panics"));
        }
        self.listeners.iter().for_each(|listener| listener());
    }

    fn append_batch(&mut self, batch: &mut [EventRecord]) -> Result<(), JournalError> {
        let base = self.writer.next_address(batch.len())?.raw();
        let first = (batch[0].sequence(), batch[0].index());
        for (event, at) in batch.iter_mut().zip(base..) {
            let position = (event.sequence(), event.index());
            assert!(self.last.is_none_or(|last| position > last), "events come in order");
            self.last = Some(position);
            if event.session_sequence().raw() != 0 {
                event.set_previous_report(self.newest.replace(event.key(), LogAddress::new(at)));
            }
        }
        // SAFETY: as in `journal::bytes_of`: an `EventRecord` is 128 plain bytes without padding.
        let bytes = unsafe { std::slice::from_raw_parts(batch.as_ptr().cast(), batch.len() * RECORD_LEN_BYTES) };
        let last = &batch[batch.len() - 1];
        let first = (first.0.raw(), first.1);
        self.writer.append(bytes, first, last.sequence().raw(), last.epoch(), Sequence::ZERO)?;
        // Only now: what readers find as the newest report is always readable.
        for event in batch.iter().filter(|event| event.session_sequence().raw() != 0) {
            self.log.reports.set(event.key(), self.newest.of(event.key()));
        }
        self.log.note_last(self.last);
        Ok(())
    }

    /// The last event.
    #[must_use]
    pub fn last(&self) -> Option<(Sequence, u32)> {
        self.last
    }
}

/// The event log as publish writes it.
pub struct Released {
    writer: EventLogWriter,
    already_out: Option<LastEvent>,
}

impl Released {
    /// Around an event log that was just opened.
    #[must_use]
    pub fn new(opened: OpenedEventLog) -> Self {
        let OpenedEventLog { writer, last, complete, .. } = opened;
        Self { writer, already_out: last.map(|(sequence, index)| LastEvent { sequence, index, complete }) }
    }
}

impl ReleasedEvents for Released {
    fn already_out(&self) -> Option<LastEvent> {
        self.already_out
    }

    fn append(&mut self, events: &mut [EventRecord]) -> Result<(), Fatal> {
        Ok(self.writer.append(events)?)
    }
}

/// A handle for readers; clones share the log.
#[derive(Clone)]
pub struct EventLog {
    shared: Arc<LogShared>,
    /// Address of the newest report, by key.
    reports: Arc<NewestReports>,
    listeners: Arc<Listeners>,
    last: Arc<Mutex<Option<(Sequence, u32)>>>,
}

impl std::fmt::Debug for EventLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventLog").field("end", &self.end()).finish_non_exhaustive()
    }
}

impl EventLog {
    /// A cursor at the first event.
    #[must_use]
    pub fn cursor_at_start(&self) -> EventCursor {
        EventCursor { walk: self.shared.walk_from_start(), within: 0, position: None }
    }

    /// A cursor after the last event.
    ///
    /// # Errors
    /// When the log is damaged under a running node.
    pub fn cursor_at_end(&self) -> Result<EventCursor, JournalError> {
        match self.end() {
            Some((sequence, index)) => self.cursor_after(sequence, index),
            None => Ok(self.cursor_at_start()),
        }
    }

    /// A cursor at the first event after this position.
    ///
    /// # Errors
    /// [`JournalError::AheadOfLog`] when the log does not reach it.
    pub fn cursor_after(&self, sequence: Sequence, index: u32) -> Result<EventCursor, JournalError> {
        let end = self.end();
        if end.is_none_or(|end| (sequence, index) > end) {
            let end = end.map_or_else(|| "nothing".to_owned(), |(sequence, index)| format!("{sequence}/{index}"));
            return Err(JournalError::AheadOfLog { sequence, index, end });
        }
        let mut cursor =
            EventCursor { walk: self.shared.walk_from((sequence.raw(), index)), within: 0, position: None };
        while let Some(header) = cursor.walk.peek()? {
            let records = cursor.walk.records(&header)?.chunks_exact(RECORD_LEN_BYTES);
            let before = records.take_while(|record| position(record) <= (sequence, index)).count();
            if before < header.count as usize {
                cursor.within = before;
                break;
            }
            cursor.walk.step(&header);
        }
        cursor.position = Some((sequence, index));
        Ok(cursor)
    }

    /// The event at an address.
    ///
    /// # Errors
    /// When nothing is there.
    pub fn event_at(&self, address: LogAddress) -> Result<EventRecord, JournalError> {
        let (number, offset) = place(address);
        let nothing = || JournalError::NoSuchRecord { what: format!("address {number}:{offset} of the event log") };
        if address.is_none() || (number, offset + RECORD_LEN_BYTES) > self.shared.end() {
            return Err(nothing());
        }
        let segment = self.shared.segment(number).ok_or_else(nothing)?;
        if offset + RECORD_LEN_BYTES > segment.len {
            return Err(nothing());
        }
        let bytes = segment.mapped(offset, RECORD_LEN_BYTES)?;
        Ok(EventRecord::from_bytes(bytes.try_into().expect("a record is 128 bytes")))
    }

    /// Where a key's newest report is; [`LogAddress::NONE`] before the first.
    #[must_use]
    pub fn last_report(&self, key: KeyId) -> LogAddress {
        self.reports.of(key)
    }

    /// Up to `max` reports of a key after `after`, oldest first. Costs what the key's own traffic since then costs.
    ///
    /// # Errors
    /// When a back-pointer leads nowhere: the log is damaged.
    pub fn reports_after(
        &self,
        key: KeyId,
        after: SessionSequence,
        max: usize,
    ) -> Result<Vec<EventRecord>, JournalError> {
        let mut addresses = Vec::new();
        let mut at = self.last_report(key);
        while !at.is_none() {
            let event = self.event_at(at)?;
            if event.session_sequence() <= after {
                break;
            }
            addresses.push(at);
            let before = event.previous_report();
            if before.raw() >= at.raw() {
                // Would walk in a circle for ever.
                let what = format!("the back-pointer of key {key} at {}/{}", event.sequence(), event.index());
                return Err(JournalError::NoSuchRecord { what });
            }
            at = before;
        }
        addresses.iter().rev().take(max).map(|at| self.event_at(*at)).collect()
    }

    /// Registers a call for "there is more". It must not block.
    pub fn add_listener(&self, listener: Listener) {
        let mut all = self.listeners.all.lock().expect("no holder of this lock panics");
        all.push(listener);
        self.listeners.added.store(all.len(), Ordering::Release);
        fence(Ordering::SeqCst);
    }

    /// The last event.
    #[must_use]
    pub fn end(&self) -> Option<(Sequence, u32)> {
        *self.last.lock().expect("no holder of this lock panics")
    }

    /// Bytes written so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.shared.bytes()
    }

    /// What the disk has left for the log.
    #[must_use]
    pub fn space(&self) -> SpaceState {
        self.shared.space.state()
    }

    fn note_last(&self, last: Option<(Sequence, u32)>) {
        *self.last.lock().expect("no holder of this lock panics") = last;
    }
}

fn position(record: &[u8]) -> (Sequence, u32) {
    let record = EventRecord::from_bytes(record.try_into().expect("a record is 128 bytes"));
    (record.sequence(), record.index())
}

/// A place in the event log that moves forward.
#[derive(Debug)]
pub struct EventCursor {
    walk: Walk,
    /// Records of the batch here that were given already.
    within: usize,
    position: Option<(Sequence, u32)>,
}

impl EventCursor {
    /// Appends up to `max` events to `out`; how many. None at the end: wait for a listener.
    ///
    /// # Errors
    /// When the log is damaged under a running node.
    pub fn next_batch(&mut self, max: usize, out: &mut Vec<EventRecord>) -> Result<usize, JournalError> {
        let before = out.len();
        while out.len() - before < max
            && let Some(header) = self.walk.peek()?
        {
            let room = max - (out.len() - before);
            let records = self.walk.records(&header)?.chunks_exact(RECORD_LEN_BYTES);
            let given = out.len();
            out.extend(
                records
                    .skip(self.within)
                    .take(room)
                    .map(|record| EventRecord::from_bytes(record.try_into().expect("a record is 128 bytes"))),
            );
            self.within += out.len() - given;
            if self.within == header.count as usize {
                self.walk.step(&header);
                self.within = 0;
            }
        }
        if let Some(last) = out[before..].last() {
            self.position = Some((last.sequence(), last.index()));
        }
        Ok(out.len() - before)
    }

    /// The event given last.
    #[must_use]
    pub fn position(&self) -> Option<(Sequence, u32)> {
        self.position
    }
}
