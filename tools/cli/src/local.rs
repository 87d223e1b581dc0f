//! Nodes as child processes on this machine: what `demo`, `replay` and the tests with real processes are made of.
//!
//! Invariants: ports are free ones of 127.0.0.1; a child dies with the process that started it; its log is in its folder.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tidegate_domain::NodeId;
use tidegate_node::config::{
    DurabilityName, HttpSection, IoName, JournalSection, LimitsSection, MarketDataSection, NodeSection,
    OrderEntrySection, PipelineSection, ReplicationSection, SecondLogonName, SessionLimitsSection, SnapshotsSection,
    SqlSection, default_session_grace_ms,
};
use tidegate_node::{AdminRequest, MoneyRequest, NodeConfig, NodeStatus, ROLES_DEFAULT, Role};

use crate::keygen::make_client_key;
use crate::operator;

/// Pause between two looks at a child.
const LOOK: Duration = Duration::from_millis(10);
/// Longest wait for a child to start, stop or change.
pub const CHILD_TIMEOUT: Duration = Duration::from_secs(30);

/// What a cluster of one or two local nodes is made of.
#[derive(Clone, Debug)]
pub struct ClusterPlan {
    /// Folder of everything; must not hold a cluster yet.
    pub folder: PathBuf,
    /// The program to run: `tidegate` itself.
    pub program: PathBuf,
    /// One node, or two with replication.
    pub nodes: u32,
    /// What an acknowledgement needs.
    pub durability: DurabilityName,
    /// Whether each node serves HTTP.
    pub http: bool,
    /// Whether each node has a market-data feed.
    pub market_data: bool,
    /// Whether the leader projects into `tidegate.sqlite` of the folder.
    pub sql: bool,
    /// Size of a journal segment.
    pub segment_mib: u64,
    /// How gateways drive their sockets.
    pub io: IoName,
}

/// A node that runs, or could.
#[derive(Debug)]
pub struct LocalNode {
    /// Its configuration, as in its file.
    pub config: NodeConfig,
    config_file: PathBuf,
    log_file: PathBuf,
    /// What is started: the program, or something that starts it.
    pub program: PathBuf,
    child: Option<Child>,
}

/// A free TCP port of 127.0.0.1, free at least now.
fn free_tcp() -> Result<SocketAddr, String> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map_err(|error| format!("no free TCP port on 127.0.0.1: {error}"))
}

/// Every client of a local cluster has the same address, and is ours.
fn unlimited() -> SessionLimitsSection {
    SessionLimitsSection {
        limit_loopback: false,
        key_tokens_per_s: 0,
        key_tokens_max: 0,
        address_tokens_per_s: 0,
        address_tokens_max: 0,
        ..SessionLimitsSection::default()
    }
}

fn free_udp() -> Result<SocketAddr, String> {
    let bound = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    bound.map_err(|error| format!("no free UDP port on 127.0.0.1: {error}"))
}

