//! Message files made here: the opening book, the mapping, the comparison, and what is refused.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Desk, MARKET, TestFile};
use tidegate_domain::{NewOrder, OrderTarget, Price, Qty, RequestNumber, Side, TimeInForce};
use tidegate_replay::lobster::{LobsterFlow, LobsterOptions, LobsterReport};
use tidegate_replay::{Flow, ReplayError, Timing};
use tidegate_wire::{OrderAction, Report, ReportBody};

/// Order 40 was there before, 41 too but deeper than the first row shows, 105 enters between 103 and 107.
const MESSAGES: &str = "\
1.5,1,100,10,990000,1
2,1,103,5,1010000,-1
3,2,40,2,1010000,-1
4,4,40,4,1010000,-1
5,4,103,1,1010000,-1
6,1,107,8,980000,1
7,3,105,3,1020000,-1
8,5,0,50,1000050,1
9,3,41,6,970000,1
10,4,100,10,990000,1
";
/// After message 0: bid 99 with message 0's 10 and 1 more, ask 101 with order 40's 6 and 2 more.
const SEED: &str = "1010000,8,990000,11,9999999999,0,-9999999999,0\n";
const L1: &str = "\
1010000,8,990000,11
1010000,13,990000,11
1010000,11,990000,11
1010000,7,990000,11
1010000,6,990000,11
1010000,6,990000,11
1010000,6,990000,11
1010000,6,990000,11
1010000,6,990000,11
1010000,6,990000,1
";

fn open(messages: &str, seed: &str, l1: Option<&str>) -> Result<LobsterFlow, ReplayError> {
    let (messages, seed) = (("messages.csv", messages.as_bytes()), ("seed.csv", seed.as_bytes()));
    let files = TestFile::new(&[messages, seed, ("l1.csv", l1.unwrap_or_default().as_bytes())]);
    let options = LobsterOptions {
        messages: files.path("messages.csv"),
        seed_book: files.path("seed.csv"),
        check_l1: l1.map(|_| files.path("l1.csv")),
    };
    LobsterFlow::open(&options, MARKET)
}

fn replayed(messages: &str, l1: Option<&str>, lag: usize, change: impl FnMut(&mut Report)) -> LobsterReport {
    let mut flow = open(messages, SEED, l1).unwrap();
    let orders_sent = Desk::new().run_changed(&mut flow, lag, change).unwrap();
    assert_eq!((flow.waiting(), flow.steps_done()), (0, flow.steps_total()));
    flow.into_report(&Timing { orders_sent, ..Timing::default() })
}

fn refusal(messages: &str, seed: &str, l1: Option<&str>) -> String {
    open(messages, seed, l1).unwrap_err().to_string()
}

#[test]
fn the_book_made_of_reports_has_the_files_best_bid_and_ask_after_every_message() {
    for lag in [0, 4, 100] {
        let report = replayed(MESSAGES, Some(L1), lag, |_| {});
        assert_eq!((report.l1_rows, report.l1_equal), (10, 10), "lag {lag}: {:?}", report.first_difference);
        // One trade: order 40 is at the front; 103 and 100 stand behind the anonymous volume of their levels.
        assert_eq!((report.messages, report.trades, report.hidden_skipped), (10, 1, 1));
        assert_eq!((report.seed_orders, report.late_orders), (3, 2));
        assert_eq!((report.orders_sent, report.rejects, report.ignored_messages), (14, 0, 0));
    }
    let unchecked = replayed(MESSAGES, None, 3, |_| {});
    assert_eq!((unchecked.l1_rows, unchecked.l1_equal, unchecked.trades), (0, 0, 1));
}

#[test]
fn a_message_becomes_the_request_that_price_time_priority_would_answer_with_it() {
    let mut flow = open(MESSAGES, SEED, None).unwrap();
    let mut actions = Vec::new();
    while let Some(action) = flow.next_action() {
        actions.push(action);
        flow.on_sent(RequestNumber::new(actions.len() as u64));
    }
    let new = |side, time_in_force, cents, lots| {
        OrderAction::limit(MARKET, side, time_in_force, Price::from_ticks(cents), Qty::from_lots(lots))
    };
    let target = |request| OrderTarget::Request(RequestNumber::new(request));
    let gtc = TimeInForce::Gtc;
    let expected = [
        new(Side::Sell, gtc, 10_100, 6),
        new(Side::Buy, gtc, 9_900, 1),
        new(Side::Sell, gtc, 10_100, 2),
        new(Side::Buy, gtc, 9_900, 10),
        new(Side::Sell, gtc, 10_100, 5),
        OrderAction::Reduce { target: target(1), by: Qty::from_lots(2) },
        new(Side::Buy, TimeInForce::Ioc, 10_100, 4),
        OrderAction::Reduce { target: target(5), by: Qty::from_lots(1) },
        // Order 105 enters where its number belongs: before 107.
        new(Side::Sell, gtc, 10_200, 3),
        new(Side::Buy, gtc, 9_800, 8),
        OrderAction::Cancel { target: target(9) },
        // Order 41 enters just before its first message.
        new(Side::Buy, gtc, 9_700, 6),
        OrderAction::Cancel { target: target(12) },
        OrderAction::Reduce { target: target(4), by: Qty::from_lots(10) },
    ];
    assert_eq!(actions, expected);
}

