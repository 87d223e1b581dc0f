//! The replication link, started and plugged in; without `[replication]`, ends that lead nowhere.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;
use tidegate_domain::{CommandRecord, Epoch, NodeId};
use tidegate_journal::JournalReader;
use tidegate_pipeline::{Listener, WatermarkWriter};
use tidegate_replicator::{LinkConfig, LinkEvent, LinkPorts, LiveFeed, Replicator};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::{Handles, NodeError, start_error};
use crate::config::{NodeConfig, ReplicationSection};
use crate::glue::CatchUp;

/// Records of the leader that may wait for a standby's sequencer.
const FROM_LEADER_SLOTS: usize = 16_384;
/// Commands that may wait for the link before it falls back to the journal.
const LIVE_FEED_SLOTS: usize = 16_384;

/// The watermarks that the link writes.
pub(super) struct LinkMarks {
    pub(super) peer_received: WatermarkWriter,
    pub(super) peer_synced: WatermarkWriter,
    pub(super) commit: WatermarkWriter,
}

/// The link and its ends.
pub(super) struct LinkEnds {
    pub(super) link: Option<Replicator>,
    /// From the command ring.
    pub(super) feed: LiveFeed,
    /// To the sequencer.
    pub(super) from_leader: Arc<ArrayQueue<CommandRecord>>,
    pub(super) news: mpsc::UnboundedReceiver<LinkEvent>,
    /// To be called when there is something to ship or to acknowledge.
    pub(super) poke: Listener,
}

/// Starts the link, idle: it asks its peer who leads.
pub(super) fn start(
    handles: &Handles<'_>,
    runtime: &Runtime,
    marks: LinkMarks,
    journal: &JournalReader,
    order_entry: SocketAddr,
    epoch: Epoch,
) -> Result<LinkEnds, NodeError> {
    let feed = LiveFeed::new(LIVE_FEED_SLOTS);
    let from_leader = Arc::new(ArrayQueue::new(FROM_LEADER_SLOTS));
    let (events, news) = mpsc::unbounded_channel();
    let Some(section) = &handles.config.replication else {
        return Ok(LinkEnds { link: None, feed, from_leader, news, poke: Arc::new(|| {}) });
    };
    let readers = &handles.marks;
    let ports = LinkPorts {
        source: Arc::new(CatchUp(journal.clone())),
        feed: feed.clone(),
        inbound: Arc::clone(&from_leader),
        waker: handles.waker.clone(),
        journaled: readers.journaled.clone(),
        synced: readers.synced.clone(),
        matched: readers.matched.clone(),
        published: readers.published.clone(),
        peer_received: marks.peer_received,
        peer_synced: marks.peer_synced,
        commit: marks.commit,
        digests: handles.digests.clone(),
    };
    let on_event = Arc::new(move |event| {
        // The receiver lives as long as the node.
        let _ = events.send(event);
    });
    let config = link_config(handles.config, section, order_entry, epoch)?;
    let link =
        Replicator::start(config, ports, runtime.handle(), on_event).map_err(start_error("the replication link"))?;
    let poke = link.listener();
    Ok(LinkEnds { link: Some(link), feed, from_leader, news, poke })
}

fn link_config(
    config: &NodeConfig,
    section: &ReplicationSection,
    order_entry: SocketAddr,
    epoch: Epoch,
) -> Result<LinkConfig, NodeError> {
    let identity = tidegate_replicator::load_identity(&section.keys_dir, config.node_id());
    Ok(LinkConfig {
        node: config.node_id(),
        peer_node: NodeId::new(section.peer_node),
        cluster: config.cluster()?,
        epoch,
        listen: section.listen,
        peer: section.peer,
        identity: identity.map_err(start_error("replication.keys_dir"))?,
        order_entry,
        heartbeat: Duration::from_millis(section.heartbeat_ms),
        idle_timeout: Duration::from_millis(section.idle_timeout_ms),
    })
}
