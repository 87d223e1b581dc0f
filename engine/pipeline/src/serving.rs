//! Whether this node serves clients, and if not, who does. Control writes it; gateways, HTTP and status read it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tidegate_domain::Epoch;

use crate::runner::Listener;

/// What a client that logs on is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serving {
    /// Not yet, or no longer: recovery, promotion, stop.
    Not,
    /// This node leads.
    Primary {
        /// Its term.
        epoch: Epoch,
    },
    /// Another node leads.
    Standby {
        /// The highest term that this node knows of.
        epoch: Epoch,
        /// Where the leader's order entry listens, if known.
        primary: Option<SocketAddr>,
    },
}

/// A handle; clones share the state.
#[derive(Clone)]
pub struct ServingState {
    shared: Arc<Shared>,
}

struct Shared {
    serving: Mutex<Serving>,
    listeners: Mutex<Vec<Listener>>,
}

impl Default for ServingState {
    fn default() -> Self {
        Self { shared: Arc::new(Shared { serving: Mutex::new(Serving::Not), listeners: Mutex::default() }) }
    }
}

impl ServingState {
    /// What it is now.
    #[must_use]
    pub fn get(&self) -> Serving {
        *self.shared.serving.lock().expect("no holder of this lock panics")
    }

    /// Changes it and tells the listeners.
    pub fn set(&self, serving: Serving) {
        *self.shared.serving.lock().expect("no holder of this lock panics") = serving;
        for listener in self.shared.listeners.lock().expect("no holder of this lock panics").iter() {
            listener();
        }
    }

    /// Registers a call for "it changed". It must not block.
    pub fn on_change(&self, listener: Listener) {
        self.shared.listeners.lock().expect("no holder of this lock panics").push(listener);
    }
}
