//! The second door: TLS 1.3 ends here, and what is inside goes to the gateway through a pair of local sockets.
//!
//! ```text
//!   client ==TLS==> [task: handshake, then copy both ways] --socket pair--> gateway, like any other connection
//! ```
//!
//! Handshakes and record protection are on a thread of their own, so they delay neither orders of those who come in without
//! nor the link to the standby. The client's own address goes along, and the limits of an address hold for both doors.
//!
//! Invariants: connections are bounded, inside by the gateway, outside by [`Doorstep`]; a handshake, a write and the wait for
//! a client that does not close end their connection when they take too long; there is no early data, whose requests could
//! be replayed.
//! Owning thread: `tls`, with a runtime of its own.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::admission::Admission;
use crate::config::OrderEntryError;
use crate::doorstep::{Doorstep, Place};
use crate::server::Door;

/// How long a client may take to read a piece of what it is sent before its connection is cut; the gateway is less patient.
const STALL_MAX: Duration = Duration::from_secs(15);
/// How long a stop waits for those who are inside.
const STOP_MAX: Duration = Duration::from_secs(1);
/// Pause after the system refused to accept a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Bytes that are copied at a time, each way.
const COPY_LEN_BYTES: usize = 16 * 1_024;

/// Settings of the second door.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Where it listens; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// PEM file: the server's certificate, then those that lead to a root.
    pub certificates: PathBuf,
    /// PEM file: the private key.
    pub private_key: PathBuf,
    /// How long a handshake may take.
    pub handshake_timeout: Duration,
    /// How long a client may take to close once the gateway has ended its connection.
    pub linger: Duration,
    /// Most connections at a time that are not inside the gateway, which has a limit of its own: those that shake hands, and
    /// those that linger. One more ends the oldest.
    pub handshakes_max: usize,
    /// The same of one address. One more handshake is refused.
    pub address_unauthenticated_max: u32,
    /// Most handshakes that one address may try in a second; as many may come at once.
    pub address_handshakes_per_second: u32,
    /// Whether the two limits above hold for loopback addresses, too.
    pub limit_loopback: bool,
}

/// How far the end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    Open,
    /// Nobody comes in any more.
    Closed,
    /// Whoever is inside has [`STOP_MAX`].
    Stop,
}

/// The second door, open. Dropping it ends its thread as [`Self::stop`] does, and does not wait.
pub struct TlsDoor {
    local_addr: SocketAddr,
    wanted: watch::Sender<Wanted>,
    thread: JoinHandle<()>,
}

