//! The second door: TLS 1.3 ends here, and what is inside goes to the gateway through a pair of local sockets.
//!
//! ```text
//!   client ==TLS==> [task: handshake, then copy both ways] --socket pair--> gateway, like any other connection
//! ```
//!
//! Handshakes and record protection are on the runtime's threads, so they delay no order of those who come in without. The
//! client's own address goes along, and the limits of an address hold for both doors.
//!
//! Invariants: connections are bounded, and those of one address that have not shaken hands, too; a handshake and a write
//! that takes too long end their connection; there is no early data, whose requests could be replayed.
//! Owning threads: the runtime's.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tidegate_domain::Nanos;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::{self, ServerConfig};
use tokio_rustls::server::TlsStream;

use crate::admission::Admission;
use crate::config::OrderEntryError;
use crate::server::Door;

/// How long a client may take to read what it is sent before its connection is cut; the gateway is less patient.
const STALL_MAX: Duration = Duration::from_secs(15);
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
    /// Most connections at a time.
    pub connections_max: usize,
    /// Most connections of one address that have not shaken hands.
    pub address_unauthenticated_max: u32,
    /// Whether that holds for loopback addresses, too.
    pub limit_loopback: bool,
}

/// The second door, open.
pub struct TlsDoor {
    local_addr: SocketAddr,
    stop: watch::Sender<bool>,
}

impl TlsDoor {
    /// Reads certificate and key, and listens. Connections come in on the runtime's threads and go to `door`.
    ///
    /// # Errors
    /// [`OrderEntryError`] names the file or the address.
    pub fn open(config: &TlsConfig, runtime: &Handle, door: Door) -> Result<Self, OrderEntryError> {
        let acceptor = TlsAcceptor::from(Arc::new(server_config(config)?));
        let refused = |error| OrderEntryError::Listen { address: config.listen, error };
        let listener = std::net::TcpListener::bind(config.listen).map_err(refused)?;
        listener.set_nonblocking(true).map_err(refused)?;
        let local_addr = listener.local_addr().map_err(refused)?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).map_err(refused)?
        };
        let (stop, stopped) = watch::channel(false);
        let (per_address, loopback) = (config.address_unauthenticated_max, config.limit_loopback);
        let shared = Arc::new(Shared {
            acceptor,
            door,
            handshake_timeout: config.handshake_timeout,
            // The rate of logons is the gateway's affair.
            admission: Mutex::new(Admission::new(per_address, 1, loopback)),
            started: Instant::now(),
        });
        runtime.spawn(accept(listener, shared, config.connections_max, stopped));
        tracing::info!(%local_addr, "order entry listens for TLS");
        Ok(Self { local_addr, stop })
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Takes no further connection. Those that came in end with their sessions.
    pub fn close(&self) {
        // Nobody listens only when the runtime is gone.
        let _ = self.stop.send(true);
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
    handshake_timeout: Duration,
    admission: Mutex<Admission>,
    started: Instant,
}

impl Shared {
    fn with_admission<T>(&self, act: impl FnOnce(&mut Admission, Nanos) -> T) -> T {
        let now = Nanos::from_nanos(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX));
        act(&mut self.admission.lock().expect("no holder of this lock panics"), now)
    }
}

async fn accept(
    listener: TcpListener,
    shared: Arc<Shared>,
    connections_max: usize,
    mut stopped: watch::Receiver<bool>,
) {
    let room = Arc::new(Semaphore::new(connections_max));
    loop {
        let accepted = tokio::select! {
            _ = stopped.changed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                // Without a word: who has not shaken hands cannot be told anything.
                let Ok(place) = Arc::clone(&room).try_acquire_owned() else { continue };
                let shared = Arc::clone(&shared);
                tokio::spawn(async move {
                    if let Err(error) = serve(&shared, stream, peer).await {
                        tracing::debug!(%peer, %error, "a TLS connection ended");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a TLS connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(shared: &Shared, stream: TcpStream, peer: SocketAddr) -> io::Result<()> {
    let mut stream = shake_hands(shared, stream, peer.ip()).await?;
    let (inside, outside) = StdUnixStream::pair()?;
    outside.set_nonblocking(true)?;
    let mut outside = UnixStream::from_std(outside)?;
    shared.door.admit(inside.into(), peer);
    copy(&mut stream, &mut outside).await
}

async fn shake_hands(shared: &Shared, stream: TcpStream, ip: IpAddr) -> io::Result<TlsStream<TcpStream>> {
    stream.set_nodelay(true)?;
    let address = shared.with_admission(|admission, now| admission.connect(ip, now)).map_err(io::Error::other)?;
    let result = timeout(shared.handshake_timeout, shared.acceptor.accept(stream)).await;
    shared.with_admission(|admission, now| {
        if let Some(address) = address {
            admission.leave(address);
        }
        admission.sweep(now);
    });
    result.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Copies until the gateway has said its last word and the client has heard it, or either is gone.
async fn copy(client: &mut TlsStream<TcpStream>, gateway: &mut UnixStream) -> io::Result<()> {
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
            timeout(STALL_MAX, inwards).await?
        }
        result = &mut inwards => result,
    }
}
