//! `tidegate top`: a node's latency, watermarks and sessions on one screen, or one sample as JSON.
//!
//! ```text
//!   operator's socket --NodeSample--> [Live: two samples, and what lies between] --> screen, or one line of JSON
//! ```
//!
//! Invariants: reads only; a node that does not answer is said on the screen and asked again. While frozen, the screen keeps
//! what it shows, and the node is not asked.

mod live;
mod screen;

use std::io::IsTerminal;
use std::process::ExitCode;
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
#[command(after_help = "Keys: s sorts the sessions by another column, f freezes and goes on, q ends.")]
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
    let first = sample(args)?;
    if args.json {
        std::thread::sleep(interval);
        let live = Live::between(&first, sample(args)?);
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

fn sample(args: &TopArgs) -> Result<NodeSample, String> {
    let value = ask(&args.node.data_dir, &AdminRequest::Sample)?;
    serde_json::from_value(value).map_err(|error| format!("the node's sample is of another version: {error}"))
}

fn watch(
    args: &TopArgs,
    interval: Duration,
    first: NodeSample,
    terminal: &mut ratatui::DefaultTerminal,
) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("the terminal: {error}");
    let mut screen = Screen::new(Live::first(first));
    let mut next = Instant::now() + interval;
    loop {
        terminal.draw(|frame| screen.draw(frame)).map_err(failed)?;
        let wait = next.saturating_duration_since(Instant::now());
        if event::poll(wait).map_err(failed)? {
            if let Event::Key(key) = event::read().map_err(failed)?
                && !press(&mut screen, key)
            {
                return Ok(());
            }
            continue;
        }
        next = Instant::now() + interval;
        if !screen.is_frozen() {
            match sample(args) {
                Ok(sample) => screen.show(sample),
                Err(error) => screen.say(error),
            }
        }
    }
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
        assert!(press(&mut screen, key(KeyCode::Char('x'))));
        assert!(!press(&mut screen, key(KeyCode::Char('q'))));
        assert!(!press(&mut screen, KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL)));
    }
}