#[test]
fn prices_stay_in_the_files_unit_where_one_of_the_book_is_no_whole_cent() {
    let messages = "1,1,100,10,990050,1\n";
    let seed = "1010000,8,990050,10\n";
    let report = {
        let mut flow = open(messages, seed, Some(seed)).unwrap();
        let Some(OrderAction::New(NewOrder { price, .. })) = flow.next_action() else { panic!("an order was due") };
        assert_eq!(price, Price::from_ticks(1_010_000));
        let mut flow = open(messages, seed, Some(seed)).unwrap();
        Desk::new().run(&mut flow, 0).unwrap();
        flow.into_report(&Timing::default())
    };
    assert_eq!((report.l1_rows, report.l1_equal), (1, 1));
}

#[test]
fn an_empty_side_equals_the_files_word_for_it() {
    let seed = "9999999999,0,990000,10\n";
    let mut flow = open("1,1,100,10,990000,1\n", seed, Some(seed)).unwrap();
    Desk::new().run(&mut flow, 0).unwrap();
    let report = flow.into_report(&Timing::default());
    assert_eq!((report.l1_rows, report.l1_equal, report.seed_orders), (1, 1, 0));
}

#[test]
fn a_wrong_row_is_one_row_less_and_named() {
    let wrong = L1.replacen("1010000,11,990000,11", "1010000,12,990000,11", 1);
    let report = replayed(MESSAGES, Some(&wrong), 6, |_| {});
    assert_eq!((report.l1_rows, report.l1_equal), (10, 9));
    let expected = "after message 2 (line 3): the file has bid 11 at 9900 and ask 12 at 10100; \
                    the engine has bid 11 at 9900 and ask 11 at 10100";
    assert_eq!(report.first_difference.unwrap(), expected);
}

#[test]
fn the_comparison_sees_reports_and_not_the_input() {
    let cancelled_less = replayed(MESSAGES, Some(L1), 6, |report| {
        if let ReportBody::OrderReduced { leaves, .. } = &mut report.body {
            *leaves = leaves.plus(Qty::from_lots(1));
        }
    });
    assert!(cancelled_less.l1_equal < 10);
    let no_trade = replayed(MESSAGES, Some(L1), 6, |report| {
        if matches!(report.body, ReportBody::Fill(_)) {
            report.body = ReportBody::CancelAllDone { cancelled: 0 };
            report.request = RequestNumber::new(7);
        }
    });
    assert_eq!(no_trade.trades, 0);
    assert!(no_trade.l1_equal < 10);
}

#[test]
fn a_reject_is_counted_and_named() {
    let messages = MESSAGES.replace("6,1,107,8,", "6,1,107,8000000000,");
    let report = replayed(&messages, Some(L1), 6, |_| {});
    assert_eq!(report.rejects, 1);
    let difference = report.first_difference.unwrap();
    assert!(difference.starts_with("message 5 (line 6): new_order was rejected: qty_too_large"), "{difference}");
}

#[test]
fn a_message_about_an_order_that_is_gone_asks_for_nothing() {
    let messages = format!("{MESSAGES}11,3,100,10,990000,1\n");
    let report = replayed(&messages, Some(L1), 6, |_| {});
    assert_eq!((report.ignored_messages, report.orders_sent, report.rejects), (1, 14, 0));
    // A book file may have fewer rows than there are messages.
    assert_eq!((report.messages, report.l1_rows, report.l1_equal), (11, 10, 10));
}

#[test]
fn wrong_input_is_refused_with_file_line_column_value_and_what_is_expected() {
    let cases = [
        ("", "expected rows of time,type"),
        ("1,1,100,10,990000\n", "line 1: the row is `1,1,100,10,990000`, expected 6 columns"),
        ("x,1,100,10,990000,1\n", "time is `x`, expected seconds after midnight"),
        ("1,7,100,10,990000,1\n", "type is `7`, expected 1 new"),
        ("1,1,0,10,990000,1\n", "order id is `0`, expected a whole number from 1 to"),
        ("1,1,100,0,990000,1\n", "size is `0`"),
        ("1,1,100,10,-1,1\n", "price is `-1`"),
        ("1,1,100,10,9999999999,1\n", "price is `9999999999`"),
        ("1,1,100,10,990000,2\n", "direction is `2`, expected 1 (buy) or -1 (sell)"),
        ("1,1,100,10,990000,1\n1,1,100,10,990000,1\n", "line 2: order id is `100`, expected a new order"),
    ];
    for (messages, expected) in cases {
        let refusal = refusal(messages, SEED, None);
        assert!(refusal.contains(expected) && refusal.contains("messages.csv"), "{refusal}");
    }
    for (seed, expected) in [
        ("", "expected an order book"),
        ("1,2,3\n", "line 1: the row is `3 columns`, expected levels of ask price"),
        ("1010000,x,990000,11\n", "line 1: ask size is `x`"),
        ("1010000,1,990000000000,11\n", "line 1: bid price is `990000000000`"),
    ] {
        let refusal = refusal(MESSAGES, seed, None);
        assert!(refusal.contains(expected) && refusal.contains("seed.csv"), "{refusal}");
    }
    let too_many = refusal(MESSAGES, SEED, Some(&format!("{L1}1,1,1,1\n")));
    assert!(too_many.contains("l1.csv, line 11") && too_many.contains("there are 10 messages"), "{too_many}");
}

#[test]
fn the_report_has_its_published_names() {
    let json = serde_json::to_value(replayed(MESSAGES, Some(L1), 0, |_| {})).unwrap();
    for name in ["messages", "trades", "l1_rows", "l1_equal", "orders_per_second", "ack_latency_us"] {
        assert!(json.get(name).is_some(), "{name}");
    }
}
