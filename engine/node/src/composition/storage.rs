//! Opening: everything on disk, recovered and judged before a thread starts.
//!
//!   data folder --[Storage::open]--> journal, event log, state file
//!
//! Invariants: the journal's lock comes first; a folder is refused in a role that its past does not allow; an event log that
//! reaches beyond its journal is cut where another node has the truth, and refused where this one was the truth.

use tidegate_domain::{Command, CommandRecord, Durability, LOGIC_VERSION, Sequence};
use tidegate_journal::{JournalReader, LogConfig, OpenedEventLog, OpenedJournal, open_event_log, open_journal};

use super::{NodeError, start_error};
use crate::config::{NodeConfig, Role};
use crate::decisions::may_start;
use crate::state_file::StateFile;

/// Everything on disk, opened and recovered.
pub(super) struct Storage {
    pub(super) journal: OpenedJournal,
    pub(super) events: OpenedEventLog,
    pub(super) state: StateFile,
}

impl Storage {
    pub(super) fn open(config: &NodeConfig) -> Result<Self, NodeError> {
        let folder = &config.node.data_dir;
        std::fs::create_dir_all(folder)
            .map_err(|error| start_error("the data folder")(format!("cannot create {}: {error}", folder.display())))?;
        let log = LogConfig::new(folder, config.cluster()?, config.journal.segment_mib << 20);
        // Two processes never share a folder: this takes the lock.
        let journal = open_journal(&log).map_err(start_error("the journal"))?;
        let last = journal.recovery.last;
        let mut state = StateFile::open(folder).map_err(start_error("the state file"))?;
        may_start(config.node.role, last, &state.promises())
            .map_err(|why| start_error("the data folder")(format!("{} {why}", folder.display())))?;
        check_genesis(&journal.reader)?;
        if let Some(cut) = &journal.recovery.cut {
            tracing::warn!(?cut, "a torn tail, never acknowledged, was cut off the journal");
        }
        let events = open_events(config, &log, last, &mut state)?;
        state.count_start().map_err(start_error("the state file"))?;
        tracing::info!(through = last.raw(), folder = %folder.display(), "opened the journal");
        Ok(Self { journal, events, state })
    }
}

/// The event log is not synced on the way of an acknowledgement, nor is the journal in every mode: after a power cut either
/// may reach further than the other.
fn open_events(
    config: &NodeConfig,
    log: &LogConfig,
    last: Sequence,
    state: &mut StateFile,
) -> Result<OpenedEventLog, NodeError> {
    let events = open_event_log(log, None).map_err(start_error("the event log"))?;
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
    open_event_log(log, Some(last)).map_err(start_error("the event log"))
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
