//! `tidegate bench restart`: how long a node of a given size takes to come back, from its snapshot and without it.
//!
//! ```text
//!   a node's own journal + generated commands --start--> event log, state --snapshot--> restarts, each a process of its own
//!                    + generated order flow   --start--> more of both     --snapshot--> commands a second through the engine
//! ```
//!
//! Invariants: what is measured is the product: the program's own node, journal and snapshot. The same seed makes the same
//! commands.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde_json::{Value, json};
use tidegate_domain::{
    AccountId, AssetAmount, Command, CommandHeader, CommandRecord, Epoch, FeeRate, KeyId, MarketId, MarketTerms, Name,
    NewOrder, OrderId, OrderOptions, OrderTarget, OrderType, Price, Qty, Reference, RequestNumber, Roles, Sequence,
    Side, TimeInForce, Timestamp,
};
use tidegate_journal::{LogConfig, open_journal};
use tidegate_node::NodeStatus;
use tidegate_node::config::{DurabilityName, IoName, LimitsSection, NodeConfig};
use tidegate_node::snapshots::{self, Made, Phase};
use tidegate_node::status::NodeState;

use crate::local::{ClusterPlan, LocalNode};

const MARKETS: u32 = 100;
const EPOCH: u32 = 1;
const DEPOSIT_UNITS: u128 = 10_u128.pow(20);
const MID_TICKS: i64 = 1_000_000;
/// How far from the middle orders rest, in ticks.
const DEPTH_TICKS: u64 = 5_000;
/// An order of a snapshot has more.
const ORDER_BYTES_MIN: u64 = 100;
/// Records handed to the journal at a time.
const CHUNK: usize = 8_192;

/// What to build and how often to measure.
#[derive(Args, Clone, Debug)]
pub struct RestartArguments {
    /// Accounts, each with a balance
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    accounts: u32,
    /// Orders that rest
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    orders: u32,
    /// Keys that place them; a key's memory of its requests takes 32 KiB of the engine's memory
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    keys: u32,
    /// Commands of order flow that are replayed
    #[arg(long, default_value_t = 3_000_000, value_parser = clap::value_parser!(u32).range(1_000..=20_000_000))]
    flow: u32,
    /// Restarts, of which the median is told
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    runs: u32,
    /// Where the node's folder is made and removed again; by default a temporary one. Several GiB
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Builds, measures, and tells each step to `tell`.
///
/// # Errors
/// What could not be made or started.
pub fn measure(arguments: &RestartArguments, tell: &dyn Fn(&str)) -> Result<Value, String> {
    if arguments.keys > arguments.accounts {
        return Err(format!("--keys is {}; allowed: at most --accounts, {}", arguments.keys, arguments.accounts));
    }
    let parent = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::tempdir_in(&parent).map_err(|error| format!("{}: {error}", parent.display()))?;
    let mut node = prepare(arguments, folder.path())?;
    tell("a node begins its journal");
    start(&mut node)?;
    node.stop()?;
    tell("generating the state");
    let mut maker = Maker::new(arguments);
    maker.write(&node.config, Maker::state)?;
    let built = maker.sequence;
    tell("a start without a snapshot, which also makes the event log");
    let (replayed_start, _) = start(&mut node)?;
    node.stop()?;
    tell("the first snapshot");
    let (state, phases) = take(node.data_dir())?;
    if state.bytes < u64::from(arguments.orders) * ORDER_BYTES_MIN {
        return Err(format!(
            "the snapshot of {} bytes cannot hold {} orders: some were rejected",
            state.bytes, arguments.orders
        ));
    }
    let mut restarts = Vec::new();
    for run in 1..=arguments.runs {
        tell(&format!("restart {run} of {}", arguments.runs));
        let (took, status) = start(&mut node)?;
        if status.started_from != state.sequence {
            return Err(format!(
                "the node started from {}, not from the snapshot\n{}",
                status.started_from,
                node.log_tail()
            ));
        }
        restarts.push(took);
        node.kill();
    }
    restarts.sort_unstable();
    tell("generating order flow");
    start(&mut node)?;
    node.stop()?;
    maker.write(&node.config, Maker::flow)?;
    tell("a start that replays it");
    start(&mut node)?;
    node.stop()?;
    tell("the second snapshot, which replays it through the engine alone");
    let (flow, flow_phases) = take(node.data_dir())?;
    Ok(json!({
        "accounts": arguments.accounts,
        "orders": arguments.orders,
        "keys": arguments.keys,
        "commands": built,
        "start_without_snapshot_ms": ms(replayed_start),
        "snapshot_bytes": state.bytes,
        "snapshot_taken_ms": state.elapsed_ms,
        "snapshot_write_ms": ms(phases.of(Phase::Write)),
        "snapshot_verify_ms": ms(phases.of(Phase::Verify)),
        "state_replay_per_second": rate(state.replayed, phases.of(Phase::Replay)),
        "restart_ms": ms(restarts[restarts.len() / 2]),
        "restart_ms_all": restarts.iter().map(|took| ms(*took)).collect::<Vec<_>>(),
        "flow_commands": flow.replayed,
        "flow_replay_per_second": rate(flow.replayed, flow_phases.of(Phase::Replay)),
    }))
}

fn prepare(arguments: &RestartArguments, folder: &Path) -> Result<LocalNode, String> {
    let plan = ClusterPlan {
        folder: folder.join("node"),
        program: std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?,
        nodes: 1,
        durability: DurabilityName::Local,
        http: false,
        market_data: false,
        sql: false,
        segment_mib: 64,
        io: IoName::Auto,
    };
    let mut node = plan.write()?.remove(0);
    // The flow leaves a twentieth of itself behind.
    let orders = (arguments.orders + arguments.flow / 8 + 1_000).min(1 << 24);
    node.config.limits = LimitsSection {
        accounts_max: arguments.accounts,
        keys_max: arguments.keys,
        markets_max: MARKETS,
        open_orders_max: orders,
        account_open_orders_max: orders,
        references_max: 1 << 20,
        balances_max: arguments.accounts + arguments.keys,
        seats_max: arguments.keys * MARKETS.min(160),
        ..LimitsSection::default()
    };
    node.config.snapshots.every_commands = 0;
    node.write_config()?;
    Ok(node)
}

/// From the start of the process until it leads.
fn start(node: &mut LocalNode) -> Result<(Duration, NodeStatus), String> {
    let started = Instant::now();
    node.start()?;
    let status = node.wait_for("the node leads", |status| status.state == NodeState::Primary)?;
    Ok((started.elapsed(), status))
}

fn take(data_dir: &Path) -> Result<(Made, Phases), String> {
    let mut phases = Phases { spent: Vec::new(), since: Instant::now() };
    let made = snapshots::make(data_dir, 2, &mut |phase, _, _| phases.enter(phase))?;
    Ok((made, phases))
}

/// How long each phase took.
struct Phases {
    spent: Vec<(Phase, Duration)>,
    since: Instant,
}

impl Phases {
    fn enter(&mut self, phase: Phase) {
        let now = Instant::now();
        if let Some((last, spent)) = self.spent.last_mut() {
            *spent += now - self.since;
            if *last == phase {
                self.since = now;
                return;
            }
        }
        self.spent.push((phase, Duration::ZERO));
        self.since = now;
    }

