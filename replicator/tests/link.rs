//! Two replicators over real QUIC on the loopback network.

#![allow(clippy::unwrap_used)]

mod common;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{A, B, Journal, Node, Setup, address, order_entry, seq, setup, until};
use tempfile::TempDir;
use tidegate_domain::{ClusterId, Epoch, NodeId};
use tidegate_replicator::message::{Ack, Hello, Message, NodeState, PROTOCOL_VERSION, encode};
use tidegate_replicator::{JournalSource, LinkEvent, LinkRole, make_cluster};
use tokio::runtime::Runtime;

const C: NodeId = NodeId::new(3);

/// Keys, two addresses, a runtime.
struct World {
    runtime: Runtime,
    keys: TempDir,
    cluster: ClusterId,
    at: (SocketAddr, SocketAddr),
}

impl World {
    fn new() -> Self {
        let keys = tempfile::tempdir().unwrap();
        let cluster = make_cluster(keys.path(), &[A, B, C]).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { runtime, keys, cluster, at: (address(), address()) }
    }

    fn a(&self) -> Setup {
        setup(self.keys.path(), self.cluster, A, B, self.at)
    }

    fn b(&self) -> Setup {
        setup(self.keys.path(), self.cluster, B, A, (self.at.1, self.at.0))
    }

    fn start(&self, setup: Setup) -> Node {
        Node::start(setup, self.runtime.handle())
    }

    fn stop(&self, node: Node) {
        node.replicator.stop();
        self.runtime.block_on(node.replicator.stopped());
    }
}

/// Both journals are the same, and the leader knows it.
fn in_step(nodes: &mut [&mut Node]) -> bool {
    let end = nodes[0].journal.appended_through();
    nodes[0].peer_received.through() == end && nodes[1].commit.through() == end
}

fn refused(node: &Node, text: &str) -> bool {
    node.seen.iter().any(|event| matches!(event, LinkEvent::Refused { reason, .. } if reason.contains(text)))
}

#[test]
fn a_late_joiner_catches_up_and_then_follows_live() {
    let world = World::new();
    let mut a = world.start(world.a());
    a.lead(1);
    a.produce(5_000, 1);
    let mut b = world.start(world.b());
    b.follow(0);
    until("in step", &mut [&mut a, &mut b], in_step);
    // Events come a moment after the watermarks that they are about.
    until("told", &mut [&mut a, &mut b], |nodes| nodes.iter().all(|node| node.seen.len() >= 2));
    assert_eq!(a.seen, [LinkEvent::Connected, LinkEvent::CaughtUp]);
    // It learned of the leader, and followed it.
    let higher = LinkEvent::PeerLeadsHigherEpoch { epoch: Epoch::new(1), order_entry: order_entry(A) };
    assert_eq!(b.seen, [higher, LinkEvent::Connected]);
    for _ in 0..50 {
        a.produce(20, 1);
        until("in step again", &mut [&mut a, &mut b], in_step);
    }
    assert_eq!(a.journal.records(), b.journal.records());
    until("the status shows it", &mut [&mut a, &mut b], |nodes| nodes[0].status().peer_synced == seq(6_000));
    let (leader, standby) = (a.status(), b.status());
    assert!(leader.connected && leader.caught_up && standby.connected);
    assert_eq!((leader.role, standby.role), (LinkRole::Leader, LinkRole::Standby));
    assert_eq!((leader.peer_received, leader.peer_synced), (seq(6_000), seq(6_000)));
    assert_eq!(standby.peer_order_entry, Some(order_entry(A)));
    assert_eq!(standby.peer_epoch, Some(Epoch::new(1)));
}

