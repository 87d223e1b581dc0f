//! `tidegate feed`: follows a market's public data and shows its book.
//!
//! ```text
//!   names of markets <--trades, all markets-- server      book, trades <--[TcpFollower]-- server
//! ```
//!
//! Invariants: a book is shown only when it is consistent; gaps, lost connections and new starts are said. With `--json` every line
//! of standard output is one JSON value.

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use tidegate_domain::{Epoch, MarketId, Price, Side};
use tidegate_feed_client::Notice;
use tidegate_feed_client::channel::Book;
use tidegate_feed_client::tcp::{FeedClientError, FeedConnection, Step, TcpFollower};
use tidegate_wire::Scale;
use tidegate_wire::feed::{
    FeedBody, FeedChannel, FeedHead, FeedMessage, FeedNumber, FeedRequest, FeedServer, LevelView, MarketInfo,
    SnapshotBody,
};

use crate::CommandResult;

/// A screen is drawn at most this often, a file gets a table at most this often.
const DRAW_TERMINAL: Duration = Duration::from_millis(100);
const DRAW_FILE: Duration = Duration::from_secs(1);
/// Trades below the book.
const TRADES_SHOWN: usize = 8;

/// Which channel the book is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BookChannel {
    /// Every order (L3)
    Orders,
    /// Every level (L2)
    Levels,
}

/// Arguments of `tidegate feed`.
#[derive(Args)]
pub struct FeedArgs {
    /// Where the feed listens (`market_data.listen`); several times for several nodes: the next one is tried when one is gone
    #[arg(long, value_name = "HOST:PORT", required = true)]
    address: Vec<SocketAddr>,
    /// Name of the market
    #[arg(long, value_name = "NAME")]
    market: String,
    /// What the book is made from
    #[arg(long, value_enum, default_value_t = BookChannel::Levels)]
    channel: BookChannel,
    /// Levels of each side that are shown
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    depth: u32,
    /// Print a line of JSON for every book, trade, state, gap and new start
    #[arg(long)]
    json: bool,
    /// Print the first consistent book and end
    #[arg(long)]
    once: bool,
}

/// Follows until it is stopped, or with `--once` until the first book.
///
/// # Errors
/// When no address answers, or the market is not there.
pub fn run(args: &FeedArgs) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot start the client: {error}"))?;
    match runtime.block_on(follow(args)) {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Whoever reads has closed the pipe: no error of ours.
        Err(Failure::Output(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(Failure::Output(error)) => Err(format!("cannot write to standard output: {error}")),
        Err(Failure::Feed(message)) => Err(message),
    }
}

enum Failure {
    Output(std::io::Error),
    Feed(String),
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::Output(error)
    }
}

/// The market with this name, from whichever address answers.
async fn find(args: &FeedArgs) -> Result<(MarketId, MarketInfo), Failure> {
    let mut failure = String::new();
    for address in &args.address {
        match markets(*address).await {
            Ok(markets) => {
                if let Some(found) = markets.iter().find(|(_, info)| info.name.as_str() == args.market) {
                    return Ok(*found);
                }
                let names: Vec<_> = markets.iter().map(|(_, info)| info.name.as_str().to_owned()).collect();
                let names = if names.is_empty() { "none yet".to_owned() } else { names.join(", ") };
                return Err(Failure::Feed(format!("`--market` {}: no such market; there are: {names}", args.market)));
            }
            Err(error) => failure = error.to_string(),
        }
    }
    Err(Failure::Feed(format!("`--address`: {failure}; is `[market_data]` in the node's configuration?")))
}

async fn markets(address: SocketAddr) -> Result<Vec<(MarketId, MarketInfo)>, FeedClientError> {
    let mut connection = FeedConnection::open(address).await?;
    let (channel, from) = (FeedChannel::Trades, FeedNumber::default());
    connection.ask(FeedRequest::Subscribe { channel, market: None, from, epoch: Epoch::default() }).await?;
    let mut markets = Vec::new();
    loop {
        match connection.next().await? {
            FeedServer::Snapshot(piece) => {
                if let SnapshotBody::Begin { info, .. } = piece.body {
                    markets.push((piece.head.market, info));
                }
            }
            FeedServer::Subscribed { .. } | FeedServer::Refused { .. } => return Ok(markets),
            _ => {}
        }
    }
}

