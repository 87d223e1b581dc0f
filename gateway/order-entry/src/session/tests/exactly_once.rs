//! Whatever happens between clients and nodes, every order is executed once, and every report arrives once and in order.
//!
//! ```text
//!   [Trader] <-- wires that lose --> [SessionCore] --> inbox --> journal --> [Engine] --> log --released--> sessions
//!                                                         '---- what the next node has after a failover ----'
//! ```
//!
//! Session cores and engine are the real ones; wires, inbox, journal and event log are lists. A random script lets bytes
//! arrive in pieces or not at all, lets clients send again, come back, forget all they knew, and take over their own sessions,
//! lets the gateway release late, and replaces the node. Then the wires hold, and everybody ends up with exactly what the log has.
//!
//! `SESSION_SEED` repeats a script, `SESSION_SCRIPTS` makes more of them.

use std::collections::{BTreeMap, BTreeSet};

use tidegate_domain::CommandRecord;
use tidegate_domain::{
    AssetAmount, EngineLimits, EventBuffer, FeeRate, Genesis, LOGIC_VERSION, MarketTerms, OrderTarget, Reference,
    StateMachine,
};
use tidegate_matching::Engine;

use super::*;

const MARKET: MarketId = MarketId::new(1);
const TRADERS: usize = 3;
const STEPS: usize = 2_500;

/// Random numbers that can be had again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}

/// One connection, both of its ends and what is under way.
struct Link {
    core: SessionCore,
    session: SessionId,
    /// The engine was asked to open its session.
    is_opened: bool,
    /// The gateway has the connection still.
    is_open: bool,
    up: Vec<u8>,
    down: Vec<u8>,
    replay: Option<VecDeque<EventRecord>>,
}

/// The node that leads, what it has released, and who is connected.
struct Node {
    terms: Arc<SessionTerms>,
    stats: Arc<OrderEntryStats>,
    engine: Engine,
    epoch: Epoch,
    now: Nanos,
    journal: Vec<CommandRecord>,
    /// Every event, by command.
    events: Vec<Vec<EventRecord>>,
    /// How many commands' events are released.
    released: usize,
    directory: Directory,
    serving: Serving,
    inbox: VecDeque<CommandRecord>,
    links: Vec<Link>,
    by_key: BTreeMap<KeyId, usize>,
}

impl Node {
    fn new() -> Self {
        let terms = SessionTerms {
            cluster: ClusterId::new(1),
            node: NodeId::new(1),
            logon_timeout: Nanos::from_millis(60_000),
            heartbeat_min_ms: 100,
            heartbeat_max_ms: 10_000,
            output_max_bytes: 1 << 20,
            in_flight_max: 5,
            second_logon: SecondLogon::TakesOver,
            throttles: Arc::new(Throttles::new(RateLimit::default(), RateLimit::default())),
            wall_at_zero: WALL,
        };
        let mut node = Self {
            terms: Arc::new(terms),
            stats: Arc::default(),
            engine: Engine::new(),
            epoch: Epoch::new(1),
            now: Nanos::default(),
            journal: Vec::new(),
            events: Vec::new(),
            released: 0,
            directory: Directory::default(),
            serving: Serving::Primary { epoch: Epoch::new(1) },
            inbox: VecDeque::new(),
            links: Vec::new(),
            by_key: BTreeMap::new(),
        };
        node.set_up();
        node
    }

    /// A market and nobody yet.
    fn set_up(&mut self) {
        let limits = EngineLimits {
            assets_max: 4,
            markets_max: 4,
            accounts_max: 8,
            keys_max: 8,
            open_orders_max: 4_096,
            account_open_orders_max: 4_096,
            references_max: 64,
            balances_max: 64,
            seats_max: 64,
        };
        let genesis = Genesis { cluster: ClusterId::new(1), logic_version: LOGIC_VERSION, limits, seed: 7 };
        self.admin(0, &Command::Genesis(genesis));
        self.take_lead();
        let name = |text| Name::new(text).unwrap();
        self.admin(0, &Command::CreateAsset { name: name("BTC"), decimals: 8 });
        self.admin(0, &Command::CreateAsset { name: name("USDT"), decimals: 6 });
        let market = MarketTerms {
            name: name("BTC-USDT"),
            base: name("BTC"),
            quote: name("USDT"),
            base_units_per_lot: 1,
            quote_units_per_tick_lot: 1,
            maker_fee: FeeRate::from_ppm(0),
            taker_fee: FeeRate::from_ppm(0),
            qty_max: Qty::from_lots(1_000),
            price_max: Price::from_ticks(1_000),
        };
        self.admin(0, &Command::CreateMarket(market));
    }

