//! The second door: a session through TLS is a session like any other, and whoever does not shake hands stays outside.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use common::*;
use tidegate_domain::*;
use tidegate_order_entry::{IoChoice, OrderEntryError, TlsConfig, TlsDoor};
use tidegate_wire::*;
use tokio::runtime::Runtime;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, RootCertStore, crypto};

with_both!(
    a_session_through_tls_trades_is_replayed_and_is_told_goodbye,
    a_large_replay_comes_through_tls_whole,
    whoever_does_not_shake_hands_is_cut_off_and_holds_nobody_up,
    an_address_may_have_so_many_handshakes,
);

/// A server with both doors.
struct Doors {
    world: World,
    tls: TlsDoor,
    roots: Arc<RootCertStore>,
    // Last: its tasks use the ones above.
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
        handshake_timeout: PATIENCE,
        connections_max: 64,
        address_unauthenticated_max: 16,
        limit_loopback: true,
    };
    (config, roots)
}

impl Doors {
    fn open(io: IoChoice, change: impl FnOnce(&mut TlsConfig)) -> Self {
        let (world, runtime, folder) = (World::start(io), runtime(), tempfile::tempdir().unwrap());
        let (mut config, roots) = config(&folder);
        change(&mut config);
        let tls = TlsDoor::open(&config, runtime.handle(), world.server.door()).unwrap();
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
        let (connector, address) = (self.connector(), self.tls.local_addr());
        self.runtime.block_on(async move {
            let outside = tokio::net::TcpStream::connect(address).await.unwrap();
            connector.connect(ServerName::try_from("localhost").unwrap(), outside).await.is_ok()
        })
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
    assert_eq!(doors.world.stats.connections_total.load(Ordering::SeqCst), 1, "neither came as far as the gateway");
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

#[test]
fn a_file_that_is_no_certificate_is_named() {
    let (world, runtime, folder) = (World::start(IoChoice::Epoll), runtime(), tempfile::tempdir().unwrap());
    let (mut config, _) = config(&folder);
    config.certificates = folder.path().join("nowhere.pem");
    match TlsDoor::open(&config, runtime.handle(), world.server.door()) {
        Err(error @ OrderEntryError::Tls { .. }) => assert!(error.to_string().contains("nowhere.pem"), "{error}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it opened"),
    }
}
