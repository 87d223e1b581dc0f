//! Opening: everything on disk, recovered and judged before a thread starts.
//!
//!   data folder --[Storage::open]--> journal, event log, state file, and the newest snapshot that fits them
//!
//! Invariants: a folder is refused in a role that its past does not allow; an event log that reaches beyond its journal is
//! cut where another node has the truth, and refused where this one was the truth. A snapshot is only a shorter way to the
//! same state: one that is damaged, or that either log does not reach, is passed over for an older one, and at last for the
//! start of the journal.

use tidegate_domain::{Command, CommandRecord, Durability, LOGIC_VERSION, Sequence};
use tidegate_journal::snapshot::{Snapshot, list_snapshots};
use tidegate_journal::{
    Checkpoint, EventCheckpoint, JournalReader, LogConfig, OpenedEventLog, OpenedJournal, open_event_log_at,
    open_journal_at,
};

use super::{NodeError, start_error};
use crate::config::{NodeConfig, Role};
use crate::decisions::may_start;
use crate::snapshots::{Base, pass_over};
use crate::state_file::StateFile;

/// Everything on disk, opened and recovered.
pub(super) struct Storage {
    pub(super) journal: OpenedJournal,
    pub(super) events: OpenedEventLog,
    pub(super) state: StateFile,
    /// Where the engine goes on.
    pub(super) base: Base,
}

impl Storage {
    pub(super) fn open(config: &NodeConfig) -> Result<Self, NodeError> {
        let folder = &config.node.data_dir;
        std::fs::create_dir_all(folder)
            .map_err(|error| start_error("the data folder")(format!("cannot create {}: {error}", folder.display())))?;
        let log = LogConfig::new(folder, config.cluster()?, config.journal.segment_mib << 20);
        let mut opening = Opening { config, log, journal: None };
        let (base, events) = opening.choose()?;
        let (journal, mut state) = opening.journal.expect("it is opened before the event log");
        state.count_start().map_err(start_error("the state file"))?;
        tracing::info!(
            through = journal.recovery.last.raw(),
            snapshot = base.sequence.raw(),
            folder = %folder.display(),
            "opened the journal"
        );
        Ok(Self { journal, events, state, base })
    }
}

/// A folder on the way to be opened: snapshots are tried one after the other, the journal is opened once.
struct Opening<'a> {
    config: &'a NodeConfig,
    log: LogConfig,
    journal: Option<(OpenedJournal, StateFile)>,
}

impl Opening<'_> {
    /// The newest good snapshot that both logs reach, or the start of both; and the event log, opened there.
    fn choose(&mut self) -> Result<(Base, OpenedEventLog), NodeError> {
        let dir = self.log.dir.clone();
        for sequence in list_snapshots(&dir).map_err(start_error("the data folder"))?.into_iter().rev() {
            match Base::read(&dir, sequence, Some(self.log.cluster), |_, _| {}) {
                Ok(snapshot) => match self.start_from(snapshot)? {
                    Ok(start) => return Ok(start),
                    Err(why) => pass_over(&dir, sequence, &why),
                },
                Err(why) => pass_over(&dir, sequence, &why),
            }
        }
        let (journal, _) = self.journal_at(&Checkpoint::default())?;
        if let Some(begin) = journal.reader.begins_at().filter(|begin| begin.raw() > 1) {
            return Err(start_error("the journal")(format!(
                "it begins at sequence {begin} and no snapshot can be used (the warnings above say why). Restore a snapshot \
                 or the segments before it from a backup, or start this node as a standby with an empty folder"
            )));
        }
        check_genesis(&journal.reader)?;
        Ok((Base::genesis(), self.events_at(&EventCheckpoint::default())?))
    }

    /// What a start from this snapshot begins with, or why it cannot be used.
    fn start_from(&mut self, snapshot: Snapshot) -> Result<Result<(Base, OpenedEventLog), String>, NodeError> {
        self.journal_at(&snapshot.places.journal)?;
        let events = self.events_at(&snapshot.places.events)?;
        let last = events.last;
        if last < snapshot.places.events_through {
            return Ok(Err(format!("the event log ends before it, at {last:?}: its end was lost with the machine")));
        }
        Ok(Base::restored(snapshot).map(|base| (base, events)))
    }

    /// The journal, opened at this place unless it is open already, and the promises of the node that wrote it.
    fn journal_at(&mut self, from: &Checkpoint) -> Result<&mut (OpenedJournal, StateFile), NodeError> {
        let opened = match self.journal.take() {
            Some(opened) => opened,
            None => self.open_journal(from)?,
        };
        Ok(self.journal.insert(opened))
    }

    fn open_journal(&self, from: &Checkpoint) -> Result<(OpenedJournal, StateFile), NodeError> {
        let folder = &self.log.dir;
        // Two processes never share a folder: this takes the lock.
        let journal = open_journal_at(&self.log, from).map_err(start_error("the journal"))?;
        let state = StateFile::open(folder).map_err(start_error("the state file"))?;
        may_start(self.config.node.role, journal.recovery.last, &state.promises())
            .map_err(|why| start_error("the data folder")(format!("{} {why}", folder.display())))?;
        if let Some(cut) = &journal.recovery.cut {
            tracing::warn!(?cut, "a torn tail, never acknowledged, was cut off the journal");
        }
        Ok((journal, state))
    }

    fn events_at(&mut self, from: &EventCheckpoint) -> Result<OpenedEventLog, NodeError> {
        let (config, log) = (self.config, self.log.clone());
        let (journal, state) = self.journal.as_mut().expect("the journal is opened first");
        open_events(config, &log, from, journal.recovery.last, state)
    }
}

