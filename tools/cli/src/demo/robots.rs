//! The demo's robots: two makers that quote around a wandering price and a taker that hits them. Ordinary binary clients:
//! they reconnect to whichever node leads, resend what was not answered, and count every answer once.
//!
//! Invariants: a robot that was told to stop sends one last cancel-all and waits for its answer. Reports of a key come in
//! order, so every fill of the robot has been counted by then.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tidegate_client::{Client, ClientConfig, ClientEvent, ClientSecret};
use tidegate_domain::{
    CancelFilter, KeyId, Liquidity, MarketId, NewOrder, OrderTarget, Price, Qty, RequestNumber, Side, TimeInForce,
};
use tidegate_wire::{FillReport, OrderAction, Report, ReportBody};

use crate::demo::MARKETS;
use crate::keygen::read_client_key;
use crate::local::Trader;

/// Time between two bursts of a robot.
const BEAT: Duration = Duration::from_millis(5);
/// Resting orders that a maker keeps per market.
const RESTING_PER_MARKET: usize = 24;
/// Share of the requests that each robot sends, in percent.
const SHARE_PERCENT: [u32; 3] = [40, 40, 20];

/// Quantiles of a latency in microseconds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct LatencyUs {
    pub(crate) p50: u64,
    pub(crate) p99: u64,
    pub(crate) p999: u64,
    pub(crate) max: u64,
}

impl LatencyUs {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: histogram.max() }
    }
}

/// What all robots count together.
pub(crate) struct RobotStats {
    started: Instant,
    sent: AtomicU64,
    acked: AtomicU64,
    rejects: AtomicU64,
    trades: AtomicU64,
    reconnects: AtomicU64,
    first_trade_ms: AtomicU64,
    /// Latencies since the start, and since the last line.
    latency: Mutex<(Histogram<u64>, Histogram<u64>)>,
    acked_at_last_line: AtomicU64,
}

impl Default for RobotStats {
    fn default() -> Self {
        let histogram = || Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are in order");
        Self {
            started: Instant::now(),
            sent: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            rejects: AtomicU64::new(0),
            trades: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
            first_trade_ms: AtomicU64::new(u64::MAX),
            latency: Mutex::new((histogram(), histogram())),
            acked_at_last_line: AtomicU64::new(0),
        }
    }
}

impl RobotStats {
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
    pub(crate) fn acked(&self) -> u64 {
        self.acked.load(Ordering::Relaxed)
    }
    pub(crate) fn rejects(&self) -> u64 {
        self.rejects.load(Ordering::Relaxed)
    }
    pub(crate) fn trades(&self) -> u64 {
        self.trades.load(Ordering::Relaxed)
    }
    pub(crate) fn reconnects(&self) -> u64 {
        self.reconnects.load(Ordering::Relaxed)
    }
    /// From the start of the robots to the first trade.
    pub(crate) fn first_trade_ms(&self) -> Option<u64> {
        Some(self.first_trade_ms.load(Ordering::Relaxed)).filter(|ms| *ms != u64::MAX)
    }
    pub(crate) fn latency(&self) -> LatencyUs {
        LatencyUs::of(&self.latency.lock().expect("no holder of this lock panics").0)
    }

    /// The live line: rates and latencies of the last second.
    pub(crate) fn line(&self, leader: &str, disk: u64, colour: bool) -> String {
        let acked = self.acked();
        let rate = acked - self.acked_at_last_line.swap(acked, Ordering::Relaxed);
        let latency = {
            let mut both = self.latency.lock().expect("no holder of this lock panics");
            let latency = LatencyUs::of(&both.1);
            both.1.reset();
            latency
        };
        let (on, off) = if colour { ("\x1b[1m", "\x1b[0m") } else { ("", "") };
        format!(
            "{:>4} s  {on}{rate:>6} orders/s{off}  ack p50 {:>5} µs  p99 {:>6} µs  trades {:>7}  {leader}  disk {} MiB",
            self.started.elapsed().as_secs(),
            latency.p50,
            latency.p99,
            self.trades(),
            disk >> 20,
        )
    }

