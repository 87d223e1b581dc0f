//! The loop between a flow and a client: send without waiting, take reports as they come, measure.
//!
//! Invariants: no report is left unread while a request is sent, so neither side waits for the other; the clock runs
//! from the first request to the last report. Owning thread: the caller's.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use tidegate_client::{Client, ClientEvent};

use crate::error::ReplayError;
use crate::flow::Flow;
use crate::progress::Progress;

/// A node that releases nothing for so long will not any more.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// Longest latency that the histogram tells apart.
const LATENCY_US_MAX: u64 = 60_000_000;
const PROGRESS_EVERY: u64 = 256;

/// Time from submit to the first report that answers a request, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Half of the requests were not slower.
    pub p50: u64,
    /// 99 % of them.
    pub p99: u64,
    /// 99.9 % of them.
    pub p999: u64,
    /// All of them.
    pub max: u64,
}

impl Latency {
    fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: histogram.max() }
    }
}

/// How fast a replay went.
#[derive(Clone, Copy, Debug, Default)]
pub struct Timing {
    /// Requests that were sent: news, cancels, reduces.
    pub orders_sent: u64,
    /// From the first request to the last report.
    pub seconds: f64,
    /// See [`Latency`].
    pub ack_latency_us: Latency,
}

impl Timing {
    /// Requests over seconds; zero where there were none.
    #[must_use]
    pub fn orders_per_second(&self) -> f64 {
        // Far fewer requests than 2^53, so the conversion is exact.
        if self.seconds > 0.0 { self.orders_sent as f64 / self.seconds } else { 0.0 }
    }
}

struct Drive<'a, F> {
    flow: &'a mut F,
    latency: Histogram<u64>,
}

/// Runs a flow to its last report.
pub(crate) async fn drive(
    client: &mut Client,
    flow: &mut impl Flow,
    what: &'static str,
    progress: &Progress,
) -> Result<Timing, ReplayError> {
    // What the key was told before this replay is not about it.
    while client.try_next_event().is_some() {}
    progress.start(what, flow.steps_total());
    let latency = Histogram::new_with_bounds(1, LATENCY_US_MAX, 3).expect("the bounds are in order");
    let mut drive = Drive { flow, latency };
    let started = Instant::now();
    let result = drive.run(client, progress).await;
    progress.finish();
    let orders_sent = result?;
    Ok(Timing { orders_sent, seconds: started.elapsed().as_secs_f64(), ack_latency_us: Latency::of(&drive.latency) })
}

impl<F: Flow> Drive<'_, F> {
    async fn run(&mut self, client: &mut Client, progress: &Progress) -> Result<u64, ReplayError> {
        let mut orders_sent = 0;
        while let Some(action) = self.flow.next_action() {
            let submitted = tokio::time::timeout(STALLED_AFTER, client.submit(action)).await;
            self.flow.on_sent(submitted.map_err(|_| self.stalled())??);
            orders_sent += 1;
            while let Some(event) = client.try_next_event() {
                self.take(&event)?;
            }
            if orders_sent % PROGRESS_EVERY == 0 {
                progress.at(self.flow.steps_done());
            }
        }
        while self.flow.waiting() > 0 {
            let event = tokio::time::timeout(STALLED_AFTER, client.next_event()).await;
            self.take(&event.map_err(|_| self.stalled())??)?;
        }
        Ok(orders_sent)
    }

    fn take(&mut self, event: &ClientEvent) -> Result<(), ReplayError> {
        match *event {
            ClientEvent::Report { ref report, answered } => {
                if let Some(answered) = answered {
                    let micros = u64::try_from(answered.as_micros()).unwrap_or(u64::MAX);
                    self.latency.saturating_record(micros.max(1));
                }
                self.flow.on_report(report)
            }
            ClientEvent::RequestRefused { request, reason, field, value, limit } => {
                Err(ReplayError::Refused { request, reason, field, value, limit })
            }
            // The client finds the next session by itself and resends.
            ClientEvent::Connected { .. } | ClientEvent::Disconnected { .. } | ClientEvent::MarketDefinition(_) => {
                Ok(())
            }
        }
    }

    fn stalled(&self) -> ReplayError {
        ReplayError::Stalled { after: STALLED_AFTER, waiting: self.flow.waiting() }
    }
}
