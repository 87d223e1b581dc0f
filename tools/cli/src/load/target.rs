//! Where a load goes: a node or pair of this program, or one that runs.
//!
//! Invariants: what this program started it stops; a node of somebody else is only asked.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tidegate_domain::{KeyId, MarketId};
use tidegate_latency::{CoreOf, Run};
use tidegate_node::NodeConfig;
use tidegate_node::config::DurabilityName;
use tidegate_perf_wire::Login;
use xxhash_rust::xxh3::xxh3_64;

use super::arguments::LoadArgs;
use super::interrupt::Interrupt;
use crate::keygen::read_client_key;
use crate::operator::node_status;
use crate::trading_cluster::{TradingCluster, TradingPlan, io_name};

/// See the module.
pub(super) struct Target {
    pub(super) logins: Vec<Login>,
    pub(super) markets: Vec<MarketId>,
    /// What this command started, and its folder.
    pub(super) own: Option<(TradingCluster, tempfile::TempDir)>,
    /// Of a node that runs: what its operator's socket says.
    durability: Option<String>,
}

impl Target {
    /// With so many markets.
    pub(super) fn prepare(
        arguments: &LoadArgs,
        parent: &Path,
        markets: usize,
        interrupt: &Interrupt,
    ) -> Result<Self, String> {
        if let Some(address) = arguments.connect {
            let markets: Vec<MarketId> = arguments.market.iter().map(|market| MarketId::new(*market)).collect();
            let mut logins = Vec::new();
            for (key, file) in arguments.key.iter().zip(&arguments.key_file) {
                let (key, secret) = (KeyId::new(*key), read_client_key(file)?);
                logins.push(Login { address, key, secret, market: markets[0] });
            }
            let durability = arguments.data_dir.as_deref().map(|dir| durability_of(dir, address)).transpose()?;
            return Ok(Self { logins, markets, own: None, durability });
        }
        let folder = tempfile::tempdir_in(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        interrupt.note_temporary(folder.path());
        let durability = match arguments.durability.as_str() {
            "async" => DurabilityName::Async,
            "local" => DurabilityName::Local,
            _ => DurabilityName::Replicated,
        };
        let cluster = TradingCluster::start(&TradingPlan {
            folder: folder.path().join("cluster"),
            durability,
            io: io_name(&arguments.io),
            traders: arguments.sessions(),
            markets,
            spins: !arguments.park && durability != DurabilityName::Replicated,
            market_data: false,
            key_limit: None,
        })?;
        let (logins, markets) = (cluster.logins.clone(), cluster.markets.clone());
        Ok(Self { logins, markets, own: Some((cluster, folder)), durability: None })
    }

    /// The nodes' threads that are pinned to one core.
    pub(super) fn threads(&self) -> Vec<CoreOf> {
        let nodes = self.own.iter().flat_map(|(cluster, _)| &cluster.nodes);
        nodes.filter_map(|node| Some((node.config.node.id, node.pid()?))).flat_map(pinned_threads).collect()
    }

    pub(super) fn describe(&self, run: &mut Run) {
        let Some((cluster, _)) = &self.own else {
            run.durability = self.durability.clone().unwrap_or_else(|| "unknown".to_owned());
            return;
        };
        // The one that was killed took part, too.
        run.nodes = (cluster.nodes.len() + run.failovers.len()) as u32;
        let config = &cluster.nodes[0].config;
        run.config = toml::to_string(config).expect("its file was written from it");
        run.config_hash = config_hash(config.clone());
    }

    pub(super) fn stop(mut self) -> Result<(), String> {
        self.own.as_mut().map_or(Ok(()), |(cluster, _)| cluster.stop())
    }
}

/// What an acknowledgement needs at the node of this folder, which must be the one at this address.
fn durability_of(data_dir: &Path, address: SocketAddr) -> Result<String, String> {
    let status = node_status(data_dir, false)?;
    // A node that listens everywhere names no address of its own.
    let port = status.order_entry.parse::<SocketAddr>().ok().map(|listens| listens.port());
    if port != Some(address.port()) {
        let (there, dir) = (status.order_entry, data_dir.display());
        return Err(format!("--data-dir {dir}: the node there takes orders at {there}, --connect is {address}"));
    }
    Ok(status.durability)
}

/// Of what a configuration says, without what is another one in every run and says nothing: folders, ports, the cluster's name.
fn config_hash(mut config: NodeConfig) -> String {
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
    config.node.cluster = String::new();
    config.node.data_dir = PathBuf::new();
    config.order_entry.listen = nowhere;
    if let Some(replication) = &mut config.replication {
        (replication.listen, replication.peer, replication.keys_dir) = (nowhere, nowhere, PathBuf::new());
    }
    let text = toml::to_string(&config).expect("its file was written from it");
    format!("{:016x}", xxh3_64(text.as_bytes()))
}

fn pinned_threads((node, pid): (u32, u32)) -> Vec<CoreOf> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let mut threads: Vec<CoreOf> = tasks
        .filter_map(|task| {
            let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
            let status = std::fs::read_to_string(task.path().join("status")).ok()?;
            let core = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
            // A list or a range is no single core.
            let core = core.trim().parse().ok()?;
            Some(CoreOf { thread: format!("node-{node}/{}", name.trim()), core: Some(core) })
        })
        .collect();
    threads.sort_by(|one, other| one.thread.cmp(&other.thread));
    threads
}
