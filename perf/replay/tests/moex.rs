//! Order logs made here: what is sent for them, what counts as equal, and what is refused.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Desk, MARKET, TestFile};
use tidegate_domain::{CancelFilter, Liquidity, OrderTarget, Price, Qty, RequestNumber, Side, TimeInForce};
use tidegate_replay::moex::{MoexFlow, MoexReport};
use tidegate_replay::{Flow, ReplayError, Timing};
use tidegate_wire::{OrderAction, Report, ReportBody};

const HEADER: &str =
    "time_msk,order_id,flags_hex,flags,price_ticks,amount,amount_rest,deal_id,deal_price_ticks,open_interest\n";

/// A snapshot with a part-filled order, a deal at its price, a killed remainder, a move, a group cancel, a new session.
const LOG: &str = "\
t,11,0,NewSess|Add|Sell|Snap|Quote|TxEnd,105,10,10,,,
t,12,0,Add|Buy|Snap|Quote|TxEnd,100,9,9,,,
t,11,0,Fill|Sell|Snap|Quote|TxEnd,105,4,6,,,
t,21,0,Add|Buy|Quote,106,8,8,,,
t,21,0,Fill|Buy|Quote,106,6,2,900,105,1
t,11,0,Fill|Sell|Quote|TxEnd,105,6,0,900,105,1
t,22,0,Add|Sell|Counter,99,15,15,,,
t,22,0,Fill|Sell|Counter,99,2,13,901,106,1
t,21,0,Fill|Buy|Quote,106,2,0,901,106,1
t,22,0,Fill|Sell|Counter,99,9,4,902,100,1
t,12,0,Fill|Buy|Quote,100,9,0,902,100,1
t,22,0,Sell|Counter|TxEnd,99,4,0,,,
t,23,0,Add|Buy|Quote|TxEnd,90,3,3,,,
t,24,0,Add|Buy|Quote|TxEnd,91,5,5,,,
t,23,0,Buy|Quote|Moved,90,3,0,,,
t,25,0,Add|Buy|Quote|TxEnd|Moved,92,3,3,,,
t,24,0,Buy|Quote|CancGrp,91,5,0,,,
t,25,0,Buy|Quote|TxEnd|CancGrp,92,3,0,,,
t,26,0,Add|Sell|Quote|TxEnd,120,7,7,,,
t,27,0,NewSess|Add|Sell|Quote|TxEnd,130,1,1,,,
";

fn open(rows: &str) -> Result<MoexFlow, ReplayError> {
    let file = TestFile::new(&[("log.csv", format!("{HEADER}{rows}").as_bytes())]);
    MoexFlow::open(&file.path("log.csv"), MARKET)
}

fn replayed(rows: &str, lag: usize, change: impl FnMut(&mut Report)) -> MoexReport {
    let mut flow = open(rows).unwrap();
    let orders_sent = Desk::new().run_changed(&mut flow, lag, change).unwrap();
    assert_eq!(flow.waiting(), 0);
    flow.into_report(&Timing { orders_sent, ..Timing::default() })
}

fn refusal(rows: &str) -> String {
    open(rows).unwrap_err().to_string()
}

#[test]
fn a_log_that_the_engine_agrees_with_is_equal_in_every_figure() {
    for lag in [0, 3, 100] {
        let report = replayed(LOG, lag, |_| {});
        assert_eq!(report.first_difference, None, "lag {lag}");
        assert_eq!((report.matching_transactions, report.matching_transactions_equal), (2, 2));
        assert_eq!((report.deals, report.deals_equal), (3, 3));
        assert_eq!((report.cancels, report.cancels_equal), (3, 3));
        assert_eq!((report.ioc_remainders, report.ioc_remainders_equal), (1, 1));
        assert_eq!((report.snapshot_orders, report.session_cleared, report.orders_sent), (2, 1, 14));
        assert!(report.all_equal());
    }
}

