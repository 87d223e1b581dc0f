//! Throttles: a breach is a refusal, cancels are free, and what is left is told.

use tidegate_wire::GatewayReject;

use super::*;

fn limited(key: RateLimit, address: RateLimit) -> Rig {
    let mut directory = Directory::default();
    let header = EventHeader { account: ACCOUNT, ..EventHeader::default() };
    let (name, roles) = (Name::new("k").unwrap(), Roles::TRADE);
    directory.on_event(&header, &Event::KeyCreated { key: KEY, name, public_key: [1; 32], roles });
    let mut rig = Rig::with_terms(directory, |terms| {
        terms.in_flight_max = 1_024;
        terms.throttles = Arc::new(Throttles::new(key, address));
    });
    rig.log_on(0);
    rig.opened(0);
    rig.submitted.clear();
    rig
}

fn refusals(messages: &[ServerMessage]) -> Vec<(u64, GatewayReject, u64, u64)> {
    let refusal = |message: &ServerMessage| match message {
        ServerMessage::RequestRefused { request, reason, value, limit, .. } => {
            Some((request.raw(), *reason, *value, *limit))
        }
        _ => None,
    };
    messages.iter().filter_map(refusal).collect()
}

fn cancel_all(request: u64) -> ClientMessage {
    let action = OrderAction::CancelAll(tidegate_domain::CancelFilter::default());
    ClientMessage::Order(OrderRequest { request: RequestNumber::new(request), action })
}

const SIXTEEN: RateLimit = RateLimit { per_second: 10, burst: 16 };

#[test]
fn the_logon_says_what_the_limit_is() {
    let mut rig = limited(SIXTEEN, RateLimit::default());
    let said = rig.written().into_iter().find_map(|message| match message {
        ServerMessage::LogonAccepted { tokens_per_s, tokens_max, .. } => Some((tokens_per_s, tokens_max)),
        _ => None,
    });
    assert_eq!(said, Some((10, 16)));
}

#[test]
fn requests_beyond_the_tokens_are_refused_and_cancels_are_not() {
    let mut rig = limited(SIXTEEN, RateLimit::default());
    rig.written();
    for request in 1..=18 {
        rig.message(&order(request));
    }
    rig.message(&cancel_all(19));
    assert_eq!(rig.submitted.len(), 17, "16 orders and the cancel");
    let tenth = 100_000_000;
    assert_eq!(
        refusals(&rig.written()),
        [(17, GatewayReject::ThrottledKey, tenth, 10), (18, GatewayReject::ThrottledKey, tenth, 10)]
    );
    assert!(!rig.core.is_closed(), "a breach is never the end of a session");
    rig.now_ms = 100;
    rig.message(&order(20));
    assert_eq!(rig.submitted.len(), 18);
    assert_eq!(rig.stats.throttled_total.load(std::sync::atomic::Ordering::Relaxed), 2);
}

#[test]
fn a_refusal_by_the_address_gives_the_tokens_of_the_key_back() {
    let mut rig = limited(RateLimit { per_second: 10, burst: 20 }, SIXTEEN);
    rig.written();
    for request in 1..=30 {
        rig.message(&order(request));
    }
    assert_eq!(rig.submitted.len(), 16);
    assert!(refusals(&rig.written()).iter().all(|(_, reason, ..)| *reason == GatewayReject::ThrottledAddress));
    rig.report(1, 1);
    match rig.written()[..] {
        [ServerMessage::Report(report)] => assert_eq!(report.stamps.tokens, 4, "20 less the 16 that were taken"),
        ref other => panic!("{other:?}"),
    }
}

#[test]
fn whoever_does_not_read_is_not_read_either_though_its_requests_take_no_place() {
    let mut rig = limited(SIXTEEN, RateLimit::default());
    rig.written();
    let frame = encoded(&ClientMessage::TestRequest { id: 1 });
    let many: Vec<u8> = frame.iter().copied().cycle().take(frame.len() * 50_000).collect();
    rig.bytes(&many);
    for _ in 0..5_000 {
        rig.with(|_, _| {});
    }
    assert!(rig.core.output.len() < OUTPUT_SOFT_MAX_BYTES + FRAME_LEN_MAX_BYTES, "{}", rig.core.output.len());
    assert_eq!(rig.core.read_max(), 0);
    let mut replies = rig.written().len();
    while replies < 50_000 {
        let more = rig.written().len();
        rig.with(|_, _| {});
        replies += more;
    }
    assert_eq!(replies, 50_000, "what was read is answered when there is room");
    assert!(rig.core.read_max() > 0);
}

#[test]
fn one_round_decodes_so_many_frames_and_the_rest_waits_for_the_next() {
    let mut rig = limited(RateLimit::default(), RateLimit::default());
    let orders: Vec<u8> = (1..=200).flat_map(|request| encoded(&order(request))).collect();
    rig.core.on_bytes(&orders, Nanos::default());
    let mut rounds = 0;
    while rig.submitted.len() < 200 {
        let before = rig.submitted.len();
        rig.with(|_, _| {});
        rounds += 1;
        assert!(rig.submitted.len() - before <= FRAMES_PER_TURN as usize);
        assert_eq!(rig.core.wants_a_turn(), rig.submitted.len() < 200);
    }
    assert_eq!(rounds, 200_usize.div_ceil(FRAMES_PER_TURN as usize));
}

#[test]
fn a_query_of_all_orders_waits_for_the_answer_to_the_one_before() {
    let mut rig = limited(RateLimit::default(), RateLimit::default());
    rig.written();
    let query = |number| {
        let action = OrderAction::QueryOrders { market: None };
        ClientMessage::Order(OrderRequest { request: RequestNumber::new(number), action })
    };
    rig.message(&query(1));
    rig.message(&query(2));
    rig.message(&order(3));
    assert_eq!(rig.submitted.len(), 2);
    assert_eq!(refusals(&rig.written()), [(2, GatewayReject::TooManyInFlight, 1, 1)]);
    let done = Report::from_event(&header(1, 1), &Event::QueryDone { count: 0 }).unwrap();
    rig.with(|core, view| core.on_report(done, view.now));
    rig.message(&query(4));
    assert_eq!(rig.submitted.len(), 3);
}