#[test]
fn what_a_full_feed_dropped_comes_from_the_journal() {
    let world = World::new();
    let mut a = world.start(Setup { feed_capacity: 4, ..world.a() });
    let mut b = world.start(world.b());
    a.lead(1);
    b.follow(1);
    until("linked", &mut [&mut a, &mut b], |nodes| nodes.iter().all(|node| node.status().connected));
    // Until it has happened: how many it takes depends on how fast the link empties the feed.
    until("overruns", &mut [&mut a, &mut b], |nodes| {
        nodes[0].produce(500, 1);
        nodes[0].feed.overruns() > 0
    });
    until("in step", &mut [&mut a, &mut b], in_step);
    assert_eq!(a.journal.records(), b.journal.records());
}

#[test]
fn a_standby_may_be_first_and_keeps_trying() {
    let world = World::new();
    let mut setup = world.b();
    setup.config.idle_timeout = Duration::from_secs(1);
    let mut b = world.start(setup);
    b.follow(0);
    until("an attempt failed", &mut [&mut b], |nodes| nodes[0].status().last_error.is_some());
    let mut a = world.start(world.a());
    until("told that nobody leads", &mut [&mut a, &mut b], |nodes| {
        nodes[1].status().last_error.is_some_and(|error| error.contains("node 1 does not lead: its role is idle"))
    });
    a.lead(1);
    a.produce(10, 1);
    until("in step", &mut [&mut a, &mut b], in_step);
    assert_eq!(b.status().last_error, None);
}

#[test]
fn a_restarted_standby_goes_on_where_its_journal_ends() {
    let world = World::new();
    let mut a = world.start(world.a());
    let mut b = world.start(world.b());
    a.lead(1);
    b.follow(1);
    for round in 1..=3 {
        a.produce(300, 1);
        until("in step", &mut [&mut a, &mut b], in_step);
        let journal = b.journal.clone();
        world.stop(b);
        until("the leader noticed", &mut [&mut a], |nodes| !nodes[0].status().connected);
        a.produce(300, 1);
        b = world.start(Setup { journal, ..world.b() });
        b.follow(1);
        until("in step after the restart", &mut [&mut a, &mut b], in_step);
        until("told of it all, once", &mut [&mut a, &mut b], |nodes| {
            let count = |wanted: fn(&&LinkEvent) -> bool| nodes[0].seen.iter().filter(wanted).count();
            count(|event| **event == LinkEvent::Connected) == round + 1
                && count(|event| **event == LinkEvent::CaughtUp) == round + 1
                && count(|event| matches!(event, LinkEvent::Lost { .. })) == round
        });
    }
    assert_eq!(a.journal.records(), b.journal.records());
}

#[test]
fn a_standby_that_died_without_a_word_is_replaced_by_its_successor() {
    let world = World::new();
    let mut a = world.start(world.a());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let mut b = Node::start(world.b(), runtime.handle());
    a.lead(1);
    b.follow(1);
    a.produce(100, 1);
    until("in step", &mut [&mut a, &mut b], in_step);
    // All its tasks are gone at once: no packet tells the leader.
    runtime.shutdown_background();
    let journal = b.journal.clone();
    let mut setup = world.b();
    setup.config.listen = address();
    let mut successor = world.start(Setup { journal, ..setup });
    successor.follow(1);
    a.produce(100, 1);
    until("in step with the successor", &mut [&mut a, &mut successor], in_step);
    let lost = |event: &LinkEvent| matches!(event, LinkEvent::Lost { .. });
    until("told", &mut [&mut a, &mut successor], |nodes| nodes[0].seen.len() >= 5);
    assert_eq!(a.seen.iter().filter(|event| lost(event)).count(), 1, "{:?}", a.seen);
    assert!(a.status().connected);
}

#[test]
fn roles_may_change_back_and_forth_without_a_record_handed_over_twice() {
    let world = World::new();
    let mut a = world.start(world.a());
    let mut b = world.start(world.b());
    a.lead(1);
    for _ in 0..5 {
        b.follow(1);
        // Into the inbound queue, and not further.
        b.stalled = true;
        a.produce(50, 1);
        until("received", &mut [&mut a, &mut b], |nodes| !nodes[1].inbound.is_empty());
        b.follow(1);
        until("the new order is obeyed", &mut [&mut a, &mut b], |nodes| !nodes[1].status().connected);
        b.stalled = false;
        until("in step", &mut [&mut a, &mut b], in_step);
    }
    assert_eq!(a.journal.records(), b.journal.records());
}