#[test]
fn requests_name_earlier_orders_by_the_request_that_created_them() {
    let rows = "t,7,0,Add|Buy|Snap|Quote|TxEnd,100,9,9,,,\nt,7,0,Fill|Buy|Snap|Quote|TxEnd,100,4,5,,,\n\
                t,8,0,Add|Sell|Counter|TxEnd,100,5,5,,,\nt,7,0,Buy|Quote|TxEnd|Canceled,100,5,0,,,\n\
                t,9,0,NewSess|Add|Sell|Quote|TxEnd,130,1,1,,,\n";
    let mut flow = open(rows).unwrap();
    let mut actions = Vec::new();
    while let Some(action) = flow.next_action() {
        actions.push(action);
        // Numbers may have gaps.
        flow.on_sent(RequestNumber::new(50 + 10 * actions.len() as u64));
    }
    let new = |side, time_in_force, price, lots| {
        OrderAction::limit(MARKET, side, time_in_force, Price::from_ticks(price), Qty::from_lots(lots))
    };
    let target = OrderTarget::Request(RequestNumber::new(60));
    let expected = [
        new(Side::Buy, TimeInForce::Gtc, 100, 9),
        OrderAction::Reduce { target, by: Qty::from_lots(4) },
        new(Side::Sell, TimeInForce::Ioc, 100, 5),
        OrderAction::Cancel { target },
        OrderAction::CancelAll(CancelFilter::in_market(Some(MARKET))),
        new(Side::Sell, TimeInForce::Gtc, 130, 1),
    ];
    assert_eq!(actions, expected);
    assert_eq!(flow.waiting(), 6);
}

#[test]
fn a_report_of_another_price_quantity_or_rest_lowers_deals_and_transactions() {
    let wrong: [fn(&mut Report); 5] = [
        |report| both_sides(report, |fill| fill.price = Price::from_ticks(104)),
        |report| both_sides(report, |fill| fill.qty = Qty::from_lots(5)),
        |report| one_side(report, Liquidity::Maker, |fill| fill.leaves = Qty::from_lots(1)),
        |report| one_side(report, Liquidity::Taker, |fill| fill.leaves = Qty::from_lots(1)),
        // Only one side's report is wrong: the two sides of a deal disagree.
        |report| one_side(report, Liquidity::Maker, |fill| fill.qty = Qty::from_lots(5)),
    ];
    for change in wrong {
        let report = replayed(LOG, 5, change);
        assert_eq!((report.deals, report.deals_equal), (3, 2));
        assert_eq!((report.matching_transactions, report.matching_transactions_equal), (2, 1));
        assert_eq!((report.cancels_equal, report.ioc_remainders_equal), (3, 1));
        assert!(!report.all_equal());
        assert!(report.first_difference.unwrap().starts_with("line 5: "));
    }
}

/// Changes the fills of the first deal, which is the one at 105.
fn both_sides(report: &mut Report, change: impl Fn(&mut tidegate_wire::FillReport)) {
    if let ReportBody::Fill(fill) = &mut report.body
        && fill.price == Price::from_ticks(105)
    {
        change(fill);
    }
}

fn one_side(report: &mut Report, side: Liquidity, change: impl Fn(&mut tidegate_wire::FillReport)) {
    both_sides(report, |fill| {
        if fill.liquidity == side {
            change(fill);
        }
    });
}

#[test]
fn a_cancel_of_another_quantity_lowers_cancels_only() {
    let report = replayed(LOG, 5, |report| {
        if let ReportBody::OrderCancelled { cancelled, .. } = &mut report.body
            && *cancelled == Qty::from_lots(5)
        {
            *cancelled = Qty::from_lots(4);
        }
    });
    assert_eq!((report.cancels, report.cancels_equal, report.deals_equal), (3, 2, 3));
    assert_eq!(report.first_difference.unwrap(), "line 18: cancel of order 24 with 5 left took 4 off order 24");
}

#[test]
fn a_cancel_that_the_engine_refuses_is_counted_and_not_equal() {
    let rows = "t,7,0,Add|Buy|Quote|TxEnd,100,9,9,,,\nt,7,0,Buy|Quote|TxEnd|Canceled,100,9,0,,,\n\
                t,7,0,Buy|Quote|TxEnd|Canceled,100,9,0,,,\n";
    let report = replayed(rows, 0, |_| {});
    assert_eq!((report.cancels, report.cancels_equal), (2, 1));
    assert!(report.first_difference.unwrap().contains("OrderNotOpen"));
}

