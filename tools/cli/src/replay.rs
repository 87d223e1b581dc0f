//! `tidegate replay`: starts a node of its own (or uses one that runs), sends recorded order flow through its binary
//! gateway, and prints how much of it came out as the exchange's own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use tidegate_client::{Client, ClientConfig, ClientSecret};
use tidegate_domain::{KeyId, MarketId};
use tidegate_node::AdminRequest;
use tidegate_node::config::{DurabilityName, IoName};
use tidegate_node::status::NodeState;
use tidegate_replay::{Progress, lobster, moex};

use crate::keygen::read_client_key;
use crate::local::{ClusterPlan, LocalNode};
use crate::{CommandResult, print_json};

/// The market and its assets on a node that the replay starts.
const MARKET: &str = "REPLAY";
const BASE: &str = "BASE";
const QUOTE: &str = "QUOTE";
/// More than any file trades: 10^24 units of each asset.
const FUNDS: &str = "1000000000000000000000000";

/// `tidegate replay`
#[derive(Subcommand)]
pub enum ReplayCommand {
    /// A full order log of MOEX: every deal and every killed remainder is compared with the exchange's own
    Moex {
        /// The order log, `.csv` or `.csv.xz`
        file: PathBuf,
        /// Where it goes
        #[command(flatten)]
        target: TargetArgs,
    },
    /// A LOBSTER message file of Nasdaq: best bid and ask are compared after every message
    Lobster {
        /// The message file, `.csv` or `.csv.xz`
        #[arg(long)]
        messages: PathBuf,
        /// The order book file whose first row seeds the opening book
        #[arg(long)]
        seed_book: PathBuf,
        /// The order book file with the best bid and ask after every message
        #[arg(long)]
        check_l1: Option<PathBuf>,
        /// Where it goes
        #[command(flatten)]
        target: TargetArgs,
    },
}

/// Where the flow goes.
#[derive(Args)]
pub struct TargetArgs {
    /// Use a running node: the address of its binary gateway; needs --market, --key and --key-file
    #[arg(long, value_name = "ADDR", requires_all = ["market", "key", "key_file"])]
    connect: Option<SocketAddr>,
    /// With --connect: the market's number; its book must be empty
    #[arg(long, value_name = "N", requires = "connect")]
    market: Option<u32>,
    /// With --connect: the key's number; its account needs ample funds in both assets
    #[arg(long, value_name = "N", requires = "connect")]
    key: Option<u32>,
    /// With --connect: file of the private key
    #[arg(long, value_name = "FILE", requires = "connect")]
    key_file: Option<PathBuf>,
    /// Rule of the node that the replay starts
    #[arg(long, value_enum, default_value = "local", conflicts_with = "connect")]
    durability: ReplayRule,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A durability of a single node.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum ReplayRule {
    /// In the mapped journal.
    Async,
    /// Synced to disk.
    Local,
}

impl From<ReplayRule> for DurabilityName {
    fn from(rule: ReplayRule) -> Self {
        match rule {
            ReplayRule::Async => Self::Async,
            ReplayRule::Local => Self::Local,
        }
    }
}

/// A client that is logged on, and what must live as long as it.
struct Target {
    client: Client,
    market: MarketId,
    /// The node that the replay started, and its folder.
    own: Option<(LocalNode, tempfile::TempDir)>,
}

/// `tidegate replay`
///
/// # Errors
/// What the file, the node or the comparison says.
pub fn run(command: ReplayCommand) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the runtime: {error}"))?;
    match command {
        ReplayCommand::Moex { file, target } => {
            check_readable(&[&file])?;
            let prepared = prepare(&target)?;
            runtime.block_on(async {
                let mut to = prepared.connect().await?;
                let report = moex::replay(&mut to.client, to.market, &file, &progress(&target)).await;
                let report = report.map_err(|error| error.to_string())?;
                finish(to, target.json, &report, report.all_equal(), report.first_difference.as_deref()).await
            })
        }
        ReplayCommand::Lobster { messages, seed_book, check_l1, target } => {
            check_readable(&[&messages, &seed_book])?;
            check_readable(check_l1.as_slice())?;
            let prepared = prepare(&target)?;
            runtime.block_on(async {
                let mut to = prepared.connect().await?;
                let options = lobster::LobsterOptions { messages, seed_book, check_l1 };
                let report = lobster::replay(&mut to.client, to.market, options, &progress(&target)).await;
                let report = report.map_err(|error| error.to_string())?;
                finish(to, target.json, &report, true, None).await
            })
        }
    }
}