#[test]
fn a_vanished_leader_is_noticed_and_its_successor_followed() {
    let world = World::new();
    let mut a = world.start(world.a());
    let mut b = world.start(world.b());
    a.lead(1);
    b.follow(1);
    a.produce(100, 1);
    until("in step", &mut [&mut a, &mut b], in_step);
    let journal = a.journal.clone();
    world.stop(a);
    until("the standby noticed", &mut [&mut b], |nodes| !nodes[0].status().connected);
    let mut a = world.start(Setup { journal, ..world.a() });
    a.lead(2);
    a.produce(100, 2);
    until("in step", &mut [&mut a, &mut b], in_step);
    let higher = LinkEvent::PeerLeadsHigherEpoch { epoch: Epoch::new(2), order_entry: order_entry(A) };
    until("told", &mut [&mut a, &mut b], |nodes| nodes[1].saw(&higher));
    assert_eq!(a.journal.records(), b.journal.records());
}

#[test]
fn a_stalled_standby_stops_the_stream_and_loses_nothing() {
    let world = World::new();
    let idle_timeout = Duration::from_secs(2);
    let (mut setup_a, mut setup_b) = (world.a(), Setup { inbound_capacity: 8, ..world.b() });
    (setup_a.config.idle_timeout, setup_b.config.idle_timeout) = (idle_timeout, idle_timeout);
    let (mut a, mut b) = (world.start(setup_a), world.start(setup_b));
    a.lead(1);
    b.follow(1);
    until("linked", &mut [&mut a, &mut b], |nodes| nodes.iter().all(|node| node.status().connected));
    b.stalled = true;
    // 5 MB: more than the stream's window.
    a.produce(40_000, 1);
    until("the inbound queue is full", &mut [&mut a, &mut b], |nodes| {
        nodes[1].inbound.is_full() && nodes[0].status().lag == 40_000
    });
    // Longer than the idle timeout: a stalled standby is not a lost one.
    let stalled = Instant::now();
    until("a while has passed", &mut [&mut a, &mut b], |_| stalled.elapsed() > idle_timeout + idle_timeout / 4);
    assert!(a.status().connected && b.status().connected, "{:?} {:?}", a.seen, b.seen);
    assert_eq!(b.journal.appended_through(), seq(0));
    let received = b.status().received.raw();
    assert!((8..1_000).contains(&received), "{received} commands were taken off the stream with room for 8");
    b.stalled = false;
    until("in step", &mut [&mut a, &mut b], in_step);
    assert_eq!(a.journal.records(), b.journal.records());
    assert!(!a.seen.iter().chain(&b.seen).any(|event| matches!(event, LinkEvent::Lost { .. })));
}

#[test]
fn equal_states_are_found_equal_and_different_ones_reported_on_both_nodes() {
    for salt in [0, 1] {
        let world = World::new();
        let mut a = world.start(world.a());
        let mut b = world.start(Setup { salt, ..world.b() });
        a.lead(1);
        b.follow(1);
        a.produce(100, 1);
        until("in step", &mut [&mut a, &mut b], in_step);
        a.digests.request();
        until("compared", &mut [&mut a, &mut b], |nodes| {
            nodes.iter().all(|node| node.status().digest_equal == Some((seq(100), salt == 0)))
        });
        let mismatch = |node: &Node| {
            let at = |event: &&LinkEvent| matches!(event, LinkEvent::DigestMismatch { sequence, .. } if *sequence == seq(100));
            node.seen.iter().filter(at).count()
        };
        until("told", &mut [&mut a, &mut b], |nodes| nodes.iter().all(|node| mismatch(node) == usize::from(salt != 0)));
    }
}

