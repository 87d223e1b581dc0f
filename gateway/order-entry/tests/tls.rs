//! The second door: a session through TLS is a session like any other, and whoever does not shake hands stays outside.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::*;
use tidegate_domain::*;
use tidegate_order_entry::{IoChoice, OrderEntryError, TlsConfig, TlsDoor};
use tidegate_wire::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

with_both!(
    a_session_through_tls_trades_is_replayed_and_is_told_goodbye,
    a_large_replay_comes_through_tls_whole,
    whoever_does_not_shake_hands_is_cut_off_and_holds_nobody_up,
    an_address_may_have_so_many_handshakes,
    whoever_does_not_close_counts_for_its_address_and_nobody_else_notices,
    whoever_does_not_close_is_cut_off_after_a_while,
    the_oldest_who_does_not_shake_hands_makes_room,
    an_address_may_try_so_many_handshakes_in_a_second,
    a_door_that_is_stopped_ends_those_who_stay,
);

/// Another address of this machine.
const ELSEWHERE: &str = "127.0.0.66";
/// Longer than any test takes.
const FOR_EVER: Duration = Duration::from_secs(3_600);

/// A server with both doors.
struct Doors {
    world: World,
    tls: TlsDoor,
    roots: Arc<RootCertStore>,
    /// The clients'. Last: its tasks use the ones above.
    runtime: Runtime,
    _folder: tempfile::TempDir,
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn config(folder: &tempfile::TempDir) -> (TlsConfig, RootCertStore) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificates, private_key) = (folder.path().join("server.pem"), folder.path().join("server.key"));
    std::fs::write(&certificates, made.cert.pem()).unwrap();
    std::fs::write(&private_key, made.signing_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = TlsConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        certificates,
        private_key,
        handshake_timeout: FOR_EVER,
        linger: FOR_EVER,
        handshakes_max: 64,
        address_unauthenticated_max: 16,
        address_handshakes_per_second: 100_000,
        limit_loopback: true,
    };
    (config, roots)
}

impl Doors {
    fn open(io: IoChoice, change: impl FnOnce(&mut TlsConfig)) -> Self {
        let (world, runtime, folder) = (World::start(io), runtime(), tempfile::tempdir().unwrap());
        let (mut config, roots) = config(&folder);
        change(&mut config);
        let tls = TlsDoor::open(&config, world.server.door()).unwrap();
        Self { world, tls, roots: Arc::new(roots), runtime, _folder: folder }
    }

    fn connector(&self) -> TlsConnector {
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]).unwrap();
        let client = builder.with_root_certificates(Arc::clone(&self.roots)).with_no_client_auth();
        TlsConnector::from(Arc::new(client))
    }

    /// Whether a client that comes now is let in.
    fn shakes_hands(&self) -> bool {
        self.come_from("127.0.0.1").is_ok()
    }

    /// Comes from this address and shakes hands.
    fn come_from(&self, source: &str) -> io::Result<TlsStream<tokio::net::TcpStream>> {
        let (connector, address) = (self.connector(), self.tls.local_addr());
        self.runtime.block_on(async move {
            let socket = tokio::net::TcpSocket::new_v4().unwrap();
            socket.bind(SocketAddr::new(source.parse().unwrap(), 0)).unwrap();
            let outside = socket.connect(address).await.unwrap();
            connector.connect(ServerName::try_from("localhost").unwrap(), outside).await
        })
    }

    /// Comes, shakes hands, is sent away for what it says, reads that, and does not close.
    fn stay_from(&self, source: &str) -> io::Result<TlsStream<tokio::net::TcpStream>> {
        let mut stream = self.come_from(source)?;
        self.runtime.block_on(async {
            // A frame of no kind.
            stream.write_all(&[0xff; 64]).await.unwrap();
            stream.flush().await.unwrap();
            let mut heard = Vec::new();
            stream.read_to_end(&mut heard).await.unwrap();
            assert!(heard.len() > 64, "a challenge and a goodbye");
        });
        Ok(stream)
    }

    /// A client whose bytes go through TLS: a plain socket to a task that shakes hands and copies.
    fn connect(&self) -> TestClient {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (far, _) = listener.accept().unwrap();
        far.set_nonblocking(true).unwrap();
        let (connector, address) = (self.connector(), self.tls.local_addr());
        self.runtime.spawn(async move {
            let mut far = tokio::net::TcpStream::from_std(far).unwrap();
            let outside = tokio::net::TcpStream::connect(address).await.unwrap();
            let mut inside = connector.connect(ServerName::try_from("localhost").unwrap(), outside).await.unwrap();
            // However it ends, the test sees it on its own socket.
            let _ = tokio::io::copy_bidirectional(&mut far, &mut inside).await;
        });
        TestClient::over(near)
    }
}