    fn take_lead(&mut self) {
        let session_grace = Nanos::from_millis(1_000);
        self.admin(0, &Command::TakeLead { node: NodeId::new(1), incarnation: 1, session_grace });
    }

    /// A command that no session sent: applied and released at once.
    fn admin(&mut self, account: u32, command: &Command) -> (EventHeader, Event) {
        let header = CommandHeader { account: AccountId::new(account), ..CommandHeader::default() };
        self.inbox.push_back(CommandRecord::encode(&header, command));
        while self.sequence() {}
        while self.release() {}
        self.events.last().unwrap().last().unwrap().decode().unwrap()
    }

    /// The sequencer takes the next record, and the engine applies it.
    fn sequence(&mut self) -> bool {
        let Some(mut record) = self.inbox.pop_front() else { return false };
        self.now = Nanos::from_nanos(self.now.nanos() + 1);
        record.stamp(Sequence::new(self.journal.len() as u64 + 1), WALL.plus(self.now), self.epoch);
        self.journal.push(record);
        self.events.push(apply(&mut self.engine, &record));
        true
    }

    /// Publish releases the events of one more command, and the pump gives them to the sessions.
    fn release(&mut self) -> bool {
        let Some(events) = self.events.get(self.released).cloned() else { return false };
        self.released += 1;
        for record in events {
            let (header, event) = record.decode().unwrap();
            self.directory.on_event(&header, &event);
            self.dispatch(&header, &event);
        }
        true
    }

    fn dispatch(&mut self, header: &EventHeader, event: &Event) {
        let told = match event {
            Event::SessionOpened { session, .. } | Event::SessionClosed { session, .. } => {
                self.links.iter().position(|link| link.is_opened && link.is_open && link.session == *session)
            }
            _ => None,
        };
        if matches!(event, Event::SessionOpened { .. }) {
            match told {
                Some(link) => self.by_key.insert(header.key, link),
                None => self.by_key.remove(&header.key),
            };
        }
        if let Some(link) = told {
            self.with(link, |core, view| core.on_session_event(header.epoch, event, view));
        }
        if let (Some(report), Some(link)) = (Report::from_event(header, event), self.by_key.get(&header.key).copied())
            && self.links[link].is_open
        {
            self.with(link, |core, view| core.on_report(report, view.now));
        }
    }

