//! A session under a client that asks for more than its due: what waits, and what is sent, stays bounded.

use std::net::{Ipv4Addr, SocketAddr};

use tidegate_domain::{Epoch, NodeId};
use tidegate_wire::feed::{decode_feed, encode_feed_request};
use tidegate_wire::split_frame;

use super::*;
use crate::core::FeedCore;
use crate::flow;
use crate::stats::FeedStats;

const IP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const START: Duration = Duration::ZERO;

/// A hub that knows what these random commands did, and a session at it.
fn world(seed: u64, steps: usize, change: impl FnOnce(&mut FeedConfig)) -> (Hub, Session) {
    let mut config = FeedConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)), NodeId::new(1));
    config.recovery_per_second = 100_000_000;
    change(&mut config);
    let mut hub = Hub::new(&config, FeedCore::default(), FeedStats::default());
    hub.take(&flow::events(seed, steps).1).unwrap();
    hub.limits.connect(IP, START).unwrap();
    let session = Session::new(&config, &hub, IP);
    (hub, session)
}

fn ask(session: &mut Session, hub: &mut Hub, request: FeedRequest) {
    let mut bytes = Vec::new();
    encode_feed_request(&request, &mut bytes);
    session.on_frame(hub, &split_frame(&bytes).unwrap().unwrap(), START);
}

fn subscribe(channel: FeedChannel, from: FeedNumber) -> FeedRequest {
    FeedRequest::Subscribe { channel, market: None, from, epoch: Epoch::new(u32::MAX) }
}

/// What was put together for the client since this was asked last.
fn said(session: &mut Session) -> Vec<FeedServer> {
    let bytes = session.unwritten().to_vec();
    assert!(session.wrote(bytes.len()), "that is all");
    let (mut rest, mut said) = (bytes.as_slice(), Vec::new());
    while let Some(frame) = split_frame(rest).unwrap() {
        rest = &rest[frame.bytes().len()..];
        said.push(decode_feed(&frame).unwrap());
    }
    said
}

/// A subscription to what is still to come was put into the queue without a look at its length.
#[test]
fn no_request_waits_beyond_the_limit_whatever_it_asks_for() {
    let (mut hub, mut session) = world(71, 200, |_| {});
    let channel = FeedChannel::Orders;
    let next = hub.next().of(channel);
    for _ in 0..JOBS_MAX * 10 {
        ask(&mut session, &mut hub, subscribe(channel, next));
        assert!(session.jobs.len() <= JOBS_MAX, "{} requests wait", session.jobs.len());
    }
    assert!(!session.takes_requests(), "no more is read until one of them is answered");
    let refused = said(&mut session).into_iter().filter(
        |said| matches!(said, FeedServer::Refused { reason: FeedRefusal::Rate, limit, .. } if *limit == JOBS_MAX as u64),
    );
    assert_eq!(refused.count(), JOBS_MAX * 9);
}

/// A subscription from an old message was free, and gave all messages since then, again and again.
#[test]
fn a_subscription_is_paid_for_by_the_messages_that_it_brings_back() {
    let (mut hub, mut session) = world(72, 500, |config| config.recovery_per_second = 100);
    let channel = FeedChannel::Orders;
    assert!(hub.next().of(channel).raw() > 200);
    let oldest = hub.oldest().of(channel);
    said(&mut session);
    ask(&mut session, &mut hub, subscribe(channel, oldest));
    session.fill(&hub);
    assert!(said(&mut session).iter().any(|said| matches!(said, FeedServer::Message(_))), "one answer is on credit");
    let next = hub.next().of(channel);
    ask(&mut session, &mut hub, subscribe(channel, next));
    let Some(FeedServer::Refused { reason, retry_after_ms, .. }) = said(&mut session).pop() else {
        panic!("it is in debt")
    };
    assert_eq!(reason, FeedRefusal::Rate);
    assert!(retry_after_ms > 1_000, "{retry_after_ms}");
}

/// A client that asks and does not read is not listened to; one that reads is, again.
#[test]
fn nothing_is_read_of_a_client_whose_answers_wait() {
    let (mut hub, mut session) = world(73, 200, |_| {});
    let next = hub.next().of(FeedChannel::Orders);
    said(&mut session);
    assert!(session.takes_requests());
    for _ in 0..JOBS_MAX {
        ask(&mut session, &mut hub, subscribe(FeedChannel::Orders, next));
    }
    assert!(!session.takes_requests());
    session.fill(&hub);
    let answers = said(&mut session);
    assert_eq!(answers.iter().filter(|said| matches!(said, FeedServer::Subscribed { .. })).count(), JOBS_MAX);
    assert!(session.takes_requests());
    while session.unwritten().len() < UNREAD_LEN_BYTES {
        assert!(session.takes_requests());
        ask(&mut session, &mut hub, subscribe(FeedChannel::Orders, FeedNumber::new(u64::MAX)));
    }
    assert!(!session.takes_requests(), "refusals that nobody reads");
}

/// Answers were put behind each other for as long as a client left the last byte of them.
#[test]
fn a_client_that_always_leaves_some_bytes_costs_no_more_than_a_chunk() {
    let (mut hub, mut session) = world(75, 200, |_| {});
    let (mut chunks, mut taken) = (0, 0);
    for _ in 0..20_000 {
        ask(&mut session, &mut hub, subscribe(FeedChannel::Orders, FeedNumber::new(u64::MAX)));
        let count = session.unwritten().len() - 1;
        taken += count;
        chunks += usize::from(session.wrote(count));
        session.fill(&hub);
        assert!(session.out.len() <= CHUNK_LEN_BYTES + 256, "{} bytes", session.out.len());
    }
    assert!(chunks <= taken / CHUNK_LEN_BYTES, "a byte is no progress, a chunk is");
    assert!(chunks > 10);
}

/// Each connection could keep a version of every book for as long as it took a byte now and then.
#[test]
fn a_snapshot_that_the_kept_messages_went_past_is_given_up_and_so_is_who_reads_it() {
    let (mut hub, mut session) = world(74, 400, |config| config.keep_messages = 1_024);
    said(&mut session);
    ask(&mut session, &mut hub, FeedRequest::Snapshot { channel: FeedChannel::Orders, market: None });
    let versions: Vec<_> = session
        .jobs
        .iter()
        .filter_map(|job| match job {
            Job::Snapshot { frames, .. } => Some(frames.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(versions.len(), 2);
    let asked_at = hub.next().of(FeedChannel::Orders);
    let (_, events) = flow::events(74, 2_500);
    let through = hub.core.through();
    let rest: Vec<_> = events.into_iter().filter(|event| event.sequence() > through).collect();
    hub.take(&rest).unwrap();
    assert!(hub.oldest().of(FeedChannel::Orders) > asked_at, "the ring went past it");
    // Another asks, so that newer versions take the places of these.
    hub.snapshot(FeedChannel::Orders, MarketId::new(1), START);
    hub.snapshot(FeedChannel::Orders, MarketId::new(2), START);
    hub.take(&[]).unwrap();
    assert!(versions.iter().all(|version| version.upgrade().is_none()), "nobody keeps them");
    session.fill(&hub);
    let last = said(&mut session).pop();
    assert!(matches!(last, Some(FeedServer::Logout { reason: FeedLogoutReason::SlowConsumer, .. })), "{last:?}");
    assert!(session.is_ending);
}
