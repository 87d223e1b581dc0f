//! The client's rules against scripted bytes: what it says, what it says again, what reaches the caller.
#![allow(clippy::unwrap_used)]

mod common;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use common::*;
use ed25519_dalek::{Signature, VerifyingKey};
use tidegate_client::{ClientCore, ClientError, ClientEvent, CoreConfig, Disconnect};
use tidegate_domain::{
    CancelFilter, CancelReason, ClusterId, CommandKind, Epoch, Nanos, NodeId, OrderId, OrderTarget, Qty, Reject,
    RequestNumber, Sequence, SessionSequence,
};
use tidegate_wire::{
    ClientMessage, GapFillReason, GatewayReject, LogoutReason, OrderAction, RefusedField, Report, ReportBody,
    ServerMessage, logon_bytes, split_frame,
};

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn config() -> CoreConfig {
    CoreConfig {
        addresses: vec![address(1), address(2)],
        key: KEY,
        secret: secret(),
        resume_after: SessionSequence::new(0),
        cancel_on_disconnect: true,
        grace_ms: 5_000,
        heartbeat_ms: 1_000,
        in_flight_max: 8,
        give_up_after: None,
    }
}

fn ms(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}

/// What the client wants to send.
fn said(core: &mut ClientCore) -> Vec<ClientMessage> {
    let mut output = Vec::new();
    core.take_output(&mut output);
    let mut rest = &output[..];
    let mut messages = Vec::new();
    while let Some(frame) = split_frame(rest).unwrap() {
        rest = &rest[frame.bytes().len()..];
        messages.push(frame.client_message().unwrap());
    }
    assert!(rest.is_empty());
    messages
}

fn numbers(messages: &[ClientMessage]) -> Vec<u64> {
    let number = |message: &ClientMessage| match message {
        ClientMessage::Order(order) => order.request.raw(),
        other => panic!("{other:?} is no request"),
    };
    messages.iter().map(number).collect()
}

fn events(core: &mut ClientCore) -> Vec<ClientEvent> {
    let mut events = VecDeque::new();
    core.take_events(&mut events);
    events.into()
}

fn hear(core: &mut ClientCore, now: u64, messages: &[ServerMessage]) -> Result<(), Disconnect> {
    core.on_bytes(ms(now), &bytes(messages))
}

/// Connects and logs on, with these reports replayed.
fn log_on(core: &mut ClientCore, now: u64, request_mark: u64, replay: &[ServerMessage], report_mark: u64) {
    let attempt = core.next_attempt(ms(now)).unwrap();
    core.on_connected(ms(now), attempt.address);
    hear(core, now, &[challenge()]).unwrap();
    assert!(matches!(said(core)[..], [ClientMessage::Logon(_)]));
    hear(core, now, &[accepted(request_mark, report_mark)]).unwrap();
    hear(core, now, replay).unwrap();
    assert!(!core.has_output(), "nothing is sent before the replay is done");
    hear(core, now, &[replay_done(report_mark)]).unwrap();
    assert!(core.is_live());
}

fn live() -> ClientCore {
    let mut core = ClientCore::new(config()).unwrap();
    log_on(&mut core, 0, 0, &[], 0);
    assert!(matches!(events(&mut core)[..], [ClientEvent::Connected { .. }]));
    core
}

#[test]
fn the_logon_signs_the_challenge_and_says_where_to_resume() {
    let mut core = ClientCore::new(CoreConfig { resume_after: SessionSequence::new(12), ..config() }).unwrap();
    core.on_connected(ms(0), address(1));
    hear(&mut core, 0, &[challenge()]).unwrap();
    let [ClientMessage::Logon(logon)] = said(&mut core)[..] else { panic!("a logon comes first") };
    assert_eq!((logon.key, logon.last_session_sequence.raw()), (KEY, 12));
    assert_eq!((logon.heartbeat_ms, logon.grace_ms, logon.cancel_on_disconnect), (1_000, 5_000, true));
    let signed = logon_bytes(ClusterId::new(1), NodeId::new(2), &[5; 32], KEY);
    let public = VerifyingKey::from_bytes(&secret().public_key()).unwrap();
    public.verify_strict(&signed, &Signature::from_bytes(&logon.signature)).unwrap();
}