    /// Tells a session something, and performs what it wants done.
    fn with(&mut self, link: usize, tell: impl FnOnce(&mut SessionCore, &View<'_>)) {
        let view = View { directory: &self.directory, serving: self.serving, now: self.now };
        tell(&mut self.links[link].core, &view);
        self.links[link].core.begin_turn();
        loop {
            let view = View { directory: &self.directory, serving: self.serving, now: self.now };
            match self.links[link].core.next_action(&view) {
                None => return,
                Some(Action::CatchUp) => self.links[link].core.on_caught_up(&view),
                Some(Action::Verify { .. }) => self.links[link].core.on_verified(true, &view),
                Some(Action::Submit(submission)) => self.inbox.extend(submission.records()),
                Some(Action::Open { key, submission, .. }) => {
                    for older in self.links.iter_mut().filter(|older| older.is_opened && older.core.key() == Some(key))
                    {
                        older.core.stop_listening();
                    }
                    self.links[link].is_opened = true;
                    self.inbox.extend(submission.records());
                }
                Some(Action::Replay { key, after }) => {
                    let reports = self.events[..self.released]
                        .iter()
                        .flatten()
                        .filter(|record| record.session_sequence() > after && record.decode().unwrap().0.key == key);
                    self.links[link].replay = Some(reports.copied().collect());
                }
                Some(Action::Follow { .. }) => unreachable!("nobody asks for a drop copy here"),
            }
        }
    }

    fn accept(&mut self) -> usize {
        let session = SessionId::new(self.links.len() as u64 + 1 + u64::from(self.epoch.raw()) * 1_000_000);
        let view = View { directory: &self.directory, serving: self.serving, now: self.now };
        let core = SessionCore::new(Arc::clone(&self.terms), Arc::clone(&self.stats), [3; 32], session, PEER, &view);
        let (up, down) = (Vec::new(), Vec::new());
        self.links.push(Link { core, session, is_opened: false, is_open: true, up, down, replay: None });
        self.links.len() - 1
    }

    /// Bytes of a client arrive, as far as the gateway reads.
    fn read(&mut self, link: usize, at_most: usize) -> bool {
        let Link { core, up, is_open, .. } = &mut self.links[link];
        let count = at_most.min(up.len()).min(core.read_max());
        if count == 0 || !*is_open {
            return false;
        }
        let bytes: Vec<u8> = up.drain(..count).collect();
        self.with(link, |core, view| core.on_bytes(&bytes, view.now));
        true
    }

    /// The gateway writes what it has.
    fn write(&mut self, link: usize) -> bool {
        let now = self.now;
        let Link { core, down, is_open, .. } = &mut self.links[link];
        if !*is_open {
            return false;
        }
        let Ok(bytes) = core.take_output(Vec::new(), now) else { return false };
        down.extend(bytes);
        self.with(link, |core, _| core.on_written());
        true
    }

    /// The event log is read for a session that is behind.
    fn replay(&mut self, link: usize, at_most: usize) -> bool {
        let Link { replay, is_open: true, core, .. } = &mut self.links[link] else { return false };
        let Some(reports) = replay else { return false };
        if !core.has_room_for_replay() {
            return false;
        }
        let chunk: Vec<_> = reports.drain(..at_most.min(reports.len())).collect();
        let is_done = reports.is_empty();
        if is_done {
            *replay = None;
        }
        self.with(link, |core, view| {
            core.on_replayed(&chunk, view.now);
            if is_done {
                core.on_replay_end();
            }
        });
        true
    }

    /// The gateway notices that a connection is over, or ends one whose goodbye is written.
    fn hang_up(&mut self, link: usize) {
        if self.links[link].is_open {
            self.with(link, |core, view| core.on_disconnected(view.now));
            self.links[link].is_open = false;
        }
    }

    fn tick(&mut self, millis: u64) {
        self.now = Nanos::from_nanos(self.now.nanos() + millis * 1_000_000);
        for link in 0..self.links.len() {
            if self.links[link].is_open {
                self.with(link, |core, view| core.on_tick(view));
            }
        }
    }

    /// This node is gone, and the other one leads with what it has: everything released, and some of the rest.
    fn fail_over(&mut self, random: &mut Random) {
        if random.below(2) == 0 {
            // It learns that it does not lead any more before it ends.
            self.serving = Serving::Not;
            for link in 0..self.links.len() {
                if self.links[link].is_open {
                    self.with(link, |core, view| core.on_serving(view));
                    if random.below(2) == 0 {
                        self.write(link);
                    }
                }
            }
        }
        let kept = self.released + random.below(self.journal.len() - self.released + 1);
        self.inbox.clear();
        self.by_key.clear();
        self.links.iter_mut().for_each(|link| link.is_open = false);
        self.journal.truncate(kept);
        self.engine = Engine::new();
        self.events = self.journal.iter().map(|record| apply(&mut self.engine, record)).collect();
        self.directory = Directory::default();
        self.released = 0;
        while self.release() {}
        self.epoch = Epoch::new(self.epoch.raw() + 1);
        self.serving = Serving::Primary { epoch: self.epoch };
        self.take_lead();
    }

    /// The reports of a key that the log has.
    fn reports(&self, key: KeyId) -> Vec<Report> {
        let events = self.events[..self.released].iter().flatten().map(|record| record.decode().unwrap());
        events
            .filter(|(header, _)| header.key == key)
            .filter_map(|(header, event)| Report::from_event(&header, &event))
            .collect()
    }
}

fn apply(engine: &mut Engine, record: &CommandRecord) -> Vec<EventRecord> {
    let mut out = EventBuffer::default();
    engine.apply(record, &mut out);
    out.records().to_vec()
}

/// What of a report does not depend on when it is sent.
fn place(report: &Report) -> (u64, u64, u64, u32) {
    (report.session_sequence.raw(), report.request.raw(), report.sequence.raw(), report.index)
}

/// A client that keeps the protocol.
struct Trader {
    key: KeyId,
    link: Option<usize>,
    is_ready: bool,
    input: Vec<u8>,
    last_request: u64,
    sent: BTreeMap<u64, ClientMessage>,
    unanswered: BTreeMap<u64, ClientMessage>,
    /// Numbers of requests that it knows nothing of any more: executed or not, but not twice.
    forgotten: BTreeSet<u64>,
    reports: Vec<Report>,
}

impl Trader {
    fn new(node: &mut Node, number: usize) -> Self {
        let name = |kind: &str| Name::new(&format!("{kind}{number}")).unwrap();
        let account = node.admin(0, &Command::CreateAccount { name: name("account") }).0.account;
        for asset in ["BTC", "USDT"] {
            let reference = Reference::new(&format!("{number}-{asset}")).unwrap();
            let (asset, amount) = (Name::new(asset).unwrap(), AssetAmount::from_units(1_000_000_000));
            node.admin(account.raw(), &Command::Deposit { asset, amount, reference, at: WALL });
        }
        let create = Command::CreateKey { name: name("key"), public_key: [number as u8 + 1; 32], roles: Roles::TRADE };
        let Event::KeyCreated { key, .. } = node.admin(account.raw(), &create).1 else { panic!("no key") };
        Self {
            key,
            link: None,
            is_ready: false,
            input: Vec::new(),
            last_request: 0,
            sent: BTreeMap::new(),
            unanswered: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            reports: Vec::new(),
        }
    }