impl ClusterPlan {
    /// Makes keys, folders and configurations; nothing runs yet. The first node is the primary.
    ///
    /// # Errors
    /// Names what cannot be made.
    pub fn write(&self) -> Result<Vec<LocalNode>, String> {
        fs::create_dir_all(&self.folder)
            .map_err(|error| format!("cannot create {}: {error}", self.folder.display()))?;
        let keys_dir = self.folder.join("keys");
        let ids: Vec<NodeId> = (1..=self.nodes).map(NodeId::new).collect();
        let cluster = tidegate_replicator::make_cluster(&keys_dir, &ids).map_err(|error| error.to_string())?;
        let cluster = format!("{:032x}", cluster.raw());
        let links = ids.iter().map(|_| free_udp()).collect::<Result<Vec<_>, _>>()?;
        let mut nodes = Vec::new();
        for (index, id) in ids.iter().enumerate() {
            let peer = (self.nodes == 2).then(|| 1 - index);
            let replication = peer.map(|peer| ReplicationSection {
                listen: links[index],
                peer: links[peer],
                peer_node: ids[peer].raw(),
                keys_dir: keys_dir.clone(),
                heartbeat_ms: 50,
                idle_timeout_ms: 1_000,
            });
            let config = NodeConfig {
                node: NodeSection {
                    id: id.raw(),
                    role: if index == 0 { Role::Primary } else { Role::Standby },
                    cluster: cluster.clone(),
                    data_dir: self.folder.join(format!("node-{id}")),
                },
                journal: JournalSection { durability: Some(self.durability), segment_mib: self.segment_mib },
                pipeline: PipelineSection::default(),
                order_entry: OrderEntrySection {
                    listen: free_tcp()?,
                    io: self.io,
                    session_grace_ms: default_session_grace_ms(),
                    threads: 1,
                    second_logon: SecondLogonName::default(),
                    tls: None,
                    limits: unlimited(),
                },
                http: if self.http {
                    Some(HttpSection { listen: free_tcp()?, operator_listen: Some(free_tcp()?) })
                } else {
                    None
                },
                market_data: if self.market_data { Some(MarketDataSection::new(free_tcp()?)) } else { None },
                replication,
                sql: self.sql.then(|| SqlSection { file: self.folder.join("tidegate.sqlite") }),
                snapshots: SnapshotsSection::default(),
                limits: LimitsSection::default(),
            };
            let node = LocalNode {
                config,
                config_file: self.folder.join(format!("node-{id}.toml")),
                log_file: self.folder.join(format!("node-{id}.log")),
                program: self.program.clone(),
                child: None,
            };
            node.write_config()?;
            nodes.push(node);
        }
        Ok(nodes)
    }
}

impl LocalNode {
    /// Writes the configuration file as `config` is now.
    ///
    /// # Errors
    /// Names the file.
    pub fn write_config(&self) -> Result<(), String> {
        let text = toml::to_string(&self.config).map_err(|error| format!("cannot write a configuration: {error}"))?;
        fs::write(&self.config_file, text)
            .map_err(|error| format!("cannot write {}: {error}", self.config_file.display()))
    }