fn a_session_through_tls_trades_is_replayed_and_is_told_goodbye(io: IoChoice) {
    let doors = Doors::open(io, |_| {});
    let (inside, plain) = (doors.world.node.trader(1), doors.world.node.trader(2));
    let mut plain = doors.world.logged_on(&plain);
    let mut client = doors.connect();
    client.log_on(&inside, 0);
    client.until_replay_done();
    for request in 1..=50 {
        client.works(request);
    }
    plain.order(1, limit(Side::Sell, 1, 1));
    assert!(matches!(plain.report().body, ReportBody::OrderAccepted { .. }));
    assert!(matches!(client.report().body, ReportBody::Fill(_)), "it trades with whoever came in by the other door");
    // A second login of the key through the plain door takes the session over.
    let mut again = doors.world.connect();
    again.log_on(&inside, 51);
    again.until_replay_done();
    assert_eq!(client.goodbye().0, LogoutReason::TakenOver);
    again.works(51);
    let mut back = doors.connect();
    back.log_on(&inside, 0);
    assert_eq!(back.until_replay_done().len(), 52);
    let goodbye = std::thread::spawn(move || back.goodbye());
    doors.world.server.stop();
    assert_eq!(goodbye.join().unwrap().0, LogoutReason::NodeStopping);
}

fn a_large_replay_comes_through_tls_whole(io: IoChoice) {
    let doors = Doors::open(io, |_| {});
    let trader = doors.world.node.trader(1);
    let mut client = doors.world.logged_on(&trader);
    let orders = 5_000;
    let missing = MarketId::new(50);
    let bytes: Vec<u8> = (1..=orders)
        .flat_map(|n| encoded(&order(n, OrderAction::CancelAll(CancelFilter::in_market(Some(missing))))))
        .collect();
    let mut writer = client.stream.try_clone().unwrap();
    let sent = std::thread::spawn(move || std::io::Write::write_all(&mut writer, &bytes).unwrap());
    while client.report().request.raw() < orders {}
    sent.join().unwrap();
    let mut back = doors.connect();
    back.log_on(&trader, 0);
    let reports = back.until_replay_done();
    assert!(reports.iter().enumerate().all(|(at, report)| report.session_sequence.raw() == at as u64 + 1));
    assert_eq!(reports.len() as u64, orders);
    back.works(orders + 1);
}

fn whoever_does_not_shake_hands_is_cut_off_and_holds_nobody_up(io: IoChoice) {
    let doors = Doors::open(io, |config| config.handshake_timeout = Duration::from_millis(100));
    let silent = TcpStream::connect(doors.tls.local_addr()).unwrap();
    let mut plain = TcpStream::connect(doors.tls.local_addr()).unwrap();
    std::io::Write::write_all(&mut plain, b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let trader = doors.world.node.trader(1);
    doors.world.logged_on(&trader).works(1);
    for mut stream in [silent, plain] {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut rest = Vec::new();
        // An alert may come first; a reset is an end, too.
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.windows(16).any(|window| window == [0; 16]), "no challenge goes out before the handshake");
    }
    assert_eq!(
        doors.world.stats.accepted_connections_total.load(Ordering::SeqCst),
        1,
        "neither came as far as the gateway"
    );
}