async fn follow(args: &FeedArgs) -> Result<(), Failure> {
    let (market, info) = find(args).await?;
    let channel = match args.channel {
        BookChannel::Orders => FeedChannel::Orders,
        BookChannel::Levels => FeedChannel::Levels,
    };
    let mut follower = TcpFollower::new(args.address.clone(), &[channel, FeedChannel::Trades], Some(market));
    let mut screen = Screen::new(args, &info);
    loop {
        let step = follower.step().await;
        screen.tell_step(&step)?;
        for channel in [FeedChannel::Trades, channel] {
            let Some(feed) = follower.feed(channel) else { continue };
            while let Some(notice) = feed.next_notice() {
                screen.tell_notice(channel, &notice)?;
            }
        }
        let Some(feed) = follower.feed(channel) else { continue };
        if screen.is_stale
            && feed.is_consistent(market)
            && let Some(book) = feed.book(market)
        {
            let state = feed.info(market).map_or("", |(_, state)| state.as_str());
            screen.show(feed.through(market), state, book)?;
            if args.once {
                return Ok(());
            }
        }
    }
}

/// What is printed, and when.
struct Screen {
    json: bool,
    depth: usize,
    name: String,
    scale: Option<Scale>,
    is_terminal: bool,
    /// The book changed since it was shown.
    is_stale: bool,
    head: Option<FeedHead>,
    trades: Vec<String>,
    status: String,
    shown_at: Option<Instant>,
    every: Duration,
}