    /// Opens another connection. The one before may be dead, or the gateway may not have noticed that it is.
    fn connect(&mut self, node: &mut Node) {
        self.leave();
        self.link = Some(node.accept());
    }

    /// Loses all that it knew: it goes on from the marks, with the reports from the first on.
    fn forget(&mut self) {
        self.leave();
        self.forgotten.extend(std::mem::take(&mut self.sent).into_keys());
        self.unanswered.clear();
        self.reports.clear();
        self.last_request = 0;
    }

    fn leave(&mut self) {
        (self.link, self.is_ready) = (None, false);
        self.input.clear();
    }

    fn send(&self, node: &mut Node, message: &ClientMessage) {
        if let Some(link) = self.link {
            node.links[link].up.extend(encoded(message));
        }
    }

    fn submit(&mut self, node: &mut Node, action: OrderAction) {
        if !self.is_ready {
            return;
        }
        self.last_request += 1;
        let message = ClientMessage::Order(OrderRequest { request: RequestNumber::new(self.last_request), action });
        self.sent.insert(self.last_request, message.clone());
        self.unanswered.insert(self.last_request, message.clone());
        self.send(node, &message);
    }

    fn trade(&mut self, node: &mut Node, random: &mut Random) {
        let side = if random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let time_in_force = if random.below(3) == 0 { TimeInForce::Ioc } else { TimeInForce::Gtc };
        let (price, qty) =
            (Price::from_ticks(100 + random.below(4) as i64), Qty::from_lots(1 + random.below(5) as u64));
        self.submit(node, OrderAction::limit(MARKET, side, time_in_force, price, qty));
    }

    fn cancel(&mut self, node: &mut Node, random: &mut Random) {
        let request = RequestNumber::new(1 + random.below(self.last_request as usize) as u64);
        self.submit(node, OrderAction::Cancel { target: OrderTarget::Request(request) });
    }

