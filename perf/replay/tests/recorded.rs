//! The recorded order flow straight into an engine: the figures that a correct price-time engine reaches.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Desk, MARKET, recorded};
use tidegate_replay::lobster::{LobsterFlow, LobsterOptions};
use tidegate_replay::moex::MoexFlow;
use tidegate_replay::{Flow, Timing};

#[test]
fn every_deal_cancel_and_killed_remainder_of_the_order_log_comes_out_as_on_the_exchange() {
    let Some(file) = recorded("moex_sngr_20181005/ordlog.csv.xz") else { return };
    for lag in [0, 1_000] {
        let mut flow = MoexFlow::open(&file, MARKET).unwrap();
        let sent = Desk::new().run(&mut flow, lag).unwrap();
        assert_eq!((flow.waiting(), flow.steps_done()), (0, flow.steps_total()));
        let report = flow.into_report(&Timing { orders_sent: sent, ..Timing::default() });
        println!("{report:?}");
        assert_eq!(report.first_difference, None);
        assert_eq!((report.matching_transactions, report.matching_transactions_equal), (247, 247));
        assert_eq!((report.deals, report.deals_equal), (275, 275));
        assert_eq!((report.cancels, report.cancels_equal), (23_600, 23_600));
        assert_eq!((report.ioc_remainders, report.ioc_remainders_equal), (91, 91));
        assert_eq!((report.snapshot_orders, report.session_cleared), (134, 173));
        assert!(report.all_equal());
    }
}

#[test]
fn the_best_bid_and_ask_are_those_of_the_file_but_for_what_leaves_its_window_unseen() {
    let folder = "lobster_20120621";
    let Some(messages) = recorded(&format!("{folder}/AAPL_message_50.csv.xz")) else { return };
    let Some(seed_book) = recorded(&format!("{folder}/AAPL_orderbook_50_first672.csv.xz")) else { return };
    let Some(check_l1) = recorded(&format!("{folder}/AAPL_orderbook_L1.csv.xz")) else { return };
    for (check_l1, rows, equal) in [(check_l1, 91_997, 91_907), (seed_book.clone(), 672, 672)] {
        let options =
            LobsterOptions { messages: messages.clone(), seed_book: seed_book.clone(), check_l1: Some(check_l1) };
        let mut flow = LobsterFlow::open(&options, MARKET).unwrap();
        let sent = Desk::new().run(&mut flow, 1_000).unwrap();
        let report = flow.into_report(&Timing { orders_sent: sent, ..Timing::default() });
        println!("{report:?}");
        assert_eq!((report.messages, report.trades), (91_997, 4_043));
        assert_eq!((report.l1_rows, report.l1_equal), (rows, equal));
        assert_eq!((report.seed_orders, report.late_orders, report.hidden_skipped), (34 + 63, 46, 2_201));
        assert_eq!((report.rejects, report.ignored_messages), (0, 0));
    }
}