    fn on_answer(&self, after: Duration) {
        self.acked.fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX).max(1);
        let mut both = self.latency.lock().expect("no holder of this lock panics");
        both.0.saturating_record(us);
        both.1.saturating_record(us);
    }

    fn on_trade(&self) {
        self.trades.fetch_add(1, Ordering::Relaxed);
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.first_trade_ms.fetch_min(ms, Ordering::Relaxed);
    }
}

/// One robot, ready to run.
pub(crate) struct RobotTask {
    config: ClientConfig,
    index: usize,
    rate: f64,
    stats: Arc<RobotStats>,
    stop: Arc<AtomicBool>,
}

impl RobotTask {
    pub(crate) fn new(
        index: usize,
        trader: &Trader,
        gateways: &[SocketAddr],
        rate: u32,
        stats: &Arc<RobotStats>,
        stop: &Arc<AtomicBool>,
    ) -> Result<Self, String> {
        let secret = ClientSecret::from_bytes(&read_client_key(&trader.key_file)?);
        let mut config = ClientConfig::new(gateways.to_vec(), KeyId::new(trader.key), secret);
        config.cancel_on_disconnect = true;
        config.grace_ms = 10_000;
        let rate = f64::from(rate) * f64::from(SHARE_PERCENT[index]) / 100.0;
        Ok(Self { config, index, rate, stats: Arc::clone(stats), stop: Arc::clone(stop) })
    }

    /// Trades until told to stop.
    pub(crate) async fn run(self) -> Result<(), String> {
        let fail = |error: tidegate_client::ClientError| format!("robot {}: {error}", self.index + 1);
        let mut client = Client::connect(self.config.clone()).await.map_err(fail)?;
        let mut trader = Strategy::new(self.index, &client);
        let mut beat = tokio::time::interval(BEAT);
        beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let (started, mut sent) = (Instant::now(), 0_u64);
        while !self.stop.load(Ordering::Acquire) {
            tokio::select! {
                _ = beat.tick() => {
                    // At most what one second asks for at once: after an outage the robot does not send it all.
                    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of requests")]
                    let due = (started.elapsed().as_secs_f64() * self.rate) as u64;
                    sent = sent.max(due.saturating_sub(self.rate_whole()));
                    while sent < due && client.in_flight() < tidegate_client::IN_FLIGHT_MAX {
                        sent += 1;
                        self.submit(&mut client, &mut trader, None).await.map_err(fail)?;
                    }
                    client.flush().await.map_err(fail)?;
                }
                event = client.next_event() => self.on_event(event.map_err(fail)?, &mut trader)?,
            }
        }
        let last = self
            .submit(&mut client, &mut trader, Some(OrderAction::CancelAll(CancelFilter::default())))
            .await
            .map_err(fail)?;
        client.flush().await.map_err(fail)?;
        while trader.answered_through < last {
            let event = client.next_event().await.map_err(fail)?;
            self.on_event(event, &mut trader)?;
        }
        let stats = client.logout().await.map_err(fail)?;
        self.stats.reconnects.fetch_add(stats.reconnects, Ordering::Relaxed);
        Ok(())
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate of requests")]
    fn rate_whole(&self) -> u64 {
        self.rate as u64
    }

    async fn submit(
        &self,
        client: &mut Client,
        trader: &mut Strategy,
        action: Option<OrderAction>,
    ) -> Result<RequestNumber, tidegate_client::ClientError> {
        let action = action.unwrap_or_else(|| trader.next_action());
        let request = client.submit(action.clone()).await?;
        trader.sent(request, action);
        self.stats.sent.fetch_add(1, Ordering::Relaxed);
        Ok(request)
    }

    fn on_event(&self, event: ClientEvent, trader: &mut Strategy) -> Result<(), String> {
        match event {
            ClientEvent::Report { report, answered } => {
                if let Some(after) = answered {
                    self.stats.on_answer(after);
                    trader.answered_through = trader.answered_through.max(report.request);
                }
                match report.body {
                    ReportBody::Rejected { .. } => {
                        self.stats.rejects.fetch_add(1, Ordering::Relaxed);
                    }
                    ReportBody::Fill(FillReport { liquidity: Liquidity::Taker, .. }) => self.stats.on_trade(),
                    _ => {}
                }
                trader.on_report(&report);
                Ok(())
            }
            ClientEvent::RequestRefused { request, .. } => {
                Err(format!("robot {}: the gateway refused request {request}", self.index + 1))
            }
            _ => Ok(()),
        }
    }
}

/// What a robot would do next: prices wander, makers quote around them, the taker crosses.
struct Strategy {
    maker: bool,
    random: XorShift,
    markets: Vec<Quoting>,
    answered_through: RequestNumber,
}

struct Quoting {
    market: MarketId,
    mid: i64,
    step: i64,
    resting: VecDeque<RequestNumber>,
}

impl Strategy {
    fn new(index: usize, client: &Client) -> Self {
        let mid_of = |name: &str| MARKETS.iter().find(|market| market.0 == name).map(|market| market.5);
        let markets = client.markets().iter().filter_map(|market| {
            let mid = mid_of(market.definition.name.as_str())?;
            Some(Quoting { market: market.market, mid, step: (mid / 20_000).max(1), resting: VecDeque::new() })
        });
        Self {
            maker: index < 2,
            random: XorShift(0x9e37_79b9_7f4a_7c15 ^ (index as u64 + 1)),
            markets: markets.collect(),
            answered_through: RequestNumber::default(),
        }
    }