#[test]
fn another_remainder_and_one_too_many_are_not_equal() {
    let other = LOG.replace("t,22,0,Sell|Counter|TxEnd,99,4,0", "t,22,0,Sell|Counter|TxEnd,99,3,0");
    let report = replayed(&other, 5, |_| {});
    assert_eq!((report.ioc_remainders, report.ioc_remainders_equal), (2, 0));
    let unexpected = replayed("t,1,0,Add|Buy|Counter|TxEnd,5,5,5,,,\n", 0, |_| {});
    assert_eq!((unexpected.ioc_remainders, unexpected.ioc_remainders_equal), (1, 0));
    let difference = unexpected.first_difference.unwrap();
    assert!(difference.ends_with("the engine has a killed remainder of 5 of order 1"), "{difference}");
}

#[test]
fn a_deal_that_only_one_of_the_two_has_is_counted_and_not_equal() {
    let engine_only = "t,1,0,Add|Buy|Quote|TxEnd,5,5,5,,,\nt,2,0,Add|Sell|Quote|TxEnd,5,5,5,,,\n";
    let exchange_only = "t,1,0,Add|Buy|Quote|TxEnd,5,5,5,,,\nt,2,0,Add|Sell|Quote,6,5,5,,,\n\
                         t,2,0,Fill|Sell|Quote,6,5,0,1,5,\nt,1,0,Fill|Buy|Quote|TxEnd,5,5,0,1,5,\n";
    for rows in [engine_only, exchange_only] {
        let report = replayed(rows, 0, |_| {});
        assert_eq!((report.deals, report.deals_equal), (1, 0));
        assert_eq!((report.matching_transactions, report.matching_transactions_equal), (1, 0));
    }
}

#[test]
fn a_rejected_order_and_a_wrong_count_of_cleared_orders_are_differences() {
    let too_large = replayed("t,1,0,Add|Buy|Quote|TxEnd,5,2000000000,5,,,\n", 0, |_| {});
    assert!(!too_large.all_equal());
    assert!(too_large.first_difference.unwrap().contains("QtyTooLarge"));
    let cleared = replayed(LOG, 0, |report| {
        if let ReportBody::CancelAllDone { cancelled } = &mut report.body {
            *cancelled = 2;
        }
    });
    assert!(!cleared.all_equal());
    assert!(cleared.first_difference.unwrap().contains("clears 1 orders; the engine cleared 2"));
}

#[test]
fn a_report_that_answers_nothing_that_was_asked_ends_the_replay() {
    let mut flow = open(LOG).unwrap();
    let error = Desk::new().run_changed(&mut flow, 0, |report| report.request = RequestNumber::new(99)).unwrap_err();
    assert!(matches!(error, ReplayError::OutOfStep { .. }), "{error}");
    assert!(error.to_string().contains("answers request 99 where request 1 was due"), "{error}");
}

