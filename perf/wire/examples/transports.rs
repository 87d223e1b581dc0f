//! The same echo over every way to drive sockets that was considered: io_uring by our driver, epoll by our driver, and
//! io_uring by tokio-uring with a task a connection. Frames of 64 bytes; one thread serves, one spins.
//!
//!   cargo run --release -p tidegate-perf-wire --example transports [-- --json]
//!
//! Invariants: all of them serve the same clients, taking turns within each round; every byte comes back, and is compared.
//! Owning thread: the main thread is the clients'; each server has one.

use std::io::{self, ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidegate_perf_wire::echo::spin_write;
use tidegate_perf_wire::{LatencyNs, Pinned, median};
use tidegate_sockets::{Bell, Driver, Epoll, Happened, Token, Uring, Want};

const FRAME_LEN_BYTES: usize = 64;
const RECEIVE_BUFFERS: usize = 512;

/// How much is measured.
#[derive(Clone, Copy)]
struct Size {
    rounds: usize,
    round_trips: usize,
    /// Frames of each connection.
    frames: usize,
}

/// One way, measured: medians of the rounds.
#[derive(Debug, Serialize)]
struct Figures {
    name: &'static str,
    /// One connection, one frame under way.
    one: LatencyNs,
    /// 64 connections, one frame under way on each.
    frames_per_second_64: u64,
    /// 4 connections with 64 frames under way on each.
    frames_per_second_pipelined: u64,
}

/// Serves so many connections to their end.
type Serve = fn(TcpListener, usize) -> io::Result<()>;

const WAYS: [(&str, Serve); 5] = [
    ("io-uring, spinning", |listener, connections| drive::<Uring>(listener, connections, true)),
    ("io-uring, sleeping", |listener, connections| drive::<Uring>(listener, connections, false)),
    ("epoll, spinning", |listener, connections| drive::<Epoll>(listener, connections, true)),
    ("epoll, sleeping", |listener, connections| drive::<Epoll>(listener, connections, false)),
    ("tokio-uring", tasks),
];

fn main() -> io::Result<()> {
    let size = Size { rounds: 5, round_trips: 2_000, frames: 4_000 };
    let figures = measure(size)?;
    if std::env::args().any(|argument| argument == "--json") {
        println!("{}", serde_json::to_string_pretty(&figures).expect("figures always serialise"));
        return Ok(());
    }
    println!("{:<20} {:>9} {:>9} {:>14} {:>16}", "", "p50", "p99", "64 x 1 under way", "4 x 64 under way");
    for Figures { name, one, frames_per_second_64, frames_per_second_pipelined } in figures {
        let micros = |ns: u64| format!("{:.1} µs", ns as f64 / 1e3);
        let (p50, p99) = (micros(one.p50), micros(one.p99));
        println!("{name:<20} {p50:>9} {p99:>9} {frames_per_second_64:>12} /s {frames_per_second_pipelined:>14} /s");
    }
    Ok(())
}

fn measure(size: Size) -> io::Result<Vec<Figures>> {
    let mut rounds: Vec<(Vec<LatencyNs>, Vec<u64>, Vec<u64>)> = WAYS.iter().map(|_| Default::default()).collect();
    for _ in 0..size.rounds {
        for ((_, serve), (one, many, pipelined)) in WAYS.iter().zip(&mut rounds) {
            one.push(round_trips(*serve, size.round_trips)?);
            many.push(rate(*serve, 64, 1, size.frames / 16)?);
            pipelined.push(rate(*serve, 4, 64, size.frames)?);
        }
    }
    let of = |((name, _), (one, many, pipelined)): (&(&'static str, Serve), _)| Figures {
        name,
        one: LatencyNs::median_of(&one as &Vec<LatencyNs>),
        frames_per_second_64: median(many),
        frames_per_second_pipelined: median(pipelined),
    };
    Ok(WAYS.iter().zip(rounds).map(of).collect())
}

// ---- clients ----

/// A server on its core, and connected clients.
fn connect(serve: Serve, connections: usize) -> io::Result<(JoinHandle<io::Result<()>>, Vec<TcpStream>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address: SocketAddr = listener.local_addr()?;
    let server = std::thread::spawn(move || {
        // Where the kernel refuses, the figure is that of a thread that may wander.
        let _pinned = Pinned::to(1);
        serve(listener, connections)
    });
    let clients = (0..connections).map(|_| {
        let client = TcpStream::connect(address)?;
        client.set_nodelay(true)?;
        client.set_nonblocking(true)?;
        Ok(client)
    });
    Ok((server, clients.collect::<io::Result<_>>()?))
}

fn end(server: JoinHandle<io::Result<()>>, clients: Vec<TcpStream>) -> io::Result<()> {
    drop(clients);
    server.join().expect("a server does not panic")
}

fn round_trips(serve: Serve, count: usize) -> io::Result<LatencyNs> {
    let (server, mut clients) = connect(serve, 1)?;
    let _pinned = Pinned::to(0);
    let mut samples = Vec::with_capacity(count);
    let mut back = [0; FRAME_LEN_BYTES];
    for n in 0..count {
        let frame = [n as u8; FRAME_LEN_BYTES];
        let start = Instant::now();
        spin_write(&mut clients[0], &frame)?;
        let mut read = 0;
        while read < FRAME_LEN_BYTES {
            read += pull(&mut clients[0], &mut back[read..])?;
        }
        samples.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
        assert_eq!(back, frame);
    }
    end(server, clients)?;
    Ok(LatencyNs::of(&mut samples))
}

fn rate(serve: Serve, connections: usize, window: usize, frames: usize) -> io::Result<u64> {
    let (server, mut clients) = connect(serve, connections)?;
    let _pinned = Pinned::to(0);
    let bytes = vec![7; window * FRAME_LEN_BYTES];
    let mut room = vec![0; 1 << 16];
    // Bytes to send, and bytes that are to come back.
    let mut left = vec![(frames * FRAME_LEN_BYTES, 0); connections];
    let start = Instant::now();
    while left.iter().any(|(to_send, owed)| to_send + owed > 0) {
        for (client, (to_send, owed)) in clients.iter_mut().zip(&mut left) {
            if *owed > 0 {
                let count = pull(client, &mut room)?;
                assert!(room[..count].iter().all(|byte| *byte == 7));
                *owed -= count;
            }
            if *owed <= bytes.len() / 2 && *to_send > 0 {
                let count = (bytes.len() - *owed).min(*to_send);
                spin_write(client, &bytes[..count])?;
                *to_send -= count;
                *owed += count;
            }
        }
    }
    let took = start.elapsed().as_secs_f64();
    end(server, clients)?;
    Ok(((connections * frames) as f64 / took) as u64)
}

fn pull(stream: &mut TcpStream, room: &mut [u8]) -> io::Result<usize> {
    match stream.read(room) {
        Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        result => result,
    }
}

// ---- servers ----

/// A connection of [`drive`].
#[derive(Default)]
struct Echo {
    to_send: Vec<u8>,
    spare: Vec<u8>,
    sending: bool,
}

/// The gateway's way: a duty cycle over a driver.
fn drive<D: Driver>(listener: TcpListener, connections: usize, spin: bool) -> io::Result<()> {
    let bell = Arc::new(Bell::new()?);
    let mut driver = D::open(RECEIVE_BUFFERS, &bell)?;
    driver.listen(listener)?;
    let (mut happened, mut touched) = (Vec::new(), Vec::new());
    let mut echoes: Vec<Echo> = Vec::new();
    let mut ended = 0;
    while ended < connections {
        driver.poll(&mut happened)?;
        if happened.is_empty() && !spin {
            driver.sleep(Duration::from_millis(2))?;
        }
        for event in happened.drain(..) {
            match event {
                Happened::Accepted(socket) => {
                    let stream = TcpStream::from(socket);
                    stream.set_nodelay(true)?;
                    let token: Token = driver.add(stream.into())?;
                    driver.receive(token, Want::Stream);
                    echoes.resize_with(echoes.len().max(token.slot as usize + 1), Echo::default);
                }
                Happened::Received(token, piece) => {
                    echoes[token.slot as usize].to_send.extend_from_slice(driver.bytes(&piece));
                    driver.give_back(piece);
                    touched.push(token);
                }
                Happened::Sent(token, bytes) => {
                    let echo = &mut echoes[token.slot as usize];
                    (echo.sending, echo.spare) = (false, bytes);
                    touched.push(token);
                }
                Happened::Ended(token, _) => {
                    driver.close(token);
                    ended += 1;
                }
                Happened::AcceptFailed(error) => return Err(error),
            }
        }
        for token in touched.drain(..) {
            let echo = &mut echoes[token.slot as usize];
            if !echo.sending && !echo.to_send.is_empty() {
                echo.sending = true;
                echo.spare.clear();
                let bytes = std::mem::replace(&mut echo.to_send, std::mem::take(&mut echo.spare));
                driver.send(token, bytes);
            }
        }
    }
    Ok(())
}

/// tokio-uring's way: a task a connection, a read and a write in turns.
fn tasks(listener: TcpListener, connections: usize) -> io::Result<()> {
    tokio_uring::start(async move {
        let listener = tokio_uring::net::TcpListener::from_std(listener);
        let mut tasks = Vec::new();
        for _ in 0..connections {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tasks.push(tokio_uring::spawn(async move {
                let mut buffer = vec![0; 4_096];
                loop {
                    let (result, returned) = stream.read(buffer).await;
                    let count = result.unwrap_or(0);
                    if count == 0 {
                        return;
                    }
                    let slice = tokio_uring::buf::BoundedBuf::slice(returned, ..count);
                    let (result, returned) = stream.write_all(slice).await;
                    if result.is_err() {
                        return;
                    }
                    buffer = tokio_uring::buf::Slice::into_inner(returned);
                }
            }));
        }
        for task in tasks {
            task.await.map_err(io::Error::other)?;
        }
        Ok(())
    })
}

#[test]
fn every_way_brings_every_byte_back() {
    let figures = measure(Size { rounds: 1, round_trips: 20, frames: 160 });
    match figures {
        Ok(figures) => assert!(figures.iter().all(|figures| figures.frames_per_second_pipelined > 0)),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            eprintln!("SKIPPED: this kernel refuses io_uring");
        }
        Err(error) => panic!("{error}"),
    }
}
