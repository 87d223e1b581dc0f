//! An engine with one market, one account and one key, in place of a node: executes a flow's requests, and hands the
//! reports over late, and changed where a test wants them wrong.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use tidegate_domain::*;
use tidegate_matching::Engine;
use tidegate_replay::{Flow, ReplayError};
use tidegate_wire::{OrderAction, OrderRequest, Report};

pub const MARKET: MarketId = MarketId::new(1);
pub const KEY: KeyId = KeyId::new(1);
const ACCOUNT: AccountId = AccountId::new(1);

pub struct Desk {
    engine: Engine,
    sequence: u64,
    request: u64,
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

impl Desk {
    pub fn new() -> Self {
        let mut desk = Self { engine: Engine::new(), sequence: 0, request: 0 };
        let limits = EngineLimits::default();
        desk.operate(
            0,
            &Command::Genesis(Genesis { cluster: ClusterId::new(1), logic_version: LOGIC_VERSION, limits, seed: 7 }),
        );
        for asset in ["BASE", "QUOTE"] {
            desk.operate(0, &Command::CreateAsset { name: name(asset), decimals: 0 });
        }
        desk.operate(
            0,
            &Command::CreateMarket(MarketTerms {
                name: name("REPLAY"),
                base: name("BASE"),
                quote: name("QUOTE"),
                base_units_per_lot: 1,
                quote_units_per_tick_lot: 1,
                maker_fee: FeeRate::from_ppm(200),
                taker_fee: FeeRate::from_ppm(500),
                qty_max: Qty::from_lots(1_000_000_000),
                price_max: Price::from_ticks(1_000_000_000),
            }),
        );
        desk.operate(0, &Command::CreateAccount { name: name("replay") });
        desk.operate(
            ACCOUNT.raw(),
            &Command::CreateKey { name: name("replay"), public_key: [7; 32], roles: Roles::TRADE },
        );
        for asset in ["BASE", "QUOTE"] {
            let reference = Reference::new(asset).unwrap();
            let amount = AssetAmount::from_units(10u128.pow(24));
            desk.operate(
                ACCOUNT.raw(),
                &Command::Deposit { asset: name(asset), amount, reference, at: Timestamp::from_nanos(0) },
            );
        }
        desk
    }

    fn operate(&mut self, account: u32, command: &Command) {
        let header = CommandHeader { account: AccountId::new(account), ..CommandHeader::default() };
        for (_, event) in self.apply(header, command) {
            assert!(!matches!(event, Event::Rejected { .. }), "{command:?}: {event:?}");
        }
    }

    fn apply(&mut self, mut header: CommandHeader, command: &Command) -> Vec<(EventHeader, Event)> {
        self.sequence += 1;
        header.sequence = Sequence::new(self.sequence);
        header.time = Timestamp::from_nanos(self.sequence);
        let mut out = EventBuffer::default();
        self.engine.apply(&CommandRecord::encode(&header, command), &mut out);
        out.records().iter().map(|record| record.decode().unwrap()).collect()
    }

    /// Executes a request of the key.
    pub fn execute(&mut self, request: &OrderRequest) -> Vec<Report> {
        let mut parts = Vec::new();
        request.for_each_record(KEY, ACCOUNT, |record| parts.push(record.decode().unwrap()));
        let events: Vec<_> = parts.iter().flat_map(|(header, command)| self.apply(*header, command)).collect();
        events.iter().filter_map(|(header, event)| Report::from_event(header, event)).collect()
    }

    /// Runs a flow to its end, `lag` requests ahead of its reports. Returns how many requests there were.
    pub fn run(&mut self, flow: &mut impl Flow, lag: usize) -> Result<u64, ReplayError> {
        self.run_changed(flow, lag, |_| {})
    }

    /// The same, with every report changed on its way.
    pub fn run_changed(
        &mut self,
        flow: &mut impl Flow,
        lag: usize,
        mut change: impl FnMut(&mut Report),
    ) -> Result<u64, ReplayError> {
        let mut late: VecDeque<Vec<Report>> = VecDeque::new();
        let mut sent = 0;
        while let Some(action) = flow.next_action() {
            late.push_back(self.submit(flow, action));
            sent += 1;
            while late.len() > lag {
                deliver(flow, late.pop_front().unwrap(), &mut change)?;
            }
        }
        for reports in late {
            deliver(flow, reports, &mut change)?;
        }
        self.engine.conservation().unwrap();
        Ok(sent)
    }

    fn submit(&mut self, flow: &mut impl Flow, action: OrderAction) -> Vec<Report> {
        self.request += 1;
        let request = RequestNumber::new(self.request);
        flow.on_sent(request);
        self.execute(&OrderRequest { request, action })
    }
}

fn deliver(
    flow: &mut impl Flow,
    reports: Vec<Report>,
    change: &mut impl FnMut(&mut Report),
) -> Result<(), ReplayError> {
    for mut report in reports {
        change(&mut report);
        flow.on_report(&report)?;
    }
    Ok(())
}

/// A file of a test, in a folder that goes with it.
pub struct TestFile {
    folder: tempfile::TempDir,
}

impl TestFile {
    pub fn new(files: &[(&str, &[u8])]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A file of the recorded data, which is not part of the repository; says so where it is absent.
pub fn recorded(path: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("TIDEGATE_DATA").map_or(beside, PathBuf::from);
    let file = folder.join(path);
    if file.exists() {
        return Some(file);
    }
    println!("SKIPPED: {} is absent; TIDEGATE_DATA names the folder of the recorded data", file.display());
    None
}