/// The event log is not synced on the way of an acknowledgement, nor is the journal in every mode: after a power cut either
/// may reach further than the other.
fn open_events(
    config: &NodeConfig,
    log: &LogConfig,
    from: &EventCheckpoint,
    last: Sequence,
    state: &mut StateFile,
) -> Result<OpenedEventLog, NodeError> {
    let events = open_event_log_at(log, None, from).map_err(start_error("the event log"))?;
    let Some((sequence, index)) = events.last.filter(|(sequence, _)| *sequence > last) else { return Ok(events) };
    if config.node.role == Role::Standby {
        // It is also the proof that the primary had acknowledged that far.
        let whole = if events.complete { sequence } else { sequence.previous() };
        state.see_commit(whole).map_err(start_error("the state file"))?;
    } else if config.durability() != Durability::Async || config.sql.is_some() {
        let what_now = match (&config.replication, &config.sql) {
            (Some(_), _) => "Promote the standby, or restore the journal",
            (None, None) => {
                "Restore the journal; to accept the loss, which durability `async` allows, start once with \
                 journal.durability = \"async\""
            }
            (None, Some(_)) => {
                "Restore the journal; to accept the loss, which durability `async` allows, move the database away, too, since it \
                 may hold what is lost, and start once with journal.durability = \"async\" and without [sql]"
            }
        };
        return Err(start_error("the event log")(format!(
            "it reaches sequence {sequence} index {index}, the journal only {last}: events were released that the journal \
             has lost. {what_now}"
        )));
    }
    tracing::warn!(
        through = sequence.raw(),
        journal = last.raw(),
        "the event log reaches beyond the journal, whose end was lost with the machine: it is cut"
    );
    drop(events);
    open_event_log_at(log, Some(last), from).map_err(start_error("the event log"))
}

/// Refuses a journal of another logic version.
fn check_genesis(reader: &JournalReader) -> Result<(), NodeError> {
    if reader.appended_through() == Sequence::ZERO {
        return Ok(());
    }
    let mut first: Vec<CommandRecord> = Vec::with_capacity(1);
    reader.read(Sequence::new(1), 1, &mut first).map_err(start_error("the journal"))?;
    match first.first().map(CommandRecord::decode) {
        Some(Ok((_, Command::Genesis(genesis)))) if genesis.logic_version == LOGIC_VERSION => Ok(()),
        Some(Ok((_, Command::Genesis(genesis)))) => Err(start_error("the journal")(format!(
            "it was written by logic version {}, this program has {LOGIC_VERSION}: use the program that wrote it",
            genesis.logic_version
        ))),
        _ => {
            Err(start_error("the journal")("its first record is not `genesis`: this is not a journal of this program"))
        }
    }
}