#[test]
fn wrong_input_is_refused_with_line_column_value_and_what_is_expected() {
    let cases = [
        ("t,x,0,Add|Buy|Quote|TxEnd,5,5,5,,,\n", "line 2: order_id is `x`, expected a whole number from 1 to"),
        ("t,1,0,Add|Buy|Quote|TxEnd,0,5,5,,,\n", "line 2: price_ticks is `0`, expected a whole number from 1 to"),
        ("t,1,0,Add|Buy|Quote|TxEnd,5,-5,5,,,\n", "line 2: amount is `-5`, expected a whole number from 1 to"),
        ("t,1,0,Add|Buy|Quote|TxEnd,5,99999999999999999999,5,,,\n", "amount is `99999999999999999999`"),
        ("t,1,0,Add|Buy|Sell|Quote|TxEnd,5,5,5,,,\n", "expected exactly one of Buy and Sell"),
        ("t,1,0,Add|Buy|Quote|TxEnd|FillOrKill,5,5,5,,,\n", "flags is `FillOrKill`, expected flags out of NewSess|Add"),
        ("t,1,0,Add|Buy|TxEnd,5,5,5,,,\n", "expected Add with one of Quote and Counter"),
        (
            "t,1,0,Add|Buy|Quote|TxEnd,5,5,5,,\n",
            "line 2: the row is `t,1,0,Add|Buy|Quote|TxEnd,5,5,5,,`, expected 10 columns",
        ),
        ("t,1,0,Add|Buy|Quote,5,5,5,,,\n", "line 2: flags is `no TxEnd`"),
        ("", "expected rows"),
        (
            "t,1,0,Buy|Quote|TxEnd|Canceled,5,5,0,,,\n",
            "line 2: order_id is `1`, expected the number of an order that the file added",
        ),
        (
            "t,1,0,Add|Buy|Quote|TxEnd,5,5,5,,,\nt,1,0,Add|Buy|Quote|TxEnd,5,5,5,,,\n",
            "line 3: order_id is `1`, expected a new order",
        ),
        (
            "t,1,0,Add|Buy|Quote,5,5,5,,,\nt,1,0,Fill|Buy|Quote|TxEnd,5,5,0,44,5,\n",
            "line 3: deal_id is `44`, expected a second side",
        ),
        ("t,1,0,Add|Buy|Snap|Quote|TxEnd,5,5,5,,,\nt,1,0,Fill|Buy|Snap|TxEnd,5,0,5,,,\n", "amount is `0`"),
        (
            "t,1,0,Add|Buy|Snap|Quote|TxEnd,5,5,5,,,\nt,1,0,Fill|Buy|Snap|TxEnd,5,1,5,,,\n",
            "amount_rest is `5`, expected less than",
        ),
    ];
    for (rows, expected) in cases {
        let refusal = refusal(rows);
        assert!(refusal.contains(expected), "{rows}{refusal}");
        assert!(refusal.contains("log.csv"), "{refusal}");
    }
    let sides = "t,1,0,Add|Buy|Quote,5,5,5,,,\nt,2,0,Add|Sell|Quote,5,5,5,,,\nt,1,0,Fill|Buy|Quote,5,5,0,44,5,\n";
    let other_price = format!("{sides}t,2,0,Fill|Sell|Quote|TxEnd,5,5,0,44,6,\n");
    assert!(refusal(&other_price).contains("line 5: deal_price_ticks is `6`"));
    let other_amount = format!("{sides}t,2,0,Fill|Sell|Quote|TxEnd,5,4,0,44,5,\n");
    assert!(refusal(&other_amount).contains("line 5: amount is `4`"));
}

#[test]
fn a_file_that_is_absent_packed_wrongly_or_something_else_is_refused_by_name() {
    let xz_of_nothing = [0xFD, b'7', b'z', b'X', b'Z', 0, 1, 2, 3, 4, 5, 6];
    let long = [b'x'; 70_000];
    let files = TestFile::new(&[
        ("cut.csv.xz", &xz_of_nothing),
        ("binary.csv", &[0x1F, 0x8B, 8, 0, 0xFF, 0xFE]),
        ("long.csv", &long),
        ("empty.csv", b""),
        ("other.csv", b"a,b,c\n"),
        ("swapped.csv", HEADER.replace("flags_hex,flags", "flags,flags_hex").as_bytes()),
    ]);
    let cases = [
        ("absent.csv", "cannot read"),
        ("cut.csv.xz", "packed with xz"),
        ("binary.csv", "line 1 is not text"),
        ("long.csv", "line 1 is longer than 65536 bytes"),
        ("empty.csv", "expected the header time_msk,"),
        ("other.csv", "the row is `a,b,c`, expected 10 columns"),
        ("swapped.csv", "column 3 is `flags`, expected `flags_hex`"),
    ];
    for (file, expected) in cases {
        let error = MoexFlow::open(&files.path(file), MARKET).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(file), "{file}: {error}");
    }
}

#[test]
fn a_packed_file_is_the_same_as_a_plain_one() {
    use std::io::Write as _;
    let mut packed = liblzma::write::XzEncoder::new(Vec::new(), 1);
    packed.write_all(format!("{HEADER}{LOG}").replace('\n', "\r\n").as_bytes()).unwrap();
    let files = TestFile::new(&[("log.bin", &packed.finish().unwrap())]);
    let mut flow = MoexFlow::open(&files.path("log.bin"), MARKET).unwrap();
    Desk::new().run(&mut flow, 2).unwrap();
    assert!(flow.into_report(&Timing::default()).all_equal());
}

#[test]
fn the_report_begins_with_the_figures_under_their_published_names() {
    let json = serde_json::to_string(&replayed(LOG, 0, |_| {})).unwrap();
    let head = "{\"matching_transactions\":2,\"matching_transactions_equal\":2,\"deals\":3,\"deals_equal\":3,\
                \"cancels\":3,\"cancels_equal\":3,\"ioc_remainders\":1,\"ioc_remainders_equal\":1,\"orders_sent\":14,";
    assert!(json.starts_with(head), "{json}");
}