    fn of(&self, phase: Phase) -> Duration {
        self.spent.iter().filter(|(of, _)| *of == phase).map(|(_, spent)| *spent).sum()
    }
}

fn ms(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(commands: u64, took: Duration) -> u64 {
    (commands as f64 / took.as_secs_f64().max(1e-9)) as u64
}

/// Makes commands as clients and an operator would send them.
struct Maker {
    accounts: u32,
    orders: u32,
    keys: u32,
    flow: u32,
    sequence: u64,
    /// Request numbers and newest orders, by key.
    of_key: Vec<(u64, Vec<OrderId>)>,
    random: u64,
    /// Of all commands that are written together: time may stand still, but not go back.
    time: Timestamp,
    out: Vec<CommandRecord>,
}

impl Maker {
    fn new(arguments: &RestartArguments) -> Self {
        let RestartArguments { accounts, orders, keys, flow, .. } = *arguments;
        let of_key = vec![(0, Vec::new()); keys as usize];
        Self {
            accounts,
            orders,
            keys,
            flow,
            sequence: 0,
            of_key,
            random: 0x9e37_79b9_7f4a_7c15,
            time: Timestamp::default(),
            out: Vec::new(),
        }
    }

    /// Appends what `make` makes to the node's journal.
    fn write(&mut self, config: &NodeConfig, make: fn(&mut Self, u64)) -> Result<(), String> {
        let cluster = config.cluster().map_err(|error| error.to_string())?;
        let log = LogConfig::new(&config.node.data_dir, cluster, config.journal.segment_mib << 20);
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.time = Timestamp::from_nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX));
        let mut journal = open_journal(&log).map_err(|error| error.to_string())?;
        // Not what a status says: a node may lead before its first command is journaled.
        self.sequence = journal.writer.appended_through().raw();
        let mut step = 0;
        loop {
            while self.out.len() < CHUNK {
                let before = self.out.len();
                make(self, step);
                step += 1;
                if self.out.len() == before {
                    let written = journal.writer.append(&self.out, Sequence::ZERO);
                    self.out.clear();
                    let synced = written.and_then(|()| journal.syncer.sync());
                    return synced.map(|_| ()).map_err(|error| error.to_string());
                }
            }
            journal.writer.append(&self.out, Sequence::ZERO).map_err(|error| error.to_string())?;
            self.out.clear();
        }
    }

    fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    fn put(&mut self, mut header: CommandHeader, command: &Command) {
        self.sequence += 1;
        header.sequence = Sequence::new(self.sequence);
        header.time = self.time;
        header.epoch = Epoch::new(EPOCH);
        self.out.push(CommandRecord::encode(&header, command));
    }

    fn operator(&mut self, account: u32, command: &Command) {
        let (account, request) = (AccountId::new(account), RequestNumber::new(self.sequence + 1));
        self.put(CommandHeader { account, request, key: KeyId::OPERATOR, ..CommandHeader::default() }, command);
    }

    fn request(&mut self, key: u32, command: &Command) {
        let number = &mut self.of_key[key as usize].0;
        *number += 1;
        let (request, id) = (RequestNumber::new(*number), key + 1);
        let header =
            CommandHeader { request, account: AccountId::new(id), key: KeyId::new(id), ..CommandHeader::default() };
        self.put(header, command);
    }

    /// Assets and markets, then each account with what it has, then the orders.
    fn state(&mut self, step: u64) {
        match step.checked_sub(1) {
            None => self.markets(),
            Some(account) if account < u64::from(self.accounts) => self.account(account as u32 + 1),
            Some(order) if order < u64::from(self.accounts) + u64::from(self.orders) => {
                let key = (order % u64::from(self.keys)) as u32;
                self.resting(key);
            }
            Some(_) => {}
        }
    }

    fn markets(&mut self) {
        let (base, quote) = (name("BASE"), name("QUOTE"));
        for name in [base, quote] {
            self.operator(0, &Command::CreateAsset { name, decimals: 8 });
        }
        for market in 0..MARKETS {
            let terms = MarketTerms {
                name: name(&format!("M{market}")),
                base,
                quote,
                base_units_per_lot: 1,
                quote_units_per_tick_lot: 1,
                maker_fee: FeeRate::from_ppm(100),
                taker_fee: FeeRate::from_ppm(200),
                qty_max: Qty::from_lots(1_000_000),
                price_max: Price::from_ticks(2 * MID_TICKS),
            };
            self.operator(0, &Command::CreateMarket(terms));
        }
    }

    fn account(&mut self, account: u32) {
        self.operator(0, &Command::CreateAccount { name: name(&format!("A{account}")) });
        let has_key = account <= self.keys;
        if has_key {
            let mut public_key = [0; 32];
            public_key[..4].copy_from_slice(&account.to_le_bytes());
            let (name, roles) = (name(&format!("K{account}")), Roles::READ.with(Roles::TRADE));
            self.operator(account, &Command::CreateKey { name, public_key, roles });
        }
        for asset in ["QUOTE", "BASE"].into_iter().take(1 + usize::from(has_key)) {
            let reference = Reference::new(&format!("{asset}-{account}")).expect("it is short and printable");
            let (asset, amount) = (name(asset), AssetAmount::from_units(DEPOSIT_UNITS));
            self.operator(account, &Command::Deposit { asset, amount, reference, at: self.time });
        }
    }

    /// An order that rests, away from the middle.
    fn resting(&mut self, key: u32) {
        let away = 1 + self.below(DEPTH_TICKS) as i64;
        let side = if self.below(2) == 0 { Side::Buy } else { Side::Sell };
        let price = MID_TICKS + if side == Side::Buy { -away } else { away };
        self.order(key, side, price, TimeInForce::Gtc);
        let order = OrderId::new(self.sequence);
        self.of_key[key as usize].1.push(order);
    }

    fn order(&mut self, key: u32, side: Side, ticks: i64, time_in_force: TimeInForce) {
        let order = NewOrder {
            market: MarketId::new(1 + self.below(MARKETS.into()) as u32),
            side,
            order_type: OrderType::Limit,
            time_in_force,
            post_only: false,
            price: Price::from_ticks(ticks),
            qty: Qty::from_lots(1 + self.below(9)),
            options: OrderOptions::default(),
        };
        self.request(key, &Command::NewOrder(order));
    }

    /// As many new orders as cancels, and some that take.
    fn flow(&mut self, step: u64) {
        if step >= u64::from(self.flow) {
            return;
        }
        let key = self.below(self.keys.into()) as u32;
        match self.below(20) {
            0..10 => self.resting(key),
            10..19 => match self.of_key[key as usize].1.pop() {
                Some(order) => self.request(key, &Command::CancelOrder { target: OrderTarget::Order(order) }),
                None => self.resting(key),
            },
            _ => {
                let (side, beyond) = if self.below(2) == 0 { (Side::Buy, 100) } else { (Side::Sell, -100) };
                self.order(key, side, MID_TICKS + beyond, TimeInForce::Ioc);
            }
        }
    }
}

fn name(text: &str) -> Name {
    Name::new(text).expect("names here are short and printable")
}
