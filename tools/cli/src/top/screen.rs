//! The screen of `tidegate top`: from what is live to cells of a terminal. No I/O: tests draw it into a buffer.
//!
//! Invariants: a percentile with too few orders above it is a dash. What does not fit is cut off at the bottom, sessions first.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Table};
use tidegate_node::latency::{LatencySpan, NodeSample, Percentiles, SessionSample};
use tidegate_node::status::NodeState;

use super::live::{Live, ratio};

/// Lines of the head.
const HEAD_LINES: u16 = 6;
/// Lines of a latency table: frame, header, the whole and six stages.
const LATENCY_LINES: u16 = 10;

/// By which column sessions are sorted, the largest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Unanswered requests.
    InFlight,
    /// Bytes that the socket has not taken.
    QueuedBytes,
    /// Reports that are not encoded yet.
    ReportsBehind,
    /// The key, the smallest first.
    Key,
}

impl Order {
    const fn next(self) -> Self {
        match self {
            Self::InFlight => Self::QueuedBytes,
            Self::QueuedBytes => Self::ReportsBehind,
            Self::ReportsBehind => Self::Key,
            Self::Key => Self::InFlight,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::InFlight => "in flight",
            Self::QueuedBytes => "queued bytes",
            Self::ReportsBehind => "reports behind",
            Self::Key => "key",
        }
    }

    fn sort(self, sessions: &mut [SessionSample]) {
        match self {
            Self::InFlight => sessions.sort_by_key(|session| std::cmp::Reverse(session.in_flight)),
            Self::QueuedBytes => sessions.sort_by_key(|session| std::cmp::Reverse(session.queued_bytes)),
            Self::ReportsBehind => sessions.sort_by_key(|session| std::cmp::Reverse(session.reports_behind)),
            Self::Key => sessions.sort_by_key(|session| session.key),
        }
    }
}

/// See the module.
pub struct Screen {
    live: Live,
    order: Order,
    frozen: bool,
    /// Why there is no newer sample.
    error: Option<String>,
}

impl Screen {
    /// A screen that shows this.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self { live, order: Order::InFlight, frozen: false, error: None }
    }

    /// Shows a newer sample.
    pub fn show(&mut self, sample: NodeSample) {
        self.live = Live::between(&self.live.sample, sample);
        self.error = None;
    }

    /// Says why there is none.
    pub fn say(&mut self, error: String) {
        self.error = Some(error);
    }

    /// Sorts sessions by another column.
    pub fn sort_by_next(&mut self) {
        self.order = self.order.next();
    }

    /// Keeps what it shows, or shows newer samples again.
    pub fn freeze_or_go_on(&mut self) {
        self.frozen = !self.frozen;
    }

    /// Whether it keeps what it shows.
    #[must_use]
    pub const fn is_frozen(&self) -> bool {
        self.frozen
    }

    /// How sessions are sorted.
    #[must_use]
    pub const fn order(&self) -> Order {
        self.order
    }

    /// Draws all of it.
    pub fn draw(&self, frame: &mut Frame<'_>) {
        let rows = [
            Constraint::Length(HEAD_LINES),
            Constraint::Length(LATENCY_LINES),
            Constraint::Length(LATENCY_LINES),
            Constraint::Min(0),
        ];
        let [head, recent, whole, sessions] = Layout::vertical(rows).areas(frame.area());
        frame.render_widget(Paragraph::new(self.head()), head);
        let latency = &self.live.sample.latency;
        draw_span(frame, recent, "last 10 s", &latency.last_10_s);
        draw_span(frame, whole, "since start", &latency.since_start);
        self.draw_sessions(frame, sessions);
    }

    fn head(&self) -> Vec<Line<'static>> {
        let (live, sample) = (&self.live, &self.live.sample);
        let (status, marks) = (&sample.status, &sample.status.watermarks);
        let colour = match status.state {
            NodeState::Primary => Color::Green,
            NodeState::Standby => Color::Cyan,
            NodeState::Blocked => Color::Red,
            NodeState::Degraded | NodeState::Starting | NodeState::Stopping => Color::Yellow,
        };
        let state = Span::styled(status.state.as_str(), Style::new().fg(colour).add_modifier(Modifier::BOLD));
        let lag = status.peer.as_ref().map_or("no standby".to_owned(), |peer| {
            format!("standby {} lag {}", if peer.connected { "connected" } else { "MISSING" }, peer.lag_commands)
        });
        let busy: Vec<String> =
            live.busy_shares.iter().map(|busy| format!("{} {:.1} %", busy.stage, busy.share * 100.0)).collect();
        let last = match (&self.error, self.frozen) {
            (Some(error), _) => Span::styled(error.clone(), Style::new().fg(Color::Red)),
            (None, true) => Span::styled("FROZEN: f goes on", Style::new().fg(Color::Yellow)),
            (None, false) => Span::raw("s sort   f freeze   q quit"),
        };
        vec![
            Line::from(vec![
                Span::raw(format!("node {}  ", status.node)),
                state,
                Span::raw(format!(
                    "  epoch {}  {}  {lag}  up {} s  clock {}",
                    status.epoch, status.durability, status.uptime_s, sample.latency.clock
                )),
            ]),
            Line::raw(format!(
                "orders/s {:.0}   sessions {}   stamps lost {}",
                live.orders_per_s, status.sessions, sample.latency.skipped
            )),
            Line::raw(format!(
                "through: assigned {}  journaled {}  synced {}  matched {}  published {}",
                marks.assigned_through,
                marks.journaled_through,
                marks.synced_through,
                marks.matched_through,
                marks.published_through
            )),
            Line::raw(format!(
                "fill: inbox {} of {}  command ring {} of {}",
                status.inbox_fill, sample.inbox_slots, live.command_ring_fill, sample.command_ring_slots
            )),
            Line::raw(format!("busy: {}", busy.join("  "))),
            Line::from(last),
        ]
    }

    fn draw_sessions(&self, frame: &mut Frame<'_>, area: Rect) {
        let mut sessions = self.live.sample.sessions.clone();
        self.order.sort(&mut sessions);
        let rows = sessions.into_iter().map(|session| {
            Row::new([
                session.key.to_string(),
                session.peer,
                session.in_flight.to_string(),
                session.queued_bytes.to_string(),
                session.reports_behind.to_string(),
            ])
        });
        let widths = [8, 24, 10, 13, 15].map(Constraint::Length);
        let header = Row::new(["key", "client", "in flight", "queued bytes", "reports behind"]);
        let title = format!(" sessions by {} ", self.order.as_str());
        let table = Table::new(rows, widths).header(header.style(bold())).block(Block::bordered().title(title));
        frame.render_widget(table, area);
    }
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn draw_span(frame: &mut Frame<'_>, area: Rect, title: &str, span: &LatencySpan) {
    let cells = |name: &str, line: &Percentiles, sum_ns: u64, critical: String| {
        let mean = (span.orders > 0).then(|| sum_ns / span.orders.max(1));
        let values = line.values().into_iter().map(|(_, value)| microseconds(value));
        Row::new([name.to_owned(), microseconds(mean)].into_iter().chain(values).chain([critical]))
    };
    let whole = cells("total", &span.total, span.sum_ns, String::new()).style(bold());
    let stages = span.stages.iter().map(|stage| {
        let critical = format!("{:.1} %", ratio(stage.critical, span.orders) * 100.0);
        cells(&stage.stage, &stage.latency, stage.sum_ns, critical)
    });
    let header = Row::new(["stage", "mean", "p50", "p90", "p99", "p99.9", "p99.99", "p99.999", "max", "critical"]);
    let widths = [10, 10, 10, 10, 10, 10, 10, 10, 11, 9].map(Constraint::Length);
    let title = format!(" {title}: {} orders, microseconds ", span.orders);
    let table = Table::new(std::iter::once(whole).chain(stages), widths)
        .header(header.style(bold()))
        .block(Block::bordered().title(title));
    frame.render_widget(table, area);
}

