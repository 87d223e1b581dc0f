//! A replay over a real client and a real socket; behind it an engine, and a gateway just large enough.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use common::{Desk, KEY, MARKET, TestFile, recorded};
use tidegate_client::{Client, ClientConfig, ClientSecret};
use tidegate_domain::{
    CancelFilter, ClusterId, Epoch, NodeId, Price, Qty, RequestNumber, SessionId, SessionSequence, Side, TimeInForce,
};
use tidegate_replay::{Progress, ReplayError, lobster, moex};
use tidegate_wire::{
    ClientMessage, FrameReader, GatewayReject, OrderAction, OrderRequest, RefusedField, Report, ServerMessage,
    encode_server,
};

const HEADER: &str =
    "time_msk,order_id,flags_hex,flags,price_ticks,amount,amount_rest,deal_id,deal_price_ticks,open_interest\n";

/// What goes wrong on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    None,
    /// The first connection breaks after this many requests: they are executed, their reports not sent.
    BreaksAfter(usize),
    /// Every order is refused by the gateway itself.
    Refuses,
}

struct Gateway {
    desk: Desk,
    /// All that the key was ever told.
    reports: Vec<Report>,
    requests: usize,
    mark: RequestNumber,
    trouble: Trouble,
}

/// Serves until a client logs out or stays away.
fn gateway(trouble: Trouble, earlier: &[OrderAction]) -> (SocketAddr, JoinHandle<usize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut gateway =
        Gateway { desk: Desk::new(), reports: Vec::new(), requests: 0, mark: RequestNumber::new(0), trouble };
    for (at, action) in earlier.iter().enumerate() {
        gateway.mark = RequestNumber::new(at as u64 + 1);
        let order = OrderRequest { request: gateway.mark, action: action.clone() };
        gateway.reports.extend(gateway.desk.execute(&order));
    }
    let thread = std::thread::spawn(move || {
        while gateway.serve(listener.accept().unwrap().0) {}
        gateway.requests
    });
    (address, thread)
}

impl Gateway {
    /// One connection; whether another one must follow.
    fn serve(&mut self, mut stream: TcpStream) -> bool {
        let (cluster, node, epoch) = (ClusterId::new(1), NodeId::new(1), Epoch::new(1));
        say(&mut stream, &[ServerMessage::Challenge { nonce: [5; 32], cluster, node, epoch }]);
        let (mut reader, mut buffer) = (FrameReader::new(), vec![0; 65_536]);
        loop {
            let Ok(count) = stream.read(&mut buffer) else { return false };
            if count == 0 {
                return false;
            }
            let (mut input, mut answers) = (&buffer[..count], Vec::new());
            while let Some(frame) = reader.next_frame(&mut input).unwrap() {
                match frame.client_message().unwrap() {
                    ClientMessage::Logon(logon) => answers.extend(self.greet(logon.last_session_sequence)),
                    ClientMessage::Heartbeat | ClientMessage::TestRequest { .. } | ClientMessage::TestReply { .. } => {
                        answers.push(ServerMessage::Heartbeat)
                    }
                    ClientMessage::Logout => return false,
                    ClientMessage::Order(order) => answers.extend(self.execute(&order)),
                }
                if self.trouble == Trouble::BreaksAfter(self.requests) {
                    self.trouble = Trouble::None;
                    return true;
                }
            }
            say(&mut stream, &answers);
        }
    }

    fn greet(&self, after: SessionSequence) -> Vec<ServerMessage> {
        let report_mark = self.reports.last().map_or(SessionSequence::new(0), |report| report.session_sequence);
        let accepted = ServerMessage::LogonAccepted {
            session: SessionId::new(1),
            request_mark: self.mark,
            report_mark,
            epoch: Epoch::new(1),
            heartbeat_ms: 1_000,
            tokens_per_s: 0,
            tokens_max: 0,
        };
        let missed = self.reports.iter().filter(|report| report.session_sequence > after);
        let missed = missed.map(|report| ServerMessage::Report(*report));
        let done = ServerMessage::ReplayDone { report_mark };
        std::iter::once(accepted).chain(missed).chain([done]).collect()
    }

    fn execute(&mut self, order: &OrderRequest) -> Vec<ServerMessage> {
        if self.trouble == Trouble::Refuses {
            let (reason, field) = (GatewayReject::ALL[0], RefusedField::ALL[0]);
            return vec![ServerMessage::RequestRefused { request: order.request, reason, field, value: 3, limit: 2 }];
        }
        self.requests += 1;
        self.mark = self.mark.max(order.request);
        let reports = self.desk.execute(order);
        self.reports.extend(&reports);
        reports.into_iter().map(ServerMessage::Report).collect()
    }
}

fn say(stream: &mut TcpStream, messages: &[ServerMessage]) {
    let mut bytes = Vec::new();
    messages.iter().for_each(|message| encode_server(message, &mut bytes));
    // A client that has left is seen at the next read.
    let _ = stream.write_all(&bytes);
}

async fn connect(address: SocketAddr) -> Client {
    Client::connect(ClientConfig::new(vec![address], KEY, ClientSecret::from_bytes(&[9; 32]))).await.unwrap()
}