fn an_address_may_have_so_many_handshakes(io: IoChoice) {
    let doors = Doors::open(io, |config| config.address_unauthenticated_max = 2);
    let address: SocketAddr = doors.tls.local_addr();
    let silent: Vec<_> = (0..3).map(|_| TcpStream::connect(address).unwrap()).collect();
    let is_closed = |mut stream: &TcpStream| {
        stream.set_nonblocking(true).unwrap();
        stream.read(&mut [0; 16]).is_ok()
    };
    wait_until(|| silent.iter().any(is_closed));
    assert_eq!(silent.iter().filter(|stream| is_closed(stream)).count(), 1, "one too many, and it is told nothing");
    drop(silent);
    // When those are gone there is room again, as soon as the server has seen it.
    let trader = doors.world.node.trader(1);
    wait_until(|| doors.shakes_hands());
    let mut client = doors.connect();
    client.log_on(&trader, 0);
    client.until_replay_done();
    client.works(1);
}

/// One address once held every place of the door, 15 s each, by not closing what the gateway had ended.
fn whoever_does_not_close_counts_for_its_address_and_nobody_else_notices(io: IoChoice) {
    let doors = Doors::open(io, |config| config.address_unauthenticated_max = 2);
    let trader = doors.world.node.trader(1);
    let mut client = doors.connect();
    client.log_on(&trader, 0);
    client.until_replay_done();
    let stay: Vec<_> = (0..2).map(|_| doors.stay_from(ELSEWHERE).unwrap()).collect();
    assert!(doors.come_from(ELSEWHERE).is_err(), "its two places are taken");
    client.works(1);
    assert!(doors.shakes_hands(), "another address has places of its own");
    drop(stay);
    // As soon as the server has seen it.
    wait_until(|| doors.come_from(ELSEWHERE).is_ok());
}

fn whoever_does_not_close_is_cut_off_after_a_while(io: IoChoice) {
    let doors = Doors::open(io, |config| {
        config.address_unauthenticated_max = 1;
        config.linger = Duration::from_millis(100);
    });
    let stay = doors.stay_from(ELSEWHERE).unwrap();
    // It makes room for another one without closing.
    wait_until(|| doors.come_from(ELSEWHERE).is_ok());
    drop(stay);
}

fn the_oldest_who_does_not_shake_hands_makes_room(io: IoChoice) {
    let doors = Doors::open(io, |config| config.handshakes_max = 2);
    let stay = doors.stay_from("127.0.0.2").unwrap();
    let mut silent = TcpStream::connect(doors.tls.local_addr()).unwrap();
    let trader = doors.world.node.trader(1);
    for round in 1..=5 {
        let mut client = doors.connect();
        client.log_on(&trader, 0);
        client.until_replay_done();
        client.works(round);
        let mut newer = TcpStream::connect(doors.tls.local_addr()).unwrap();
        std::mem::swap(&mut silent, &mut newer);
    }
    drop(stay);
}

fn an_address_may_try_so_many_handshakes_in_a_second(io: IoChoice) {
    let doors = Doors::open(io, |config| config.address_handshakes_per_second = 1);
    assert!(doors.come_from(ELSEWHERE).is_ok());
    // It would take a machine that stands still for a minute to let all of them through.
    let refused = (0..60).filter(|_| doors.come_from(ELSEWHERE).is_err()).count();
    assert!(refused > 0, "no budget ended the storm");
    assert!(doors.shakes_hands(), "another address has a budget of its own");
}

fn a_door_that_is_stopped_ends_those_who_stay(io: IoChoice) {
    let doors = Doors::open(io, |_| {});
    let (first, second) = (doors.world.node.trader(1), doors.world.node.trader(2));
    let mut plain = doors.world.logged_on(&first);
    let mut inside = doors.connect();
    inside.log_on(&second, 0);
    inside.until_replay_done();
    let Doors { world, tls, runtime, .. } = doors;
    let address = tls.local_addr();
    tls.close();
    wait_until(|| TcpStream::connect(address).is_err());
    inside.works(1);
    tls.stop();
    // Its thread is gone, and with it whoever was inside.
    wait_until(|| world.stats.connections.load(Ordering::SeqCst) == 1);
    plain.works(1);
    drop(runtime);
}

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let (world, folder) = (World::start(IoChoice::Epoll), tempfile::tempdir().unwrap());
    let (mut config, _) = config(&folder);
    config.certificates = folder.path().join("nowhere.pem");
    match TlsDoor::open(&config, world.server.door()) {
        Err(error @ OrderEntryError::Tls { .. }) => assert!(error.to_string().contains("nowhere.pem"), "{error}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}
