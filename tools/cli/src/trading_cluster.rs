//! A node or a pair on this machine, with markets and traders that have money: what is measured over the wire.
//!
//! Invariants: nothing but order entry and what the plan names runs on it, and no snapshot is taken meanwhile; the first node leads when it is ready.

use std::path::PathBuf;

use tidegate_domain::{KeyId, MarketId};
use tidegate_node::config::{DurabilityName, IdleName, IoName};
use tidegate_node::status::NodeState;
use tidegate_node::{AdminRequest, NodeStatus};
use tidegate_perf_wire::Login;

use crate::keygen::read_client_key;
use crate::local::{ClusterPlan, LocalNode};

/// What to start.
pub(crate) struct TradingPlan {
    /// Where its folders go.
    pub(crate) folder: PathBuf,
    /// `replicated` is two nodes, everything else one.
    pub(crate) durability: DurabilityName,
    /// How gateways drive their sockets.
    pub(crate) io: IoName,
    /// Accounts with a key each.
    pub(crate) traders: usize,
    /// Markets.
    pub(crate) markets: usize,
    /// Whether the nodes' threads spin instead of parking.
    pub(crate) spins: bool,
    /// Whether they have a market-data feed.
    pub(crate) market_data: bool,
    /// Orders a second that a key may send, and at once; `None`: no limit.
    pub(crate) key_limit: Option<(u32, u32)>,
}

/// A node, perhaps its standby, and who trades on it.
pub(crate) struct TradingCluster {
    /// The first one leads.
    pub(crate) nodes: Vec<LocalNode>,
    /// One for each trader; their market is the first one.
    pub(crate) logins: Vec<Login>,
    /// All of them.
    pub(crate) markets: Vec<MarketId>,
    /// `io_uring` or `epoll`.
    pub(crate) io: String,
}

/// The kernel interface that an option names.
pub(crate) fn io_name(text: &str) -> IoName {
    match text {
        "uring" => IoName::Uring,
        "epoll" => IoName::Epoll,
        _ => IoName::Auto,
    }
}

impl TradingCluster {
    /// Starts the nodes and gives every trader its money.
    ///
    /// # Errors
    /// What could not be made or started.
    pub(crate) fn start(plan: &TradingPlan) -> Result<Self, String> {
        let replicated = plan.durability == DurabilityName::Replicated;
        let cluster = ClusterPlan {
            folder: plan.folder.clone(),
            program: std::env::current_exe().map_err(|error| format!("cannot find this program: {error}"))?,
            nodes: if replicated { 2 } else { 1 },
            durability: plan.durability,
            http: false,
            market_data: plan.market_data,
            sql: false,
            segment_mib: 256,
            io: plan.io,
        };
        let mut nodes = cluster.write()?;
        for node in nodes.iter_mut().rev() {
            node.config.pipeline.idle = if plan.spins { IdleName::Spin } else { IdleName::Park };
            node.config.snapshots.every_commands = 0;
            if let Some((per_second, at_once)) = plan.key_limit {
                node.config.order_entry.limits.key_tokens_per_s = per_second;
                node.config.order_entry.limits.key_tokens_max = at_once;
            }
            node.write_config()?;
            node.start()?;
        }
        let leads = |status: &NodeStatus| {
            status.state == NodeState::Primary
                && (!replicated || status.peer.as_ref().is_some_and(|peer| peer.caught_up))
        };
        let io = nodes[0].wait_for("the node leads", leads)?.io;
        let node = &nodes[0];
        for asset in ["BTC", "USDT"] {
            node.ask(&AdminRequest::CreateAsset { name: asset.to_owned(), decimals: 8 })?;
        }
        let mut markets = Vec::new();
        for n in 1..=plan.markets {
            let name = if n == 1 { "BTC-USDT".to_owned() } else { format!("BTC-USDT-{n}") };
            markets.push(MarketId::new(node.create_market(&name, "BTC", "USDT", "0.01", "0.0001")?));
        }
        let money = [("BTC", "1000000"), ("USDT", "100000000000")];
        let mut logins = Vec::new();
        for n in 0..plan.traders {
            let file = plan.folder.join(format!("trader-{n}.key"));
            let trader = node.create_trader(&format!("trader-{n}"), &file, &money)?;
            let (key, secret) = (KeyId::new(trader.key), read_client_key(&file)?);
            logins.push(Login { address: node.gateway(), key, secret, market: markets[0] });
        }
        Ok(Self { nodes, logins, markets, io })
    }

    /// Stops every node in its own order.
    ///
    /// # Errors
    /// When one did not end well.
    pub(crate) fn stop(&mut self) -> Result<(), String> {
        self.nodes.iter_mut().try_for_each(LocalNode::stop)
    }
}
