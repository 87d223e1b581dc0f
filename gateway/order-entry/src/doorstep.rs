//! Connections of the TLS door that are not inside the gateway: those that shake hands, and those that the gateway has ended
//! and whose client does not close.
//!
//! ```text
//!   accept --enter--> [Place] --handshake done--> gateway, which has limits of its own --its end--> stay [Place] --> gone
//! ```
//!
//! Invariants: places are bounded, and a connection beyond the bound ends the oldest one, so nobody who does nothing keeps
//! others out. Places of one address and its handshakes a second are bounded, too, by the rules of [`Admission`]; an address
//! that holds places after its end gets fewer new ones. A place is given back once, when it is dropped.
//! Owning thread: `tls`.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tidegate_domain::Nanos;
use tidegate_sockets::Address;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::admission::Admission;

/// See the module.
pub(crate) struct Doorstep {
    room: Arc<Semaphore>,
    places_max: usize,
    admission: Mutex<Admission>,
    /// Tells each that it must go, the oldest first; those that are gone already do not hear it.
    oldest: Mutex<VecDeque<oneshot::Sender<()>>>,
    started: Instant,
}

/// The place of one connection.
pub(crate) struct Place {
    _counted: Counted,
    _room: OwnedSemaphorePermit,
    must_go: oneshot::Receiver<()>,
}

/// Counts for its address until it is dropped.
struct Counted {
    doorstep: Arc<Doorstep>,
    address: Option<Address>,
}

impl Doorstep {
    pub(crate) fn new(places_max: usize, admission: Admission) -> Self {
        Self {
            room: Arc::new(Semaphore::new(places_max)),
            places_max,
            admission: Mutex::new(admission),
            oldest: Mutex::default(),
            started: Instant::now(),
        }
    }

    /// A connection came in and is to shake hands.
    ///
    /// # Errors
    /// When its address has too many here, or had too many handshakes within a second.
    pub(crate) async fn enter(self: &Arc<Self>, ip: IpAddr) -> Result<Place, String> {
        let now = self.now();
        let counted = {
            let mut admission = self.admission();
            admission.sweep(now);
            let address = admission.connect(ip)?;
            if let Some(address) = address
                && !admission.attempt(address, now)
            {
                admission.leave(address);
                return Err("too many handshakes of this address within a second".to_owned());
            }
            Counted { doorstep: Arc::clone(self), address }
        };
        Ok(self.place(counted).await)
    }

    /// The gateway has ended a connection whose client is still there: it counts here again, however many there are.
    pub(crate) async fn stay(self: &Arc<Self>, ip: IpAddr) -> Place {
        let address = self.admission().remain(ip);
        self.place(Counted { doorstep: Arc::clone(self), address }).await
    }

    async fn place(self: &Arc<Self>, counted: Counted) -> Place {
        let room = match Arc::clone(&self.room).try_acquire_owned() {
            Ok(room) => room,
            Err(_) => {
                self.end_oldest();
                Arc::clone(&self.room).acquire_owned().await.expect("it is never closed")
            }
        };
        let (end, must_go) = oneshot::channel();
        let mut oldest = self.oldest.lock().expect("no holder of this lock panics");
        if oldest.len() >= 2 * self.places_max {
            oldest.retain(|end| !end.is_closed());
        }
        oldest.push_back(end);
        Place { _counted: counted, _room: room, must_go }
    }

    fn end_oldest(&self) {
        let mut oldest = self.oldest.lock().expect("no holder of this lock panics");
        while let Some(end) = oldest.pop_front() {
            if end.send(()).is_ok() {
                return;
            }
        }
    }

    fn admission(&self) -> MutexGuard<'_, Admission> {
        self.admission.lock().expect("no holder of this lock panics")
    }

    fn now(&self) -> Nanos {
        Nanos::from_nanos(u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

impl Place {
    /// Does this here, and gives the place back.
    ///
    /// # Errors
    /// When it had to go before it was done.
    pub(crate) async fn hold<T>(mut self, act: impl Future<Output = T>) -> io::Result<T> {
        tokio::select! {
            done = act => Ok(done),
            _ = &mut self.must_go => Err(io::Error::other("it made room for a newer connection")),
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        if let Some(address) = self.address {
            self.doorstep.admission().leave(address);
        }
    }
}