#[test]
fn a_leader_learns_of_a_higher_epoch_whoever_asks_first() {
    let world = World::new();
    let mut a = world.start(world.a());
    let mut b = world.start(world.b());
    a.lead(1);
    b.lead(2);
    let higher = LinkEvent::PeerLeadsHigherEpoch { epoch: Epoch::new(2), order_entry: order_entry(B) };
    until("the older leader knows", &mut [&mut a, &mut b], |nodes| nodes[0].saw(&higher));
    until("the newer one met it too", &mut [&mut a, &mut b], |nodes| {
        nodes[1].status().peer_epoch == Some(Epoch::new(1)) && nodes[1].status().attempts > 0
    });
    assert_eq!((&a.seen[..], &b.seen[..]), (&[higher.clone()][..], &[][..]));
    // What was told stays in force: nobody is shipped to any more, even if the other node forgets.
    b.follow(1);
    until("fenced", &mut [&mut a, &mut b], |nodes| {
        nodes[1].status().last_error.is_some_and(|error| error.contains("gave up its lead"))
    });
    // A new term of leading is told anew.
    b.lead(2);
    a.lead(1);
    until("told again", &mut [&mut a, &mut b], |nodes| {
        nodes[0].seen.iter().filter(|event| **event == higher).count() == 2
    });
}

#[test]
fn a_promoted_standby_fences_the_leader_that_it_followed() {
    let world = World::new();
    let mut a = world.start(world.a());
    let mut b = world.start(world.b());
    a.lead(1);
    b.follow(1);
    a.produce(10, 1);
    until("in step", &mut [&mut a, &mut b], in_step);
    b.lead(2);
    let higher = LinkEvent::PeerLeadsHigherEpoch { epoch: Epoch::new(2), order_entry: order_entry(B) };
    until("fenced", &mut [&mut a, &mut b], |nodes| nodes[0].saw(&higher) && !nodes[0].status().connected);
}

#[test]
fn two_leaders_of_one_epoch_are_both_told() {
    let world = World::new();
    let mut a = world.start(world.a());
    let mut b = world.start(world.b());
    a.lead(3);
    b.lead(3);
    let same = |node| LinkEvent::PeerLeadsSameEpoch { epoch: Epoch::new(3), order_entry: order_entry(node) };
    until("told", &mut [&mut a, &mut b], |nodes| nodes[0].saw(&same(B)) && nodes[1].saw(&same(A)));
}

#[test]
fn a_leader_below_the_standbys_epoch_is_not_followed_and_told() {
    let world = World::new();
    let mut a = world.start(world.a());
    let mut b = world.start(world.b());
    a.lead(1);
    a.produce(10, 1);
    b.follow(4);
    let higher = LinkEvent::PeerLeadsHigherEpoch { epoch: Epoch::new(4), order_entry: order_entry(B) };
    until("told", &mut [&mut a, &mut b], |nodes| nodes[0].saw(&higher) && refused(nodes[1], "knows epoch 4"));
    assert_eq!(b.journal.appended_through(), seq(0));
}

#[test]
fn a_starting_node_sees_whether_its_peer_leads() {
    let world = World::new();
    let mut a = world.start(world.a());
    let mut b = world.start(world.b());
    b.lead(7);
    until("seen", &mut [&mut a, &mut b], |nodes| nodes[0].status().peer_role == Some(LinkRole::Leader));
    let status = a.status();
    assert_eq!((status.role, status.peer_epoch), (LinkRole::Idle, Some(Epoch::new(7))));
    assert_eq!(status.peer_order_entry, Some(order_entry(B)));
    // It also tells how far it is: a node that lost its journal's end must not lead.
    b.produce(7, 7);
    until("seen", &mut [&mut a, &mut b], |nodes| nodes[0].status().peer_last == Some(seq(7)));
}