#[test]
fn what_has_no_answer_is_sent_again_in_order_with_the_same_numbers() {
    let mut core = live();
    for _ in 0..4 {
        core.submit(ms(1), buy());
    }
    assert_eq!(numbers(&said(&mut core)), [1, 2, 3, 4]);
    hear(&mut core, 5, &[report(1, 1, order_accepted(1))]).unwrap();
    core.on_disconnected(ms(6), Disconnect::Closed);
    // Submitted while away: goes out after the older ones.
    assert_eq!(core.submit(ms(7), buy()).raw(), 5);
    assert_eq!(core.in_flight(), 4);
    // The answer to 2 was made before the crash and comes with the replay.
    log_on(&mut core, 8, 2, &[report(2, 2, order_accepted(2))], 2);
    assert_eq!(numbers(&said(&mut core)), [3, 4, 5]);
    assert_eq!((core.stats().resent, core.stats().reconnects), (2, 1), "5 was never sent before");
    let outcome =
        ReportBody::Outcome { original: Sequence::new(103), order: None, reject: None, command: CommandKind::NewOrder };
    hear(&mut core, 9, &[report(3, 3, outcome), report(4, 4, order_accepted(4)), report(5, 5, order_accepted(5))])
        .unwrap();
    assert_eq!(core.in_flight(), 0);
}