/// `count` times: an order rests, another takes it, a third is cancelled.
fn log(count: u64) -> TestFile {
    let mut text = HEADER.to_owned();
    for n in 0..count {
        let (rests, takes, goes, deal) = (3 * n + 1, 3 * n + 2, 3 * n + 3, n + 1);
        text += &format!(
            "t,{rests},0,Add|Sell|Quote|TxEnd,105,2,2,,,\n\
             t,{takes},0,Add|Buy|Counter,106,5,5,,,\n\
             t,{takes},0,Fill|Buy|Counter,106,2,3,{deal},105,1\n\
             t,{rests},0,Fill|Sell|Quote,105,2,0,{deal},105,1\n\
             t,{takes},0,Buy|Counter|TxEnd,106,3,0,,,\n\
             t,{goes},0,Add|Buy|Quote|TxEnd,90,4,4,,,\n\
             t,{goes},0,Buy|Quote|TxEnd|Canceled,90,4,0,,,\n"
        );
    }
    TestFile::new(&[("log.csv", text.as_bytes())])
}

async fn moex_through(trouble: Trouble, earlier: &[OrderAction], file: &Path) -> Result<moex::MoexReport, ReplayError> {
    let (address, _gateway) = gateway(trouble, earlier);
    let mut client = connect(address).await;
    moex::replay(&mut client, MARKET, file, &Progress::hidden()).await
}

#[tokio::test]
async fn a_log_of_more_requests_than_may_be_in_flight_comes_out_equal_and_timed() {
    let file = log(1_000);
    let report = moex_through(Trouble::None, &[], &file.path("log.csv")).await.unwrap();
    assert_eq!(report.first_difference, None);
    assert_eq!((report.deals_equal, report.cancels_equal, report.ioc_remainders_equal), (1_000, 1_000, 1_000));
    assert_eq!(report.orders_sent, 4_000);
    assert!(report.seconds > 0.0 && report.orders_per_second > 0.0);
    let latency = report.ack_latency_us;
    assert!(0 < latency.p50 && latency.p50 <= latency.p99 && latency.p99 <= latency.p999);
    assert!(latency.p999 <= latency.max);
}

#[tokio::test]
async fn a_connection_that_breaks_changes_no_figure() {
    let file = log(300);
    let report = moex_through(Trouble::BreaksAfter(500), &[], &file.path("log.csv")).await.unwrap();
    assert_eq!(report.first_difference, None);
    assert_eq!((report.deals_equal, report.cancels_equal, report.orders_sent), (300, 300, 1_200));
}

/// Logging on replays what the key was told before; none of it is about this replay.
#[tokio::test]
async fn what_the_key_did_before_is_not_taken_for_answers() {
    let order = OrderAction::limit(MARKET, Side::Buy, TimeInForce::Gtc, Price::from_ticks(1), Qty::from_lots(1));
    let earlier = [order.clone(), order.clone(), order, OrderAction::CancelAll(CancelFilter::in_market(Some(MARKET)))];
    let file = log(5);
    let report = moex_through(Trouble::None, &earlier, &file.path("log.csv")).await.unwrap();
    assert_eq!(report.first_difference, None);
    assert_eq!((report.deals_equal, report.cancels_equal, report.orders_sent), (5, 5, 20));
    assert_eq!(report.session_cleared, 0);
}

#[tokio::test]
async fn a_request_that_the_gateway_refuses_ends_the_replay_and_is_named() {
    let file = log(1);
    let error = moex_through(Trouble::Refuses, &[], &file.path("log.csv")).await.unwrap_err();
    assert!(matches!(error, ReplayError::Refused { value: 3, limit: 2, .. }), "{error}");
    assert!(error.to_string().starts_with("the gateway refused request "), "{error}");
}

#[tokio::test]
async fn a_file_that_cannot_be_understood_sends_nothing() {
    let (address, gateway) = gateway(Trouble::None, &[]);
    let mut client = connect(address).await;
    let good = std::fs::read_to_string(log(3).path("log.csv")).unwrap();
    let file = TestFile::new(&[("log.csv", format!("{good}t,1,0,Add|Buy|Quote|TxEnd,0,2,2,,,\n").as_bytes())]);
    let error = moex::replay(&mut client, MARKET, &file.path("log.csv"), &Progress::visible()).await.unwrap_err();
    assert!(error.to_string().contains("line 23: price_ticks is `0`"), "{error}");
    client.logout().await.unwrap();
    assert_eq!(gateway.join().unwrap(), 0);
}

#[tokio::test]
async fn the_recorded_messages_come_out_the_same_through_a_client() {
    let file = |name: &str| -> Option<PathBuf> { recorded(&format!("lobster_20120621/{name}")) };
    let Some(messages) = file("AAPL_message_50.csv.xz") else { return };
    let Some(seed_book) = file("AAPL_orderbook_50_first672.csv.xz") else { return };
    let Some(check_l1) = file("AAPL_orderbook_L1.csv.xz") else { return };
    let (address, _gateway) = gateway(Trouble::BreaksAfter(40_000), &[]);
    let mut client = connect(address).await;
    let options = lobster::LobsterOptions { messages, seed_book, check_l1: Some(check_l1) };
    let report = lobster::replay(&mut client, MARKET, options, &Progress::hidden()).await.unwrap();
    println!("{report:?}");
    assert_eq!((report.trades, report.l1_rows, report.l1_equal), (4_043, 91_997, 91_907));
    assert_eq!(client.stats().reconnects, 1);
}