impl TlsDoor {
    /// Reads certificate and key, listens, and starts the thread. Connections that have shaken hands go to `door`.
    ///
    /// # Errors
    /// [`OrderEntryError`] names the file, the address or what the system refused.
    pub fn open(config: &TlsConfig, door: Door) -> Result<Self, OrderEntryError> {
        let acceptor = TlsAcceptor::from(Arc::new(server_config(config)?));
        let start = |error| OrderEntryError::Start { error };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(start)?;
        let refused = |error| OrderEntryError::Listen { address: config.listen, error };
        let listener = std::net::TcpListener::bind(config.listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let local_addr = listener.local_addr().map_err(refused)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(refused)?
        };
        let (wanted, heard) = watch::channel(Wanted::Open);
        let admission = Admission::new(
            config.address_unauthenticated_max,
            config.address_handshakes_per_second,
            config.limit_loopback,
        );
        let shared = Arc::new(Shared {
            acceptor,
            door,
            doorstep: Arc::new(Doorstep::new(config.handshakes_max, admission)),
            handshake_timeout: config.handshake_timeout,
            linger: config.linger,
        });
        let thread = std::thread::Builder::new().name("tls".to_owned());
        let thread = thread.spawn(move || runtime.block_on(run(listener, shared, heard))).map_err(start)?;
        tracing::info!(%local_addr, "order entry listens for TLS");
        Ok(Self { local_addr, wanted, thread })
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Takes no further connection. Those that came in end with their sessions.
    pub fn close(&self) {
        // Nobody hears it only when the thread is gone.
        let _ = self.wanted.send(Wanted::Closed);
    }

    /// Takes no further connection, and ends those that are left after a second.
    ///
    /// # Panics
    /// When its thread panicked.
    pub fn stop(self) {
        let _ = self.wanted.send(Wanted::Stop);
        if let Err(panic) = self.thread.join() {
            std::panic::resume_unwind(panic);
        }
    }
}

fn server_config(config: &TlsConfig) -> Result<ServerConfig, OrderEntryError> {
    let wrong = |file: &PathBuf, error: &dyn std::fmt::Display| OrderEntryError::Tls {
        file: file.clone(),
        error: error.to_string(),
    };
    let file = &config.certificates;
    let chain = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| wrong(file, &error))?;
    let file = &config.private_key;
    let key = PrivateKeyDer::from_pem_file(file).map_err(|error| wrong(file, &error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| wrong(&config.certificates, &error))
}

/// What the tasks share.
struct Shared {
    acceptor: TlsAcceptor,
    door: Door,
    doorstep: Arc<Doorstep>,
    handshake_timeout: Duration,
    linger: Duration,
}

/// Accepts until the door is closed, and waits for those who are inside until it is stopped.
async fn run(listener: TcpListener, shared: Arc<Shared>, mut wanted: watch::Receiver<Wanted>) {
    let mut tasks = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = wanted.wait_for(|wanted| *wanted != Wanted::Open) => break,
            Some(ended) = tasks.join_next() => {
                ended.expect("no task panics, and nobody cancels one");
                continue;
            }
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match shared.doorstep.enter(peer.ip()).await {
                Ok(place) => {
                    let shared = Arc::clone(&shared);
                    tasks.spawn(async move {
                        if let Err(error) = serve(&shared, stream, peer, place).await {
                            tracing::debug!(%peer, %error, "a TLS connection ended");
                        }
                    });
                }
                // Without a word: who has not shaken hands cannot be told anything.
                Err(error) => tracing::debug!(%peer, %error, "a TLS connection was refused"),
            },
            Err(error) => {
                tracing::warn!(%error, "a TLS connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let all_gone = async { while tasks.join_next().await.is_some() {} };
    let stopped = async {
        // An error says that the door was dropped, which is a stop, too.
        let _ = wanted.wait_for(|wanted| *wanted == Wanted::Stop).await;
        tokio::time::sleep(STOP_MAX).await;
    };
    tokio::select! {
        () = all_gone => {}
        () = stopped => {}
    }
}

async fn serve(shared: &Shared, stream: TcpStream, peer: SocketAddr, place: Place) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let handshake = place.hold(timeout(shared.handshake_timeout, shared.acceptor.accept(stream)));
    let mut stream = handshake.await?.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let (inside, outside) = StdUnixStream::pair()?;
    outside.set_nonblocking(true)?;
    let mut outside = UnixStream::from_std(outside)?;
    shared.door.admit(inside.into(), peer);
    copy(shared, &mut stream, &mut outside, peer.ip()).await
}

/// Copies until the gateway has said its last word and the client has heard it, or either is gone.
async fn copy(
    shared: &Shared,
    client: &mut TlsStream<TcpStream>,
    gateway: &mut UnixStream,
    ip: IpAddr,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_gateway, mut to_gateway) = gateway.split();
    let inwards = async {
        let copied = tokio::io::copy(&mut from_client, &mut to_gateway).await;
        // The gateway sees the end of the stream, however the client ended it.
        to_gateway.shutdown().await?;
        copied.map(|_| ())
    };
    let outwards = async {
        let mut room = vec![0; COPY_LEN_BYTES];
        loop {
            let count = from_gateway.read(&mut room).await?;
            let write = async {
                to_client.write_all(&room[..count]).await?;
                if count == 0 { to_client.shutdown().await } else { to_client.flush().await }
            };
            timeout(STALL_MAX, write).await??;
            if count == 0 {
                return Ok::<(), io::Error>(());
            }
        }
    };
    tokio::pin!(inwards);
    tokio::select! {
        result = outwards => {
            result?;
            // It has read everything when it closes its side.
            let place = shared.doorstep.stay(ip).await;
            place.hold(timeout(shared.linger, inwards)).await??
        }
        result = &mut inwards => result,
    }
}