#[test]
fn an_answer_carries_the_time_since_its_submit_and_other_reports_none() {
    let mut core = live();
    core.submit(ms(10), buy());
    hear(&mut core, 25, &[report(1, 1, order_accepted(1)), report(2, 1, cancelled(CancelReason::Disconnected))])
        .unwrap();
    let answered: Vec<_> = events(&mut core)
        .iter()
        .map(|event| match event {
            ClientEvent::Report { answered, .. } => *answered,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(answered, [Some(Duration::from_millis(15)), None]);
}

#[test]
fn each_kind_of_request_is_answered_by_its_own_report_only() {
    let target = OrderTarget::Order(OrderId::new(101));
    let by = Qty::from_lots(1);
    let reduced = ReportBody::OrderReduced {
        order: OrderId::new(101),
        side: tidegate_domain::Side::Buy,
        price: tidegate_domain::Price::from_ticks(1),
        by,
        leaves: by,
    };
    let rejected = ReportBody::Rejected { reason: Reject::UnknownOrder, command: CommandKind::CancelOrder };
    let cases = [
        (OrderAction::Cancel { target }, cancelled(CancelReason::Requested), true),
        (OrderAction::Cancel { target }, rejected, true),
        (OrderAction::Reduce { target, by }, reduced, true),
        (OrderAction::Reduce { target, by }, cancelled(CancelReason::ReducedToZero), true),
        (OrderAction::CancelAll(CancelFilter::default()), cancelled(CancelReason::CancelAll), false),
        (OrderAction::CancelAll(CancelFilter::default()), ReportBody::CancelAllDone { cancelled: 0 }, true),
        (buy(), rejected, true),
        (buy(), cancelled(CancelReason::ImmediateOrCancel), false),
    ];
    for (action, body, is_answer) in cases {
        let mut core = live();
        core.submit(ms(1), action.clone());
        hear(&mut core, 2, &[report(1, 1, body)]).unwrap();
        assert_eq!(core.in_flight() == 0, is_answer, "{action:?} and {body:?}");
    }
}

#[test]
fn a_report_that_comes_again_is_dropped_and_counted() {
    let mut core = live();
    core.submit(ms(1), buy());
    hear(&mut core, 2, &[report(1, 1, order_accepted(1)), report(1, 1, order_accepted(1))]).unwrap();
    assert_eq!(events(&mut core).len(), 1);
    assert_eq!(core.stats().duplicates_dropped, 1);
    assert_eq!(core.last_session_sequence().raw(), 1);
}

#[test]
fn a_cluster_that_lost_what_it_had_acknowledged_ends_the_client() {
    // The replay brings the last report once more: the same, another command's, of another term, or passed over.
    let same = report(1, 1, order_accepted(1));
    let of_another_command = report(1, 7, order_accepted(7));
    let of_another_term = match report(1, 1, order_accepted(1)) {
        ServerMessage::Report(report) => ServerMessage::Report(Report { epoch: Epoch::new(4), ..report }),
        other => panic!("{other:?}"),
    };
    let number = SessionSequence::new(1);
    let passed_over = ServerMessage::GapFill { first: number, last: number, reason: GapFillReason::NotRequested };
    for (again, is_lost) in [(same, false), (of_another_command, true), (of_another_term, true), (passed_over, false)] {
        let mut core = live();
        core.submit(ms(1), buy());
        hear(&mut core, 2, &[report(1, 1, order_accepted(1))]).unwrap();
        core.on_disconnected(ms(3), Disconnect::Closed);
        core.on_connected(ms(4), address(1));
        hear(&mut core, 5, &[challenge()]).unwrap();
        let logon = said(&mut core).pop();
        assert!(matches!(logon, Some(ClientMessage::Logon(logon)) if logon.last_session_sequence.raw() == 0));
        let heard = hear(&mut core, 6, &[accepted(1, 1), again.clone(), replay_done(1)]);
        if is_lost {
            let lost = heard.unwrap_err();
            assert_eq!(lost, Disconnect::HistoryDiffers(number), "{again:?}");
            core.on_disconnected(ms(7), lost);
            assert_eq!(core.fatal(), Some(&ClientError::HistoryDiffers(number)));
        } else {
            heard.unwrap();
            assert!(core.is_live(), "{again:?}");
            assert_eq!(core.stats().duplicates_dropped, 0);
        }
    }
}

#[test]
fn a_missing_report_ends_the_client() {
    let mut core = live();
    let reason = hear(&mut core, 2, &[report(1, 0, order_accepted(1)), report(3, 0, order_accepted(3))]).unwrap_err();
    let (expected, got) = (SessionSequence::new(2), SessionSequence::new(3));
    assert_eq!(reason, Disconnect::Gap { expected, got });
    core.on_disconnected(ms(3), reason);
    assert_eq!(core.next_attempt(ms(4)), Err(ClientError::Gap { expected, got }));
    assert_eq!(events(&mut core).len(), 2, "the report before the gap, and the end of the session");
}

#[test]
fn a_replay_that_ends_too_early_is_a_gap_too() {
    let mut core = ClientCore::new(config()).unwrap();
    core.on_connected(ms(0), address(1));
    hear(&mut core, 0, &[challenge()]).unwrap();
    hear(&mut core, 0, &[accepted(2, 2), report(1, 1, order_accepted(1))]).unwrap();
    assert!(matches!(hear(&mut core, 0, &[replay_done(2)]), Err(Disconnect::Gap { .. })));
}

#[test]
fn a_node_that_does_not_lead_sends_the_client_where_it_says() {
    let mut core = ClientCore::new(config()).unwrap();
    let mut tried = Vec::new();
    for named in ["127.0.0.1:77", "", "nonsense"] {
        let attempt = core.next_attempt(ms(0)).unwrap();
        tried.push((attempt.address.port(), attempt.delay.as_millis()));
        core.on_connected(ms(0), attempt.address);
        let reason = hear(
            &mut core,
            0,
            &[challenge(), ServerMessage::NotPrimary { epoch: Epoch::new(4), address: named.to_owned() }],
        );
        core.on_disconnected(ms(0), reason.unwrap_err());
    }
    tried.extend((0..4).map(|_| core.next_attempt(ms(0)).map(|a| (a.address.port(), a.delay.as_millis())).unwrap()));
    assert_eq!(tried, [(1, 0), (77, 50), (2, 100), (1, 200), (2, 400), (1, 500), (2, 500)]);
    assert!(events(&mut core).is_empty(), "an attempt that fails is not a lost session");
}

#[test]
fn numbers_go_on_after_what_an_earlier_run_used() {
    let mut core = ClientCore::new(config()).unwrap();
    log_on(&mut core, 0, 41, &[], 0);
    assert_eq!(core.submit(ms(1), buy()).raw(), 42);
    core.on_disconnected(ms(2), Disconnect::Closed);
    log_on(&mut core, 3, 41, &[], 0);
    assert_eq!(core.submit(ms(4), buy()).raw(), 43);
    assert_eq!(numbers(&said(&mut core)), [42, 43]);
}

#[test]
fn a_refused_request_is_not_sent_again_unless_the_node_stopped_leading() {
    let mut core = live();
    core.submit(ms(1), buy());
    core.submit(ms(1), buy());
    said(&mut core);
    let refused = |request, reason| ServerMessage::RequestRefused {
        request: RequestNumber::new(request),
        reason,
        field: RefusedField::None,
        value: 0,
        limit: 0,
    };
    hear(&mut core, 2, &[refused(1, GatewayReject::TooManyInFlight), refused(2, GatewayReject::NotPrimary)]).unwrap();
    assert!(matches!(events(&mut core)[..], [ClientEvent::RequestRefused { .. }]));
    core.on_disconnected(ms(3), Disconnect::Closed);
    log_on(&mut core, 4, 0, &[], 0);
    assert_eq!(numbers(&said(&mut core)), [2]);
}

#[test]
fn a_silent_node_is_left_and_a_silent_client_says_that_it_is_there() {
    let mut core = live();
    core.on_time(ms(999)).unwrap();
    assert!(said(&mut core).is_empty());
    core.on_time(ms(1_000)).unwrap();
    assert_eq!(said(&mut core), [ClientMessage::Heartbeat]);
    hear(&mut core, 2_000, &[ServerMessage::Heartbeat]).unwrap();
    core.on_time(ms(5_000)).unwrap();
    assert_eq!(core.on_time(ms(5_001)), Err(Disconnect::Silent(Duration::from_millis(3_001))));
}

#[test]
fn a_logon_that_nobody_answers_is_given_up() {
    let mut core = ClientCore::new(config()).unwrap();
    core.on_connected(ms(0), address(1));
    core.on_time(ms(5_000)).unwrap();
    assert!(matches!(core.on_time(ms(5_001)), Err(Disconnect::Silent(_))));
}

#[test]
fn some_logouts_are_final_and_some_are_a_reason_to_come_back() {
    for (reason, is_final) in [
        (LogoutReason::TakenOver, true),
        (LogoutReason::BadSignature, true),
        (LogoutReason::ReplayFromFuture, true),
        (LogoutReason::NodeStopping, false),
        (LogoutReason::SlowConsumer, false),
        (LogoutReason::NoLongerPrimary, false),
    ] {
        let mut core = live();
        let message =
            ServerMessage::Logout { reason, resume_after: SessionSequence::new(0), detail: "limit 7".to_owned() };
        let disconnect = hear(&mut core, 1, &[message]).unwrap_err();
        core.on_disconnected(ms(1), disconnect);
        let next = core.next_attempt(ms(2));
        assert_eq!(next.is_err(), is_final, "{reason}");
        if let Err(error) = next {
            assert!(error.to_string().contains("limit 7"), "{error}");
        }
    }
}

#[test]
fn a_client_that_may_not_wait_longer_says_why_the_last_attempt_failed() {
    let after = Duration::from_secs(2);
    let mut core = ClientCore::new(CoreConfig { give_up_after: Some(after), ..config() }).unwrap();
    core.next_attempt(ms(0)).unwrap();
    core.on_disconnected(ms(1_999), Disconnect::ConnectFailed("refused".to_owned()));
    core.next_attempt(ms(1_999)).unwrap();
    core.on_disconnected(ms(2_000), Disconnect::ConnectFailed("refused".to_owned()));
    let last = "connecting failed: refused".to_owned();
    assert_eq!(core.next_attempt(ms(2_000)), Err(ClientError::GaveUp { after, last }));
}

#[test]
fn bytes_that_are_not_the_protocol_end_the_connection_not_the_client() {
    let mut core = live();
    let reason = core.on_bytes(ms(1), b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap_err();
    assert!(matches!(reason, Disconnect::Protocol(_)));
    core.on_disconnected(ms(1), reason);
    core.next_attempt(ms(1)).unwrap();
    let mut core = live();
    assert!(matches!(hear(&mut core, 1, &[challenge()]), Err(Disconnect::Protocol(_))), "one challenge a connection");
}

#[test]
fn wrong_settings_are_refused_by_name() {
    let refused = |config| ClientCore::new(config).err().map(|error| error.to_string());
    let error = refused(CoreConfig { in_flight_max: 1_025, ..config() });
    assert_eq!(error.as_deref(), Some("in_flight_max is 1025, allowed: 1 to 1024"));
    assert!(refused(CoreConfig { heartbeat_ms: 0, ..config() }).is_some());
    assert_eq!(ClientCore::new(CoreConfig { addresses: vec![], ..config() }).err(), Some(ClientError::NoAddress));
}