/// A journal of `count` commands of this epoch.
fn journal(count: u64, epoch: u32) -> Journal {
    let world = World::new();
    let mut node = world.start(world.a());
    node.produce(count, epoch);
    node.journal.clone()
}

#[test]
fn a_standby_whose_journal_is_no_prefix_is_refused_on_both_nodes() {
    for (standby, reason) in [(journal(20, 1), "standby is ahead"), (journal(10, 2), "diverged at 10")] {
        let world = World::new();
        let mut a = world.start(Setup { journal: journal(15, 1), ..world.a() });
        let mut b = world.start(Setup { journal: standby, ..world.b() });
        a.lead(3);
        b.follow(2);
        until(reason, &mut [&mut a, &mut b], |nodes| nodes.iter().all(|node| refused(node, reason)));
        let connected = |node: &Node| node.saw(&LinkEvent::Connected);
        assert!(!connected(&a) && !connected(&b));
    }
}

/// Neither node ever reports a link, and the one that dials says why in words that name the certificate.
fn never_links(world: &World, a: Setup, b: Setup) {
    let (mut a, mut b) = (world.start(a), world.start(b));
    a.lead(1);
    a.produce(10, 1);
    b.follow(0);
    until("refused", &mut [&mut a, &mut b], |nodes| {
        let status = nodes[1].status();
        status.attempts >= 2 && status.last_error.is_some_and(|error| error.contains("certificate"))
    });
    assert_eq!(b.journal.appended_through(), seq(0));
    let connected = |node: &Node| node.saw(&LinkEvent::Connected);
    assert!(!connected(&a) && !connected(&b));
    assert!(a.status().peer_role.is_none(), "a stranger's word was taken");
}

#[test]
fn keys_of_another_authority_are_refused() {
    let (world, other) = (World::new(), World::new());
    let b = setup(other.keys.path(), other.cluster, B, A, (world.at.1, world.at.0));
    never_links(&world, world.a(), b);
}

#[test]
fn keys_of_another_authority_that_claim_our_cluster_are_refused() {
    let (world, other) = (World::new(), World::new());
    let mut b = world.b();
    // The intruder trusts our authority and dials the right name, but shows a certificate of its own.
    let theirs = setup(other.keys.path(), other.cluster, B, A, world.at).config.identity;
    b.config.identity.chain = theirs.chain;
    b.config.identity.key = theirs.key;
    never_links(&world, world.a(), b);
}

#[test]
fn another_nodes_certificate_is_refused_by_the_listener() {
    let world = World::new();
    // Node 3 is of the cluster, but it is not node 1's peer.
    let c = setup(world.keys.path(), world.cluster, C, A, (world.at.1, world.at.0));
    never_links(&world, world.a(), c);
}

#[test]
fn another_nodes_certificate_is_refused_by_the_dialler() {
    let world = World::new();
    // Node 3 listens where node 1 should be.
    let c = setup(world.keys.path(), world.cluster, C, B, world.at);
    never_links(&world, c, world.b());
}

/// The peer's keys in the hands of a program that does not keep the rules.
fn rogue(world: &World, says: Vec<Vec<u8>>) -> Vec<u8> {
    let identity = world.b().config.identity;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(identity.authority).unwrap();
    let mut crypto = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(identity.chain, identity.key)
        .unwrap();
    crypto.alpn_protocols = vec![b"tidegate-replication/1".to_vec()];
    let crypto = quinn::crypto::rustls::QuicClientConfig::try_from(crypto).unwrap();
    world.runtime.block_on(async {
        let mut endpoint = quinn::Endpoint::client(address()).unwrap();
        endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(crypto)));
        let name = tidegate_replicator::keys::node_name(A, world.cluster);
        let connection = endpoint.connect(world.at.0, &name).unwrap().await.unwrap();
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        for bytes in says {
            send.write_all(&bytes).await.unwrap();
        }
        let mut heard = Vec::new();
        let mut buffer = [0; 4096];
        // Until the node gives the connection up, which it must.
        while let Ok(Some(len)) = recv.read(&mut buffer).await {
            heard.extend_from_slice(&buffer[..len]);
        }
        heard
    })
}

