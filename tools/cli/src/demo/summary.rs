//! The end of a demo: wait for sink and standby, then count each number where it arises.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde::Serialize;
use tidegate_domain::Epoch;
use tidegate_node::NodeStatus;
use tidegate_node::status::NodeState;
use tidegate_sink_sql::SqlSink;

use crate::demo::EXIT_DISAGREES;
use crate::demo::robots::{LatencyUs, RobotStats};
use crate::local::LocalNode;

/// Pause between two looks.
const LOOK: Duration = Duration::from_millis(20);

/// What `demo --json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Summary {
    orders_sent: u64,
    orders_acked: u64,
    trades: u64,
    ack_latency_us: LatencyUs,
    sql_trades: u64,
    standby_digest_equal: bool,
    journal_bytes: u64,
    durability: String,
    epoch: u32,
    rejects: u64,
    reconnects: u64,
    first_trade_ms: Option<u64>,
}

impl Summary {
    /// Waits until the leader's sink has projected what is released, then counts and compares.
    pub(crate) async fn collect(
        nodes: &[LocalNode],
        stats: &RobotStats,
        folder: &Path,
        timeout: Duration,
    ) -> Result<Self, String> {
        let deadline = Instant::now() + timeout;
        let leader = leader(nodes)?;
        let status = loop {
            let status = leader.status(false)?;
            let sink = status.sink.clone().unwrap_or_default();
            if let Some(error) = sink.error {
                return Err(format!("the SQL sink stopped: {error}"));
            }
            if sink.through >= status.watermarks.published_through {
                break status;
            }
            if Instant::now() > deadline {
                return Err(format!("the SQL sink is at {} of {}", sink.through, status.watermarks.published_through));
            }
            tokio::time::sleep(LOOK).await;
        };
        let database = folder.join("tidegate.sqlite");
        let sql = SqlSink::connect(&database.to_string_lossy(), Epoch::new(status.epoch)).await;
        let sql = sql.map_err(|error| format!("cannot read {}: {error}", database.display()))?;
        let sql_trades = sql.trade_count().await.map_err(|error| format!("cannot count trades: {error}"))?;
        Ok(Self {
            orders_sent: stats.sent(),
            orders_acked: stats.acked(),
            trades: stats.trades(),
            ack_latency_us: stats.latency(),
            sql_trades,
            standby_digest_equal: digests_equal(nodes, deadline).await,
            journal_bytes: status.journal_bytes,
            durability: status.durability,
            epoch: status.epoch,
            rejects: stats.rejects(),
            reconnects: stats.reconnects(),
            first_trade_ms: stats.first_trade_ms(),
        })
    }

    /// For a person.
    pub(crate) fn text(&self) -> String {
        let latency = &self.ack_latency_us;
        let equal = |yes: bool| if yes { "equal" } else { "NOT EQUAL" };
        format!(
            "\norders   {} sent, {} acknowledged ({} rejects), {} reconnects\n\
             trades   {} seen by the robots, {} in SQL: {}\n\
             latency  p50 {} µs  p99 {} µs  p99.9 {} µs  max {} µs (client to client, durability {})\n\
             standby  digest {}\n\
             journal  {} KiB, epoch {}\n",
            self.orders_sent,
            self.orders_acked,
            self.rejects,
            self.reconnects,
            self.trades,
            self.sql_trades,
            equal(self.trades == self.sql_trades),
            latency.p50,
            latency.p99,
            latency.p999,
            latency.max,
            self.durability,
            equal(self.standby_digest_equal),
            self.journal_bytes >> 10,
            self.epoch,
        )
    }

    /// Success when the numbers agree; a demo that ended on one node has no standby to compare with.
    pub(crate) fn exit_code(&self) -> ExitCode {
        let agrees = self.orders_sent == self.orders_acked
            && self.trades == self.sql_trades
            && (self.standby_digest_equal || self.durability != "replicated");
        if agrees { ExitCode::SUCCESS } else { EXIT_DISAGREES }
    }
}

fn leader(nodes: &[LocalNode]) -> Result<&LocalNode, String> {
    let leads = |status: &NodeStatus| matches!(status.state, NodeState::Primary | NodeState::Degraded);
    let leader = nodes.iter().find(|node| node.status(false).is_ok_and(|status| leads(&status)));
    leader.ok_or_else(|| "no node leads at the end".to_owned())
}

/// Digests of both nodes at the same command. Timers may still add commands, so it looks until both stand still together.
async fn digests_equal(nodes: &[LocalNode], deadline: Instant) -> bool {
    while Instant::now() < deadline {
        let digests: Vec<_> = nodes.iter().filter_map(|node| node.status(true).ok()?.digest).collect();
        if digests.len() < 2 {
            return false;
        }
        if digests[0].sequence == digests[1].sequence {
            return digests[0].digest == digests[1].digest;
        }
        tokio::time::sleep(LOOK).await;
    }
    false
}
