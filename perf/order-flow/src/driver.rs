//! Between a replay and its client: sends, hands reports to the judge, measures.

use std::time::Instant;

use hdrhistogram::Histogram;
use tidegate_client::{Client, ClientEvent};
use tidegate_domain::RequestNumber;
use tidegate_wire::{OrderAction, Report};

use crate::{Latency, ReplayError};

/// Requests between two flushes: many requests share a system call.
const FLUSH_EVERY: u64 = 64;

/// Gets every report of the key, in order.
pub(crate) trait Judge {
    /// A report came.
    fn on_report(&mut self, report: &Report);
    /// Whether everything that was sent has been judged.
    fn is_done(&self) -> bool;
}

pub(crate) struct Driver<'c> {
    client: &'c mut Client,
    latency: Histogram<u64>,
    started: Instant,
    sent: u64,
}

impl<'c> Driver<'c> {
    pub(crate) fn new(client: &'c mut Client) -> Self {
        let latency = Histogram::new_with_bounds(1, 60_000_000, 3).expect("the bounds are in order");
        Self { client, latency, started: Instant::now(), sent: 0 }
    }

    /// Sends a request and hands over what came back meanwhile. `note` tells the judge before any answer can arrive.
    pub(crate) async fn send<J: Judge>(
        &mut self,
        action: OrderAction,
        judge: &mut J,
        note: impl FnOnce(&mut J, RequestNumber),
    ) -> Result<RequestNumber, ReplayError> {
        // A full window: hear answers first, so that `submit` never waits on events that nobody takes.
        while self.client.in_flight() >= tidegate_client::IN_FLIGHT_MAX {
            self.client.flush().await?;
            let event = self.client.next_event().await?;
            self.on_event(event, judge)?;
        }
        let request = self.client.submit(action).await?;
        note(judge, request);
        self.sent += 1;
        if self.sent.is_multiple_of(FLUSH_EVERY) {
            self.client.flush().await?;
        }
        while let Some(event) = self.client.try_next_event() {
            self.on_event(event, judge)?;
        }
        Ok(request)
    }

    /// Waits until everything is judged.
    pub(crate) async fn finish<J: Judge>(&mut self, judge: &mut J) -> Result<(), ReplayError> {
        self.client.flush().await?;
        while !judge.is_done() {
            let event = self.client.next_event().await?;
            self.on_event(event, judge)?;
        }
        Ok(())
    }

    fn on_event<J: Judge>(&mut self, event: ClientEvent, judge: &mut J) -> Result<(), ReplayError> {
        match event {
            ClientEvent::Report { report, answered } => {
                if let Some(after) = answered {
                    let us = u64::try_from(after.as_micros()).unwrap_or(u64::MAX).max(1);
                    self.latency.saturating_record(us);
                }
                judge.on_report(&report);
                Ok(())
            }
            ClientEvent::RequestRefused { request, reason, .. } => {
                Err(ReplayError::Refused(format!("{request}: {reason:?}")))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    pub(crate) fn latency(&self) -> Latency {
        let at = |quantile| self.latency.value_at_quantile(quantile);
        Latency { p50: at(0.5), p99: at(0.99), p999: at(0.999), max: self.latency.max() }
    }
}
