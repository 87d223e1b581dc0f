//! What a gateway keeps of one connection beside its session, and all connections by token.
//!
//! Invariants: a token that is not known any more finds nothing.
//! Owning thread: the gateway's.

use std::net::SocketAddr;

use tidegate_domain::{KeyId, SessionId};
use tidegate_journal::EventCursor;
use tidegate_pipeline::stamps::Ticks;

use crate::replay::Replay;
use crate::session::{SessionCore, Submission};
use tidegate_sockets::{Address, Token, Want};

/// One connection.
pub(crate) struct Connection {
    generation: u32,
    pub(crate) peer: SocketAddr,
    pub(crate) core: SessionCore,
    /// It has not logged on: its number among those.
    pub(crate) newcomer: Option<u64>,
    /// Counts as one of its address that has not logged on.
    pub(crate) address: Option<Address>,
    /// It was refused at once, and lingers to read why.
    pub(crate) turned_away: bool,
    /// What the driver was last told to receive.
    pub(crate) want: Want,
    /// When its last bytes came.
    pub(crate) received: Ticks,
    /// A send is under way; else the buffer for the next one is in `spare`.
    pub(crate) sending: bool,
    pub(crate) spare: Vec<u8>,
    pub(crate) said_goodbye: bool,
    /// It has something to do in this round.
    pub(crate) touched: bool,
    pub(crate) replay: Option<Replay>,
    /// Of a drop copy: where it is in the event log.
    pub(crate) follows: Option<EventCursor>,
    /// Its replay waits for its turn.
    pub(crate) replay_queued: bool,
    /// Its session here, once the engine was asked to open it.
    pub(crate) opened: Option<(KeyId, SessionId)>,
    /// How many the engine was asked to open before, here: it answers in this order.
    pub(crate) opened_as: u64,
    /// It goes to another thread as soon as nothing is under way.
    pub(crate) leaving: Option<(KeyId, SessionId, Submission)>,
}

impl Connection {
    pub(crate) fn new(peer: SocketAddr, core: SessionCore) -> Self {
        Self {
            generation: 0,
            peer,
            core,
            newcomer: None,
            address: None,
            turned_away: false,
            want: Want::Nothing,
            received: Ticks::NONE,
            sending: false,
            spare: Vec::new(),
            said_goodbye: false,
            touched: false,
            replay: None,
            follows: None,
            replay_queued: false,
            opened: None,
            opened_as: 0,
            leaving: None,
        }
    }
}

/// See the module.
#[derive(Default)]
pub(crate) struct Connections {
    slots: Vec<Option<Box<Connection>>>,
    count: usize,
}

impl Connections {
    pub(crate) fn insert(&mut self, token: Token, mut connection: Box<Connection>) {
        let slot = token.slot as usize;
        if self.slots.len() <= slot {
            self.slots.resize_with(slot + 1, || None);
        }
        connection.generation = token.generation;
        assert!(self.slots[slot].is_none(), "the driver gives no token twice");
        self.slots[slot] = Some(connection);
        self.count += 1;
    }

    pub(crate) fn get(&mut self, token: Token) -> Option<&mut Connection> {
        let connection = self.slots.get_mut(token.slot as usize)?.as_deref_mut()?;
        (connection.generation == token.generation).then_some(connection)
    }

    pub(crate) fn peek(&self, token: Token) -> Option<&Connection> {
        let connection = self.slots.get(token.slot as usize)?.as_deref()?;
        (connection.generation == token.generation).then_some(connection)
    }

    pub(crate) fn remove(&mut self, token: Token) -> Option<Box<Connection>> {
        self.get(token)?;
        self.count -= 1;
        self.slots[token.slot as usize].take()
    }

    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// Slots that were ever used: [`Self::token_at`] of each finds every connection.
    pub(crate) const fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The connection in a slot.
    pub(crate) fn token_at(&self, slot: usize) -> Option<Token> {
        let generation = self.slots[slot].as_ref()?.generation;
        Some(Token { slot: slot as u32, generation })
    }

    pub(crate) fn tokens(&self) -> Vec<Token> {
        (0..self.slots()).filter_map(|slot| self.token_at(slot)).collect()
    }
}