impl Screen {
    fn new(args: &FeedArgs, info: &MarketInfo) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        Self {
            json: args.json,
            depth: args.depth as usize,
            name: args.market.clone(),
            scale: info.scale(),
            is_terminal,
            is_stale: true,
            head: None,
            trades: Vec::new(),
            status: String::new(),
            shown_at: None,
            every: if is_terminal { DRAW_TERMINAL } else { DRAW_FILE },
        }
    }

    fn price(&self, price: Price) -> String {
        self.scale.and_then(|scale| scale.price(price)).unwrap_or_else(|| format!("{} ticks", price.ticks()))
    }

    fn qty(&self, lots: u128) -> String {
        self.scale.and_then(|scale| scale.qty(lots)).unwrap_or_else(|| format!("{lots} lots"))
    }

    /// A line of JSON, or something for the status line.
    fn tell(&mut self, kind: &str, value: Value, words: String) -> std::io::Result<()> {
        if self.json {
            let mut line = json!({ "type": kind, "market": self.name });
            if let (Value::Object(line), Value::Object(more)) = (&mut line, value) {
                line.extend(more);
            }
            return writeln!(std::io::stdout().lock(), "{line}");
        }
        self.status = words;
        if !self.is_terminal {
            eprintln!("{}", self.status);
        }
        Ok(())
    }

    fn tell_step(&mut self, step: &Step) -> std::io::Result<()> {
        match step {
            Step::Connected(hello) => {
                self.is_stale = true;
                self.tell("connected", json!({ "stream": hello.stream }), "connected".to_owned())
            }
            Step::Disconnected(error) => {
                self.tell("disconnected", json!({ "reason": error.to_string() }), format!("disconnected: {error}"))
            }
            Step::Refused { reason, retry_after_ms } => {
                let value = json!({ "reason": reason.as_str(), "retry_after_ms": retry_after_ms });
                self.tell("refused", value, format!("refused: {}", reason.sentence()))
            }
            Step::Taken(_) | Step::Other => Ok(()),
        }
    }

    fn tell_notice(&mut self, channel: FeedChannel, notice: &Notice) -> std::io::Result<()> {
        let name = channel.as_str();
        match notice {
            Notice::Applied(message) => self.tell_message(channel, message),
            Notice::Gap { first, last } | Notice::Lost { first, last } => {
                let value = json!({ "channel": name, "first": first.raw(), "last": last.raw() });
                self.tell("gap", value, format!("gap: {name} {first} to {last}"))
            }
            Notice::Joined { number, .. } => {
                self.is_stale = true;
                let value = json!({ "channel": name, "number": number.raw() });
                self.tell("resync", value, format!("resync: {name} from a snapshot at {number}"))
            }
            Notice::Left { .. } => {
                self.tell("left", json!({ "channel": name }), format!("{name}: a message is missing"))
            }
            Notice::Contradiction { error, .. } => {
                let value = json!({ "channel": name, "error": error.to_string() });
                self.tell("contradiction", value, format!("contradiction: {error}"))
            }
            Notice::NewHistory => {
                let words = "resync: the newest messages were lost with the node that led before".to_owned();
                self.tell("new_history", json!({ "channel": name }), words)
            }
            Notice::NewStream => self.tell("new_stream", json!({}), "the numbering began anew".to_owned()),
        }
    }

    fn tell_message(&mut self, channel: FeedChannel, message: &FeedMessage) -> std::io::Result<()> {
        let head = message.head;
        match message.body {
            FeedBody::Trade { price, qty, taker_side, .. } => {
                let (price, qty) = (self.price(price), self.qty(qty.lots().into()));
                if self.json {
                    let value = json!({
                        "number": head.number.raw(), "sequence": head.sequence.raw(), "index": head.index,
                        "time_ns": head.time.nanos(), "price": price, "qty": qty, "taker_side": taker_side.as_str(),
                    });
                    return self.tell("trade", value, String::new());
                }
                self.trades.insert(0, format!("{:>4}  {price:>14}  {qty:>14}", taker_side.as_str()));
                self.trades.truncate(TRADES_SHOWN);
                self.is_stale = true;
                Ok(())
            }
            FeedBody::State { state } if channel != FeedChannel::Trades => {
                self.is_stale = true;
                let value = json!({ "sequence": head.sequence.raw(), "state": state.as_str() });
                self.tell("state", value, format!("state: {state}"))
            }
            _ => {
                if channel != FeedChannel::Trades {
                    self.head = Some(head);
                    self.is_stale = true;
                }
                Ok(())
            }
        }
    }

    fn show(&mut self, through: FeedNumber, state: &str, book: &Book) -> std::io::Result<()> {
        let [bids, asks] = [Side::Buy, Side::Sell].map(|side| book.levels(side, self.depth));
        if self.json {
            self.is_stale = false;
            let side = |levels: &[LevelView]| {
                let line = |level: &LevelView| json!([self.price(level.price), self.qty(level.lots), level.orders]);
                levels.iter().map(line).collect::<Vec<_>>()
            };
            let sequence = self.head.map(|head| head.sequence.raw());
            let value = json!({
                "through": through.raw(), "sequence": sequence, "state": state, "consistent": true,
                "bids": side(&bids), "asks": side(&asks),
            });
            return self.tell("book", value, String::new());
        }
        if self.shown_at.is_some_and(|at| at.elapsed() < self.every) {
            return Ok(());
        }
        (self.is_stale, self.shown_at) = (false, Some(Instant::now()));
        let mut out = std::io::stdout().lock();
        if self.is_terminal {
            // Clears the screen and goes to its first line.
            write!(out, "\x1b[2J\x1b[H")?;
        }
        writeln!(out, "{}  {state}  complete through {through}  {}", self.name, self.status)?;
        writeln!(
            out,
            "{:>6} {:>16} {:>16} | {:<16} {:<16} {:<6}",
            "orders", "quantity", "bid", "ask", "quantity", "orders"
        )?;
        for at in 0..bids.len().max(asks.len()) {
            let cells = |level: Option<&LevelView>| {
                level.map_or_else(Default::default, |level| {
                    (level.orders.to_string(), self.qty(level.lots), self.price(level.price))
                })
            };
            let (bid, ask): ((String, String, String), (String, String, String)) =
                (cells(bids.get(at)), cells(asks.get(at)));
            writeln!(out, "{:>6} {:>16} {:>16} | {:<16} {:<16} {:<6}", bid.0, bid.1, bid.2, ask.2, ask.1, ask.0)?;
        }
        for trade in &self.trades {
            writeln!(out, "{trade}")?;
        }
        out.flush()
    }
}