    fn next_action(&mut self) -> OrderAction {
        let index = self.random.below(self.markets.len() as u64) as usize;
        let side = if self.random.below(2) == 0 { Side::Buy } else { Side::Sell };
        let (distance, lots, wander) = (self.random.below(12), 1 + self.random.below(50), self.random.below(3));
        let quoting = &mut self.markets[index];
        if self.maker && quoting.resting.len() >= RESTING_PER_MARKET {
            let target = quoting.resting.pop_front().expect("it is not empty");
            return OrderAction::Cancel { target: OrderTarget::Request(target) };
        }
        quoting.mid = (quoting.mid + (wander as i64 - 1) * quoting.step).max(20 * quoting.step);
        let away = (1 + distance as i64) * quoting.step;
        let price = match (side, self.maker) {
            (Side::Buy, true) | (Side::Sell, false) => quoting.mid - away,
            (Side::Sell, true) | (Side::Buy, false) => quoting.mid + away,
        };
        let time_in_force = if self.maker { TimeInForce::Gtc } else { TimeInForce::Ioc };
        OrderAction::limit(quoting.market, side, time_in_force, Price::from_ticks(price), Qty::from_lots(lots))
    }

    fn sent(&mut self, request: RequestNumber, action: OrderAction) {
        if let OrderAction::New(NewOrder { market, time_in_force: TimeInForce::Gtc, .. }) = action
            && let Some(quoting) = self.markets.iter_mut().find(|quoting| quoting.market == market)
        {
            quoting.resting.push_back(request);
        }
    }

    /// Forgets orders that are gone, so that they are not cancelled in vain.
    fn on_report(&mut self, report: &Report) {
        let gone = match report.body {
            ReportBody::Fill(fill) => fill.leaves.is_zero(),
            ReportBody::OrderCancelled { .. } | ReportBody::Rejected { .. } => true,
            _ => false,
        };
        if gone {
            for quoting in &mut self.markets {
                quoting.resting.retain(|request| *request != report.request);
            }
        }
    }
}

/// Marsaglia's xorshift64: small, seeded, the same robots every time.
struct XorShift(u64);

impl XorShift {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