/// Nanoseconds as microseconds with one place; a dash where there is no value.
fn microseconds(ns: Option<u64>) -> String {
    ns.map_or_else(|| "–".to_owned(), |ns| format!("{}.{}", ns / 1_000, ns % 1_000 / 100))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::live::tests::sample;
    use super::*;

    fn lines(screen: &Screen, width: u16, height: u16) -> Vec<String> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let line = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(line).collect()
    }

    fn screen() -> Screen {
        let mut screen = Screen::new(Live::first(sample(10, 1_000)));
        screen.show(sample(12, 1_500));
        screen
    }

    fn place(lines: &[String], text: &str) -> usize {
        lines.iter().position(|line| line.contains(text)).unwrap_or_else(|| panic!("`{text}` in {lines:#?}"))
    }

    #[test]
    fn it_shows_role_rates_fill_and_latency_of_both_spans() {
        let lines = lines(&screen(), 110, 40);
        for text in [
            "node 1  primary  epoch 4  local  no standby",
            "orders/s 250",
            "assigned 5060  journaled 5000",
            "inbox 17 of 8192  command ring 60 of 16384",
            "journal 25.0 %  match 0.0 %",
        ] {
            place(&lines, text);
        }
        let (recent, whole) = (place(&lines, "last 10 s: 1500 orders"), place(&lines, "since start: 1500 orders"));
        assert!(recent < whole);
        let cells: Vec<_> = lines[place(&lines, "│journal")].split_whitespace().collect();
        assert_eq!(cells, ["│journal", "20.0", "21.0", "33.0", "–", "–", "–", "–", "250.1", "99.8", "%", "│"], "{lines:#?}");
    }

    #[test]
    fn sessions_are_sorted_by_the_column_that_was_chosen() {
        let mut screen = screen();
        let keys_of = |screen: &mut Screen| {
            let lines = lines(screen, 110, 40);
            let mut places: Vec<_> = (1..=3).map(|key| (place(&lines, &format!("10.0.0.{key}:999")), key)).collect();
            places.sort_unstable();
            screen.sort_by_next();
            places.into_iter().map(|(_, key)| key).collect::<Vec<_>>()
        };
        assert_eq!(keys_of(&mut screen), [3, 1, 2], "in flight");
        assert_eq!(keys_of(&mut screen), [2, 3, 1], "queued bytes");
        assert_eq!(keys_of(&mut screen), [1, 2, 3], "reports behind: all alike");
        assert_eq!(keys_of(&mut screen), [1, 2, 3], "key");
        assert_eq!(keys_of(&mut screen), [3, 1, 2], "in flight again");
    }

    #[test]
    fn it_says_that_it_is_frozen_and_why_a_node_does_not_answer() {
        let mut screen = screen();
        screen.freeze_or_go_on();
        place(&lines(&screen, 110, 40), "FROZEN");
        screen.say("no node answers at x".to_owned());
        place(&lines(&screen, 110, 40), "no node answers at x");
        screen.show(sample(13, 1_500));
        place(&lines(&screen, 110, 40), "FROZEN");
    }

    #[test]
    fn it_fits_into_any_terminal() {
        for (width, height) in [(1, 1), (20, 5), (80, 24), (400, 120)] {
            assert_eq!(lines(&screen(), width, height).len(), usize::from(height));
        }
    }
}