    /// Starts the process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&mut self) -> Result<(), String> {
        assert!(self.child.is_none(), "it runs already");
        let log = File::options().create(true).append(true).open(&self.log_file);
        let log = log.map_err(|error| format!("cannot write {}: {error}", self.log_file.display()))?;
        let mut command = Command::new(&self.program);
        command.arg("node").arg("--config").arg(&self.config_file);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        // Ctrl-C in a terminal goes to a whole process group; this one stops in its own order.
        command.process_group(0);
        // SAFETY: prctl is async-signal-safe and touches nothing of the parent's memory.
        unsafe {
            command.pre_exec(|| {
                // A child must not outlive whoever started it, however that one ends.
                if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGTERM) == 0 {
                    Ok(())
                } else {
                    Err(std::io::Error::last_os_error())
                }
            });
        }
        let child = command.spawn().map_err(|error| format!("cannot start {}: {error}", self.program.display()))?;
        self.child = Some(child);
        Ok(())
    }

    /// Process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether the process has ended by itself.
    pub fn has_exited(&mut self) -> Option<std::process::ExitStatus> {
        self.child.as_mut()?.try_wait().ok().flatten()
    }

    /// Its data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.config.node.data_dir
    }

    /// Its log.
    #[must_use]
    pub fn log_file(&self) -> &Path {
        &self.log_file
    }

    /// Its configuration file.
    #[must_use]
    pub fn config_file(&self) -> &Path {
        &self.config_file
    }

    /// Where clients log on.
    #[must_use]
    pub fn gateway(&self) -> SocketAddr {
        self.config.order_entry.listen
    }

    /// Asks its operator's socket.
    ///
    /// # Errors
    /// Its refusal.
    pub fn ask(&self, request: &AdminRequest) -> Result<Value, String> {
        operator::ask(self.data_dir(), request)
    }

    /// Its status.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn status(&self, digest: bool) -> Result<NodeStatus, String> {
        operator::node_status(self.data_dir(), digest)
    }

    /// Waits until its status is as wanted.
    ///
    /// # Errors
    /// When the process ends, or after [`CHILD_TIMEOUT`]: with the end of its log.
    pub fn wait_for(&mut self, what: &str, wanted: impl Fn(&NodeStatus) -> bool) -> Result<NodeStatus, String> {
        let started = Instant::now();
        let mut last = String::new();
        while started.elapsed() < CHILD_TIMEOUT {
            if let Some(status) = self.has_exited() {
                return Err(format!(
                    "node {} ended ({status}) while waiting for: {what}\n{}",
                    self.config.node.id,
                    self.log_tail()
                ));
            }
            match self.status(false) {
                Ok(status) if wanted(&status) => return Ok(status),
                Ok(status) => last = format!("{status:?}"),
                Err(error) => last = error,
            }
            std::thread::sleep(LOOK);
        }
        Err(format!(
            "node {} is not there after {} s: {what}\nlast: {last}\n{}",
            self.config.node.id,
            CHILD_TIMEOUT.as_secs(),
            self.log_tail()
        ))
    }

    /// The last lines of its log.
    #[must_use]
    pub fn log_tail(&self) -> String {
        let text = fs::read_to_string(&self.log_file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(20)..].join("\n");
        format!("--- end of {} ---\n{tail}", self.log_file.display())
    }

    /// `kill -9`, and waits for the end.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // An error means that it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM, and waits for the end; kills it when it does not end.
    ///
    /// # Errors
    /// When it ended with another code than 0, or had to be killed.
    pub fn stop(&mut self) -> Result<(), String> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = i32::try_from(child.id()).map_err(|_| "a process id out of range".to_owned())?;
        // SAFETY: a plain system call on a child that has not been waited for, so the number is still its own.
        unsafe { libc::kill(pid, libc::SIGTERM) };
        let started = Instant::now();
        while started.elapsed() < CHILD_TIMEOUT {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => {
                    return Err(format!("node {} ended with {status}\n{}", self.config.node.id, self.log_tail()));
                }
                Ok(None) => std::thread::sleep(LOOK),
                Err(error) => return Err(format!("cannot wait for node {}: {error}", self.config.node.id)),
            }
        }
        let _ = child.kill();
        let _ = child.wait();
        Err(format!(
            "node {} did not stop within {} s\n{}",
            self.config.node.id,
            CHILD_TIMEOUT.as_secs(),
            self.log_tail()
        ))
    }

    /// Creates an account with a key of its own and money; the private key goes to `key_file`.
    ///
    /// # Errors
    /// The node's refusal.
    pub fn create_trader(&self, name: &str, key_file: &Path, money: &[(&str, &str)]) -> Result<Trader, String> {
        let account = number(&self.ask(&AdminRequest::CreateAccount { name: name.to_owned() })?, "account")?;
        let public_key = make_client_key(key_file)?;
        let (name, roles) = (name.to_owned(), ROLES_DEFAULT.to_owned());
        let key = self.ask(&AdminRequest::CreateKey { name, account, public_key, roles })?;
        for (asset, amount) in money {
            self.ask(&AdminRequest::Deposit(MoneyRequest {
                account,
                asset: (*asset).to_owned(),
                amount: (*amount).to_owned(),
                reference: format!("seed-{account}-{asset}"),
                at: None,
            }))?;
        }
        Ok(Trader { account, key: number(&key, "key")?, key_file: key_file.to_owned() })
    }

    /// Creates a market of whole lots and ticks between two assets that exist.
    ///
    /// # Errors
    /// The node's refusal.
    pub fn create_market(&self, name: &str, base: &str, quote: &str, tick: &str, lot: &str) -> Result<u32, String> {
        let value = self.ask(&AdminRequest::CreateMarket {
            name: name.to_owned(),
            base: base.to_owned(),
            quote: quote.to_owned(),
            tick: tick.to_owned(),
            lot: lot.to_owned(),
            maker_fee_ppm: 200,
            taker_fee_ppm: 500,
            qty_max_lots: 1_000_000_000,
            price_max_ticks: 1_000_000_000,
        })?;
        number(&value, "market")
    }
}

impl Drop for LocalNode {
    fn drop(&mut self) {
        self.kill();
    }
}

/// An account with a key.
#[derive(Clone, Debug)]
pub struct Trader {
    /// The account.
    pub account: u32,
    /// Its key.
    pub key: u32,
    /// File of the private half.
    pub key_file: PathBuf,
}

fn number(value: &Value, field: &str) -> Result<u32, String> {
    let number = value[field].as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| format!("the node's answer has no `{field}`: {value}"))
}
