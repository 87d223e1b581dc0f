//! What comes in by a listener that is stopped and opened again, with the real kernel on the other side.
#![allow(clippy::unwrap_used, missing_docs)]

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate_sockets::{Bell, Driver, Epoll, Happened, Uring};

/// Longest wait for anything that must happen: a failure, not a pace.
const PATIENCE: Duration = Duration::from_secs(20);
/// Rounds in which whatever the kernel has put off for a ring is done.
const ROUNDS: usize = 16;

struct Rig<D> {
    driver: D,
    address: SocketAddr,
    happened: Vec<Happened>,
}

impl<D: Driver> Rig<D> {
    /// Listens; none where the kernel refuses this way.
    fn open() -> Option<Self> {
        let bell = Arc::new(Bell::new().unwrap());
        let mut driver = match D::open(8, &bell) {
            Ok(driver) => driver,
            Err(error) => {
                eprintln!("SKIPPED: {}: this kernel refuses it: {error}", D::NAME);
                return None;
            }
        };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        driver.listen(listener).unwrap();
        Some(Self { driver, address, happened: Vec::new() })
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).unwrap()
    }

    /// What came in by one poll.
    fn poll(&mut self) -> Vec<OwnedFd> {
        self.driver.poll(&mut self.happened).unwrap();
        let accepted = self.happened.drain(..).map(|happened| match happened {
            Happened::Accepted(socket) => socket,
            other => panic!("{}: {other:?}", D::NAME),
        });
        accepted.collect()
    }

    fn polls(&mut self) -> Vec<OwnedFd> {
        (0..ROUNDS).flat_map(|_| self.poll()).collect()
    }

    /// The next connection.
    fn accepted(&mut self) -> OwnedFd {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut accepted = self.poll();
            assert!(accepted.len() <= 1, "{}: one came", D::NAME);
            if let Some(socket) = accepted.pop() {
                return socket;
            }
            assert!(Instant::now() < deadline, "{}: nothing came", D::NAME);
            self.driver.sleep(Duration::from_millis(10)).unwrap();
        }
    }
}

/// The end of a cancelled accept was once taken for the end of the accept that was begun after it. A second one was begun then,
/// and a stop ended only one of the two.
fn a_stop_holds_however_often_the_listener_was_stopped_and_opened<D: Driver>() {
    let Some(mut rig) = Rig::<D>::open() else { return };
    for stops in 1..=5 {
        let first = rig.connect();
        let inside = rig.accepted();
        rig.driver.stop_accepting();
        rig.driver.accept_again();
        assert!(rig.polls().is_empty());
        let second = rig.connect();
        drop((rig.accepted(), second));
        rig.driver.stop_accepting();
        assert!(rig.polls().is_empty());
        let third = rig.connect();
        assert!(rig.polls().is_empty(), "{}: it accepts after stop {stops}", D::NAME);
        rig.driver.accept_again();
        drop((rig.accepted(), third));
        drop((inside, first));
    }
}

#[test]
fn a_stop_of_io_uring_holds_however_often_the_listener_was_stopped_and_opened() {
    a_stop_holds_however_often_the_listener_was_stopped_and_opened::<Uring>();
}

#[test]
fn a_stop_of_epoll_holds_however_often_the_listener_was_stopped_and_opened() {
    a_stop_holds_however_often_the_listener_was_stopped_and_opened::<Epoll>();
}
