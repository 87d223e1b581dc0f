//! `tidegate top`: a node's latency, watermarks and sessions on one screen, or one sample as JSON.
//!
//! ```text
//!   operator's socket --NodeSample--[thread: asks]--> [Live: two samples, and what lies between] --> screen, or one line of JSON
//! ```
//!
//! Invariants: reads only; a node that does not answer is said on the screen and asked again. While frozen, the screen keeps
//! what it shows, and the node is not asked. Keys work however long an answer takes, since another thread waits for it.

mod live;
mod screen;

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use tidegate_node::AdminRequest;
use tidegate_node::latency::NodeSample;

pub use self::live::Live;
pub use self::screen::{Order, Screen};
use crate::operator::ask;
use crate::{CommandResult, NodeAddress, print_json};

/// Arguments of `tidegate top`.
#[derive(Args)]
#[command(
    after_help = "Keys: s sorts the sessions by another column, f freezes and goes on, q ends. Where the terminal has no room for \
    the latencies of the last ten seconds and of those since the start, t shows the others."
)]
pub struct TopArgs {
    #[command(flatten)]
    node: NodeAddress,
    /// Pause between two samples, in milliseconds
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(100..=60_000))]
    interval_ms: u64,
    /// Print one sample, of one interval, as JSON
    #[arg(long)]
    json: bool,
}

/// `tidegate top`
///
/// # Errors
/// When the node cannot be reached, or without `--json` standard output is no terminal.
pub fn run(args: &TopArgs) -> CommandResult {
    let interval = Duration::from_millis(args.interval_ms);
    let first = sample(&args.node.data_dir)?;
    if args.json {
        std::thread::sleep(interval);
        let live = Live::between(&first, sample(&args.node.data_dir)?);
        print_json(&serde_json::to_value(&live).expect("a sample always serialises"));
        return Ok(ExitCode::SUCCESS);
    }
    if !std::io::stdout().is_terminal() {
        return Err("standard output is no terminal; `tidegate top --json` prints one sample".to_owned());
    }
    let mut terminal = ratatui::try_init().map_err(|error| format!("the terminal: {error}"))?;
    let shown = watch(args, interval, first, &mut terminal);
    ratatui::restore();
    shown.map(|()| ExitCode::SUCCESS)
}

fn sample(data_dir: &Path) -> Result<NodeSample, String> {
    let value = ask(data_dir, &AdminRequest::Sample)?;
    serde_json::from_value(value).map_err(|error| format!("the node's sample is of another version: {error}"))
}

/// An answer that takes longer is said to be missing.
const OVERDUE: Duration = Duration::from_secs(3);
/// Longest wait for a key before it is looked whether an answer has come.
const LOOK: Duration = Duration::from_millis(50);

fn watch(
    args: &TopArgs,
    interval: Duration,
    first: NodeSample,
    terminal: &mut ratatui::DefaultTerminal,
) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the terminal: {error}");
    let (ask_now, answers) = start_asking(&args.node.data_dir);
    let mut screen = Screen::new(Live::first(first));
    let (mut next, mut changed, mut asked) = (Instant::now() + interval, true, None);
    loop {
        if changed {
            terminal.draw(|frame| screen.draw(frame)).map_err(failed)?;
        }
        changed = event::poll(LOOK).map_err(failed)?;
        if changed
            && let Event::Key(key) = event::read().map_err(failed)?
            && !press(&mut screen, key)
        {
            return Ok(());
        }
        if Instant::now() >= next && !screen.is_frozen() {
            next = Instant::now() + interval;
            // Full: it still waits for the answer before.
            match ask_now.try_send(()) {
                Ok(()) => asked = Some(Instant::now()),
                Err(TrySendError::Full(())) => {}
                Err(TrySendError::Disconnected(())) => return Err("the thread that asks the node ended".to_owned()),
            }
            if let Some(waited) = asked.map(|asked: Instant| asked.elapsed()).filter(|waited| *waited > OVERDUE) {
                screen.say(format!("the node has not answered for {} s; these are its last numbers", waited.as_secs()));
                changed = true;
            }
        }
        // What was asked before it was frozen is not shown.
        for answer in answers.try_iter() {
            (asked, changed) = (None, true);
            if screen.is_frozen() {
                continue;
            }
            match answer {
                Ok(sample) => screen.show(sample),
                Err(error) => screen.say(error),
            }
        }
    }
}

/// Starts the thread that asks the node, each time that it is told to; it ends with its callers.
fn start_asking(data_dir: &Path) -> (SyncSender<()>, Receiver<Result<NodeSample, String>>) {
    let (ask_now, asked) = sync_channel(0);
    let (answer, answers) = sync_channel(1);
    let data_dir = data_dir.to_owned();
    thread::spawn(move || {
        while asked.recv().is_ok() {
            if answer.send(sample(&data_dir)).is_err() {
                return;
            }
        }
    });
    (ask_now, answers)
}

/// Does what a key asks for; whether to go on.
fn press(screen: &mut Screen, key: KeyEvent) -> bool {
    if key.kind != KeyEventKind::Press {
        return true;
    }
    match key.code {
        KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return false,
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('s') => screen.sort_by_next(),
        KeyCode::Char('t') => screen.other_span(),
        KeyCode::Char('f' | ' ') => screen.freeze_or_go_on(),
        _ => {}
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::top::live::tests::sample;

    #[test]
    fn keys_sort_freeze_and_end() {
        let mut screen = Screen::new(Live::first(sample(1, 10)));
        let key = |code| KeyEvent::new(code, KeyModifiers::NONE);
        assert_eq!(screen.order(), Order::InFlight);
        assert!(press(&mut screen, key(KeyCode::Char('s'))));
        assert_eq!(screen.order(), Order::QueuedBytes);
        assert!(press(&mut screen, key(KeyCode::Char('f'))) && screen.is_frozen());
        assert!(press(&mut screen, key(KeyCode::Char('f'))) && !screen.is_frozen());
        assert!(press(&mut screen, key(KeyCode::Char('t'))));
        assert!(press(&mut screen, key(KeyCode::Char('x'))));
        assert!(!press(&mut screen, key(KeyCode::Char('q'))));
        assert!(!press(&mut screen, KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    }
}