/// A wrong path is said before a node is started for it.
fn check_readable<P: AsRef<Path>>(files: &[P]) -> Result<(), String> {
    for file in files {
        let file = file.as_ref();
        std::fs::File::open(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    }
    Ok(())
}

fn progress(target: &TargetArgs) -> Progress {
    if target.json && !std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        Progress::hidden()
    } else {
        Progress::visible()
    }
}

/// Where to log on, and with what.
struct Prepared {
    gateway: SocketAddr,
    market: u32,
    key: u32,
    key_file: PathBuf,
    own: Option<(LocalNode, tempfile::TempDir)>,
}

fn prepare(target: &TargetArgs) -> Result<Prepared, String> {
    if let (Some(gateway), Some(market), Some(key), Some(key_file)) =
        (target.connect, target.market, target.key, target.key_file.clone())
    {
        return Ok(Prepared { gateway, market, key, key_file, own: None });
    }
    let made = tempfile::Builder::new().prefix("tidegate-replay-").tempdir();
    let made = made.map_err(|error| format!("cannot make a temporary folder: {error}"))?;
    let program = std::env::current_exe().map_err(|error| format!("cannot find this program's own file: {error}"))?;
    let plan = ClusterPlan {
        folder: made.path().to_owned(),
        program,
        nodes: 1,
        durability: target.durability.into(),
        http: false,
        market_data: false,
        sql: false,
        segment_mib: 64,
        io: IoName::Auto,
    };
    let mut nodes = plan.write()?;
    let mut node = nodes.pop().expect("a plan of one node writes one");
    node.start()?;
    node.wait_for("the node leads", |status| status.state == NodeState::Primary)?;
    for name in [BASE, QUOTE] {
        node.ask(&AdminRequest::CreateAsset { name: name.to_owned(), decimals: 0 })?;
    }
    let market = node.create_market(MARKET, BASE, QUOTE, "1", "1")?;
    let key_file = made.path().join("replay.key");
    let trader = node.create_trader("replay", &key_file, &[(BASE, FUNDS), (QUOTE, FUNDS)])?;
    Ok(Prepared { gateway: node.gateway(), market, key: trader.key, key_file, own: Some((node, made)) })
}

impl Prepared {
    async fn connect(self) -> Result<Target, String> {
        let secret = ClientSecret::from_bytes(&read_client_key(&self.key_file)?);
        let config = ClientConfig::new(vec![self.gateway], KeyId::new(self.key), secret);
        let client = Client::connect(config).await.map_err(|error| error.to_string())?;
        Ok(Target { client, market: MarketId::new(self.market), own: self.own })
    }
}

async fn finish<R: serde::Serialize>(
    to: Target,
    json: bool,
    report: &R,
    equal: bool,
    difference: Option<&str>,
) -> CommandResult {
    let Target { client, own, .. } = to;
    client.logout().await.map_err(|error| error.to_string())?;
    if let Some((mut node, _folder)) = own {
        node.stop()?;
    }
    let value = serde_json::to_value(report).expect("a report always serialises");
    if json {
        print_json(&value);
    } else {
        for (name, value) in value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            println!("{name:<32} {value}");
        }
    }
    if let Some(difference) = difference {
        eprintln!("first difference: {difference}");
    }
    Ok(if equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