#[test]
fn a_peer_that_breaks_the_protocol_is_dropped_and_changes_nothing() {
    let world = World::new();
    let mut a = world.start(world.a());
    a.lead(1);
    a.produce(10, 1);
    let encoded = |message| {
        let mut bytes = Vec::new();
        encode(&message, &mut bytes);
        bytes
    };
    let state = NodeState {
        protocol: PROTOCOL_VERSION,
        cluster: world.cluster,
        node: B,
        epoch: Epoch::new(1),
        role: LinkRole::Standby,
        last: seq(0),
        order_entry: order_entry(B),
    };
    let hello = || encoded(Message::Hello(Hello { state, last_crc32c: 0 }));
    let ack = |received| {
        let (received_through, zero) = (seq(received), seq(0));
        let epoch = Epoch::new(1);
        encoded(Message::Ack(Ack {
            epoch,
            received_through,
            synced_through: zero,
            applied_through: zero,
            digest: None,
        }))
    };
    for says in [vec![0xff; 100], encoded(Message::State(state)), ack(5)] {
        assert_eq!(rogue(&world, vec![says.clone()]), [], "no answer to {says:?}");
    }
    for (says, reason) in [
        (vec![hello(), ack(11)], "received_through 11, the most it can be is"),
        (vec![hello(), hello()], "a standby does not send a hello"),
        (vec![hello(), vec![0; 4]], "message length 0"),
    ] {
        rogue(&world, says);
        until(reason, &mut [&mut a], |nodes| {
            nodes[0].seen.iter().any(|event| matches!(event, LinkEvent::Lost { reason: r } if r.contains(reason)))
        });
    }
    assert_eq!(a.peer_received.through(), seq(0));
    let mut b = world.start(Setup {
        config: tidegate_replicator::LinkConfig { listen: address(), ..world.b().config },
        ..world.b()
    });
    b.follow(1);
    until("in step", &mut [&mut a, &mut b], in_step);
}

#[test]
fn a_configuration_that_contradicts_itself_is_refused_by_name() {
    let world = World::new();
    let start = |change: fn(&mut Setup)| {
        let mut setup = world.a();
        change(&mut setup);
        let (_, journaled) = tidegate_pipeline::watermark();
        let writer = || tidegate_pipeline::watermark().0;
        let ports = tidegate_replicator::LinkPorts {
            source: Arc::new(setup.journal),
            feed: Default::default(),
            inbound: Arc::new(crossbeam_queue::ArrayQueue::new(1)),
            waker: Default::default(),
            journaled: journaled.clone(),
            synced: journaled.clone(),
            matched: journaled.clone(),
            published: journaled,
            peer_received: writer(),
            peer_synced: writer(),
            commit: writer(),
            digests: Default::default(),
        };
        let started =
            tidegate_replicator::Replicator::start(setup.config, ports, world.runtime.handle(), Arc::new(|_| {}));
        started.err().map(|error| error.to_string()).unwrap_or_default()
    };
    for (change, text) in [
        ((|s| s.config.peer_node = A) as fn(&mut Setup), "node and peer are both 1"),
        (|s| s.config.node = C, "the keys are of node 1, this is node 3"),
        (|s| s.config.cluster = ClusterId::new(5), "the keys are of cluster"),
        (|s| s.config.heartbeat = Duration::from_secs(3), "heartbeat is 3s"),
        (|s| s.config.listen = "192.0.2.1:0".parse().unwrap(), "cannot bind 192.0.2.1:0"),
        (|_| (), ""),
    ] {
        let error = start(change);
        assert!(error.contains(text) && error.is_empty() == text.is_empty(), "{error:?} lacks {text:?}");
    }
}
