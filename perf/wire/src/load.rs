//! The loads: one in flight, full windows, and a replay beside busy sessions.
//!
//! Invariants: throughput counts answers that arrived, from the first byte sent to the last report read.
//! Owning thread: the caller's; busy sessions have one of their own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tidegate_domain::Side;

use crate::client::{Login, WireClient};
use crate::feed::FeedReader;

/// Round trips with one request in flight, in nanoseconds.
///
/// # Errors
/// As [`WireClient::await_reports`].
pub fn one_in_flight(client: &mut WireClient, count: usize) -> Result<Vec<u64>, String> {
    client.begin_with_an_order();
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        client.queue_request();
        let start = Instant::now();
        client.flush()?;
        client.await_reports(1)?;
        samples.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok(samples)
}

/// From sending an order that trades, in nanoseconds: until the last of its reports is read, and until the trade is read on the
/// feed. One thread reads both, in turns.
///
/// # Errors
/// As [`WireClient::take_reports`] and [`FeedReader::take_trades`], and silence.
pub fn to_the_feed(
    client: &mut WireClient,
    feed: &mut FeedReader,
    count: usize,
) -> Result<(Vec<u64>, Vec<u64>), String> {
    /// The acceptance and both fills: the client trades with itself.
    const REPORTS: usize = 3;
    let (mut to_reports, mut to_feed) = (Vec::with_capacity(count), Vec::with_capacity(count));
    for _ in 0..count {
        client.queue_trade(Side::Sell);
        client.flush()?;
        client.await_reports(1)?;
        client.queue_trade(Side::Buy);
        let start = Instant::now();
        let passed = || u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        client.flush()?;
        let (mut reports, mut trades) = (0, 0);
        while reports < REPORTS || trades == 0 {
            if reports < REPORTS {
                reports += client.take_reports()?;
                if reports == REPORTS {
                    to_reports.push(passed());
                }
            }
            if trades == 0 {
                trades = feed.take_trades()?;
                if trades > 0 {
                    to_feed.push(passed());
                }
            }
            if start.elapsed() > Duration::from_secs(30) {
                return Err(format!("after 30 s there were {reports} reports and {trades} trades"));
            }
        }
    }
    Ok((to_reports, to_feed))
}

/// Answers a second, with `window` requests of each session unanswered most of the time.
///
/// # Errors
/// As [`WireClient::take_reports`].
pub fn pipelined(clients: &mut [WireClient], requests_per_session: usize, window: usize) -> Result<u64, String> {
    let mut left: Vec<(usize, usize)> = clients.iter().map(|_| (requests_per_session, 0)).collect();
    clients.iter_mut().for_each(WireClient::begin_with_an_order);
    let start = Instant::now();
    let mut silent_since = Instant::now();
    while left.iter().any(|(to_send, unanswered)| to_send + unanswered > 0) {
        let mut moved = false;
        for (client, (to_send, unanswered)) in clients.iter_mut().zip(&mut left) {
            *unanswered -= match client.take_reports()? {
                taken if taken <= *unanswered => taken,
                taken => return Err(format!("{} reports too many", taken - *unanswered)),
            };
            // Half a window at a time, so that a write carries many.
            if *to_send > 0 && *unanswered <= window / 2 {
                let count = (window - *unanswered).min(*to_send);
                (0..count).for_each(|_| client.queue_request());
                client.flush()?;
                *to_send -= count;
                *unanswered += count;
                moved = true;
            }
        }
        if moved {
            silent_since = Instant::now();
        } else if silent_since.elapsed() > Duration::from_secs(30) {
            return Err(format!("no answers for 30 s: {left:?}"));
        }
    }
    let all = (clients.len() * requests_per_session) as f64;
    Ok((all / start.elapsed().as_secs_f64()) as u64)
}

/// What a flood came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flood {
    /// Orders that were sent.
    pub sent: u64,
    /// Of those, refused for want of tokens, as far as the answers were read.
    pub refused: u64,
}

/// Round trips at a steady pace; each right behind a burst of orders that another session sends, if there is one. The time
/// counts from when the request is handed to the socket.
///
/// # Errors
/// As [`WireClient::await_reports`].
pub fn behind_bursts(
    victim: &mut WireClient,
    mut flooder: Option<(&mut WireClient, usize)>,
    count: usize,
    pace: Duration,
) -> Result<(Vec<u64>, Flood), String> {
    victim.begin_with_an_order();
    let (mut samples, mut flood) = (Vec::with_capacity(count), Flood::default());
    let begun = Instant::now();
    for n in 0..count {
        let due = begun + pace * n as u32;
        loop {
            if let Some((flooder, _)) = &mut flooder {
                flood.refused += flooder.take_answers()?.1;
            }
            if Instant::now() >= due {
                break;
            }
        }
        if let Some((flooder, burst)) = &mut flooder {
            (0..*burst).for_each(|_| flooder.queue_order());
            flooder.flush()?;
            flood.sent += *burst as u64;
        }
        victim.queue_request();
        let start = Instant::now();
        victim.flush()?;
        victim.await_reports(1)?;
        samples.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    Ok((samples, flood))
}

/// What a reconnect took.
#[derive(Clone, Copy, Debug)]
pub struct Reconnect {
    /// From the first byte of the connection to the end of the replay.
    pub took: Duration,
    /// Reports that were replayed.
    pub replayed: u64,
    /// Answers that the other sessions got meanwhile.
    pub others_answered: u64,
}

/// Reconnects with so many reports to be read again, while other sessions keep one request each in flight.
///
/// # Errors
/// As [`WireClient::log_on`].
pub fn reconnect(login: &Login, reports: u64, others: Vec<WireClient>) -> Result<Reconnect, String> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let busy = scope.spawn(|| keep_busy(others, &stop));
        let result = reconnect_once(login, reports);
        stop.store(true, Ordering::Release);
        let others_answered = busy.join().map_err(|_| "the busy sessions' thread panicked".to_owned())??;
        result.map(|(took, replayed)| Reconnect { took, replayed, others_answered })
    })
}

fn reconnect_once(login: &Login, reports: u64) -> Result<(Duration, u64), String> {
    let mark = WireClient::log_on(login, Some(0))?.last_report;
    let after = mark.checked_sub(reports).ok_or(format!("the key has {mark} reports, not {reports}"))?;
    let client = WireClient::log_on(login, Some(after))?;
    Ok((client.logged_on_in, client.last_report - after))
}

fn keep_busy(mut clients: Vec<WireClient>, stop: &AtomicBool) -> Result<u64, String> {
    let mut answered = 0;
    for client in &mut clients {
        client.begin_with_an_order();
        client.queue_request();
        client.flush()?;
    }
    while !stop.load(Ordering::Acquire) {
        for client in &mut clients {
            let taken = client.take_reports()?;
            for _ in 0..taken {
                client.queue_request();
            }
            client.flush()?;
            answered += taken as u64;
        }
        // The node needs the cores more than these sessions do.
        std::thread::yield_now();
    }
    Ok(answered)
}