    /// Sends something again that was sent on this connection or an earlier one, answered or not.
    fn resend(&self, node: &mut Node, random: &mut Random) {
        if let (true, Some(message)) = (self.is_ready, self.sent.values().nth(random.below(self.sent.len()))) {
            self.send(node, message);
        }
    }

    /// Takes what arrived.
    fn read(&mut self, node: &mut Node, at_most: usize) -> bool {
        let Some(link) = self.link else { return false };
        let down = &mut node.links[link].down;
        let count = at_most.min(down.len());
        self.input.extend(down.drain(..count));
        while let Some(frame) = tidegate_wire::split_frame(&self.input).unwrap() {
            let (len_bytes, message) = (frame.bytes().len(), frame.server_message().unwrap());
            self.input.drain(..len_bytes);
            self.on_message(node, message);
            if self.link.is_none() {
                break;
            }
        }
        // The other end is closed, and everything that it said is read.
        if self.link == Some(link) && !node.links[link].is_open && node.links[link].down.is_empty() {
            self.leave();
        }
        count > 0
    }

    fn on_message(&mut self, node: &mut Node, message: ServerMessage) {
        match message {
            ServerMessage::Challenge { .. } => {
                let ClientMessage::Logon(wanted) = logon(self.key, self.reports.len() as u64) else { unreachable!() };
                let (heartbeat_ms, grace_ms) = (10_000, 50);
                let logon =
                    Logon { heartbeat_ms, grace_ms, cancel_on_disconnect: self.key.raw().is_multiple_of(2), ..wanted };
                self.send(node, &ClientMessage::Logon(logon));
            }
            ServerMessage::ReplayDone { .. } => {
                self.is_ready = true;
                for message in self.unanswered.values() {
                    self.send(node, message);
                }
            }
            ServerMessage::Report(report) => {
                let expected = self.reports.len() as u64 + 1;
                assert_eq!(report.session_sequence.raw(), expected, "a report is missing, or there twice: {report:?}");
                self.unanswered.remove(&report.request.raw());
                self.reports.push(report);
            }
            ServerMessage::NotPrimary { .. } | ServerMessage::Logout { .. } => self.leave(),
            ServerMessage::LogonAccepted { request_mark, .. } => {
                self.last_request = self.last_request.max(request_mark.raw());
            }
            ServerMessage::MarketDefinition { .. } | ServerMessage::Heartbeat | ServerMessage::TestRequest { .. } => {}
            other => panic!("nothing that was done is answered by {other:?}"),
        }
    }
}

/// One thing happens.
fn step(node: &mut Node, traders: &mut [Trader], random: &mut Random) {
    let has_links = !node.links.is_empty();
    // Links of the past come up, too: a gateway does not know that nobody is there any more.
    let link = node.links.len().saturating_sub(1 + random.below(6));
    let at = random.below(traders.len());
    let trader = &mut traders[at];
    match random.below(100) {
        0..17 => trader.trade(node, random),
        17..20 => trader.cancel(node, random),
        20..24 => trader.resend(node, random),
        24 if random.below(4) == 0 => trader.connect(node),
        24 if random.below(4) == 0 => trader.forget(),
        25..40 if trader.link.is_none() => trader.connect(node),
        25..40 => {
            trader.read(node, 1 + random.below(600));
        }
        40..60 if has_links => {
            let link = trader.link.filter(|_| random.below(3) > 0).unwrap_or(link);
            node.read(link, 1 + random.below(200));
        }
        60..70 => {
            node.sequence();
        }
        70..80 => {
            node.release();
        }
        80..90 if has_links => {
            node.write(trader.link.unwrap_or(link));
        }
        90..95 if has_links => {
            node.replay(trader.link.unwrap_or(link), 1 + random.below(5));
        }
        95 if has_links && random.below(3) == 0 => node.hang_up(link),
        96 if random.below(3) == 0 => {
            // What is under way is lost with the connection.
            if let Some(link) = trader.link {
                let Link { up, down, .. } = &mut node.links[link];
                up.truncate(random.below(up.len() + 1));
                down.clear();
                trader.leave();
            }
        }
        97 => node.tick(random.below(200) as u64),
        98 if random.below(16) == 0 => node.fail_over(random),
        _ => {}
    }
}

/// The wires hold and everybody stays, until nothing is left to do.
fn settle(node: &mut Node, traders: &mut [Trader]) {
    for _ in 0..10_000 {
        let mut is_busy = false;
        for trader in traders.iter_mut() {
            if trader.link.is_none() {
                trader.connect(node);
                is_busy = true;
            }
        }
        for link in 0..node.links.len() {
            is_busy |= node.read(link, usize::MAX) | node.replay(link, usize::MAX) | node.write(link);
            if node.links[link].core.is_closed() && !node.links[link].core.has_output() {
                node.hang_up(link);
            }
        }
        is_busy |= node.sequence() | node.release();
        for trader in traders.iter_mut() {
            is_busy |= trader.read(node, usize::MAX) || !trader.is_ready;
        }
        if !is_busy {
            return;
        }
    }
    panic!("it never comes to rest");
}

/// How much of what can happen did happen.
#[derive(Default, Debug)]
struct Seen {
    orders: usize,
    fills: usize,
    outcomes: usize,
    taken_over: u64,
    failovers: u32,
}

fn play(seed: u64, seen: &mut Seen) {
    println!("SESSION_SEED={seed}");
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut node = Node::new();
    let mut traders: Vec<_> = (0..TRADERS).map(|number| Trader::new(&mut node, number)).collect();
    for _ in 0..STEPS {
        step(&mut node, &mut traders, &mut random);
    }
    settle(&mut node, &mut traders);
    for trader in &traders {
        assert_eq!(trader.unanswered.len(), 0, "everything is answered");
        let logged = node.reports(trader.key);
        let (told, logged_places): (Vec<_>, Vec<_>) =
            (trader.reports.iter().map(place).collect(), logged.iter().map(place).collect());
        assert_eq!(told, logged_places, "every report arrived, in order");
        let mut decided: BTreeMap<u64, u32> = BTreeMap::new();
        for report in &logged {
            match report.body {
                ReportBody::OrderAccepted { .. } => *decided.entry(report.request.raw()).or_default() += 1,
                ReportBody::Rejected { reason, command: CommandKind::NewOrder } => {
                    assert_ne!(reason, Reject::RequestNumberReused);
                    *decided.entry(report.request.raw()).or_default() += 1;
                }
                ReportBody::Fill(_) => seen.fills += 1,
                ReportBody::Outcome { .. } => seen.outcomes += 1,
                _ => {}
            }
        }
        let orders = trader.sent.iter().filter(|(_, message)| {
            matches!(message, ClientMessage::Order(OrderRequest { action: OrderAction::New(_), .. }))
        });
        for (request, _) in orders {
            assert_eq!(
                decided.remove(request),
                Some(1),
                "order {request} of key {} is executed once",
                trader.key.raw()
            );
            seen.orders += 1;
        }
        for (request, times) in decided {
            assert!(trader.forgotten.contains(&request), "{request} is executed, and nobody asked for it");
            assert_eq!(times, 1, "forgotten request {request} is executed once");
        }
    }
    seen.taken_over += node.stats.taken_over_total.load(std::sync::atomic::Ordering::Relaxed);
    seen.failovers += node.epoch.raw() - 1;
}

#[test]
fn every_order_is_executed_once_and_every_report_arrives_once_and_in_order() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let mut seen = Seen::default();
    match number("SESSION_SEED") {
        Some(seed) => play(seed, &mut seen),
        None => (1..=number("SESSION_SCRIPTS").unwrap_or(200)).for_each(|seed| play(seed, &mut seen)),
    }
    println!("{seen:?}");
    let Seen { orders, fills, outcomes, taken_over, failovers } = seen;
    assert!(orders > 0 && fills > 0 && outcomes > 0 && taken_over > 0 && failovers > 0, "{seen:?} saw too little");
}
