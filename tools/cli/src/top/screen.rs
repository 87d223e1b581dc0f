//! The screen of `tidegate top`: from what is live to cells of a terminal. No I/O: tests draw it into a buffer.
//!
//! Invariants: a percentile with too few orders above it is a dash. Nothing is cut off within a line of 80 columns: what is longer
//! goes on in the next one. Where both tables of latencies do not fit above three sessions, one of them is shown, and a key changes
//! which. Numbers of a node that does not answer are never shown as if they were new.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table};
use tidegate_node::latency::{LatencySpan, NodeSample, Percentiles, SessionSample};
use tidegate_node::status::NodeState;

use super::live::{Live, ratio};

/// Lines of a latency table: frame, header, the whole and six stages.
const LATENCY_LINES: u16 = 10;
/// Lines of a latency table without an order: frame and a sentence.
const NO_LATENCY_LINES: u16 = 3;
/// Lines of the smallest list of sessions that is worth its frame.
const SESSIONS_LINES_MIN: u16 = 5;

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

    /// The column's name.
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
    /// Which table is shown where there is room for one.
    since_start: bool,
    /// Why there is no newer sample.
    error: Option<String>,
}

impl Screen {
    /// A screen that shows this.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self { live, order: Order::InFlight, frozen: false, since_start: false, error: None }
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

    /// Shows the latencies of the other span of time where there is room for one.
    pub fn other_span(&mut self) {
        self.since_start = !self.since_start;
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
        let latency = &self.live.sample.latency;
        let (recent, whole) = (("last 10 s", &latency.last_10_s), ("since start", &latency.since_start));
        let room = |head: u16| frame.area().height.saturating_sub(head + SESSIONS_LINES_MIN);
        let mut head = self.head(frame.area().width, false);
        let mut spans = vec![recent, whole];
        let lines = |spans: &[(&str, &LatencySpan)]| spans.iter().map(|(_, span)| span_lines(span)).sum::<u16>();
        if lines(&spans) > room(head.len() as u16) {
            head = self.head(frame.area().width, true);
            spans = vec![if self.since_start { whole } else { recent }];
        }
        let rows = std::iter::once(Constraint::Length(head.len() as u16))
            .chain(spans.iter().map(|(_, span)| Constraint::Length(span_lines(span))))
            .chain([Constraint::Min(0)]);
        let areas = Layout::vertical(rows).split(frame.area());
        frame.render_widget(Paragraph::new(head), areas[0]);
        for (area, (title, span)) in areas[1..].iter().zip(&spans) {
            self.draw_span(frame, *area, title, span);
        }
        self.draw_sessions(frame, areas[areas.len() - 1]);
    }

    fn head(&self, width: u16, one_span: bool) -> Vec<Line<'static>> {
        let (live, sample) = (&self.live, &self.live.sample);
        let (status, marks) = (&sample.status, &sample.status.watermarks);
        let state = match &self.error {
            Some(_) => Span::styled("NO ANSWER", bold().fg(Color::Red)),
            None => Span::styled(status.state.as_str(), bold().fg(colour(status.state))),
        };
        let mut lines = vec![Line::from(vec![
            Span::raw(format!("node {}  ", status.node)),
            state,
            Span::raw(format!(
                "  epoch {}  {}  up {}  clock {}",
                status.epoch,
                status.durability,
                uptime(status.uptime_s),
                sample.latency.clock
            )),
        ])];
        let say = |lines: &mut Vec<Line<'static>>, style: Style, parts: Vec<String>| {
            lines.extend(wrapped(&parts, width).into_iter().map(|line| Line::styled(line, style)));
        };
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        match &self.error {
            Some(error) => say(&mut lines, Style::new().fg(Color::Red), words(error)),
            None if status.state != NodeState::Primary => {
                say(&mut lines, Style::new().fg(colour(status.state)), words(&status.message));
            }
            None => {}
        }
        let mut rates = vec![format!("orders/s {:.0} ", live.orders_per_s), format!("sessions {} ", status.sessions)];
        rates.extend(self.peer());
        if sample.latency.skipped > 0 {
            rates.push(format!(" stamps lost {}", sample.latency.skipped));
        }
        say(&mut lines, Style::new(), rates);
        let behind = |name: &str, through: u64| format!(" {name} {}", marks.assigned_through.saturating_sub(through));
        let mut lags = vec![format!("assigned {},", marks.assigned_through), "behind it:".to_owned()];
        lags.extend([
            behind("journaled", marks.journaled_through),
            behind("synced", marks.synced_through),
            behind("matched", marks.matched_through),
            behind("published", marks.published_through),
        ]);
        say(&mut lines, Style::new(), lags);
        let fill = [
            format!("inbox {} of {} ", status.inbox_fill, sample.inbox_slots),
            format!("command ring {} of {}", live.command_ring_fill, sample.command_ring_slots),
        ];
        say(&mut lines, Style::new(), fill.to_vec());
        let busy = live.busy_shares.iter().map(|busy| format!(" {} {:.1} %", busy.stage, busy.share * 100.0));
        say(&mut lines, Style::new(), std::iter::once("busy".to_owned()).chain(busy).collect());
        let keys = if one_span { "s sort   t other time   f freeze   q quit" } else { "s sort   f freeze   q quit" };
        lines.push(match self.frozen {
            true => Line::styled("FROZEN: f goes on, q quits", bold().fg(Color::Yellow)),
            false => Line::styled(keys, Style::new().add_modifier(Modifier::DIM)),
        });
        lines
    }

    /// The other node, and how far who follows is behind, in commands.
    fn peer(&self) -> Option<String> {
        let status = &self.live.sample.status;
        let Some(peer) = &status.peer else { return Some("no standby".to_owned()) };
        if status.state == NodeState::Standby {
            let behind = status.watermarks.commit_through.saturating_sub(status.watermarks.published_through);
            let link = if peer.connected { "connected" } else { "MISSING" };
            return Some(format!("primary {link}, {behind} commands ahead"));
        }
        Some(match peer.connected {
            true => format!("standby connected, {} commands behind", peer.lag_commands),
            false => "standby MISSING".to_owned(),
        })
    }

    fn draw_span(&self, frame: &mut Frame<'_>, area: Rect, title: &str, span: &LatencySpan) {
        let block = Block::bordered().title(format!(" {title}: {} orders ", span.orders));
        if span.orders == 0 {
            let why = match self.live.sample.status.state {
                NodeState::Standby => "a standby answers no clients: their orders are timed on the primary",
                _ => "no order was answered",
            };
            frame.render_widget(Paragraph::new(why).block(block), area);
            return;
        }
        let cells = |name: &str, line: &Percentiles, sum_ns: u64, critical: String| {
            let values = [Some(sum_ns / span.orders), line.p50, line.p90, line.p99, line.p99_9, line.p99_99, line.max];
            let values = values.map(|value| right(duration(value)));
            Row::new([Cell::from(name.to_owned())].into_iter().chain(values).chain([right(critical)]))
        };
        let whole = cells("total", &span.total, span.sum_ns, String::new()).style(bold());
        let stages = span.stages.iter().map(|stage| {
            let critical = format!("{:.1} %", ratio(stage.critical, span.orders) * 100.0);
            cells(&stage.stage, &stage.latency, stage.sum_ns, critical)
        });
        let names = ["mean", "p50", "p90", "p99", "p99.9", "p99.99", "max", "critical"];
        let header = std::iter::once(Cell::from("stage")).chain(names.map(|name| right(name.to_owned())));
        let widths = [9, 7, 7, 7, 7, 7, 7, 7, 8].map(Constraint::Length);
        let table = Table::new(std::iter::once(whole).chain(stages), widths)
            .header(Row::new(header).style(bold()))
            .block(block);
        frame.render_widget(table, area);
    }

    fn draw_sessions(&self, frame: &mut Frame<'_>, area: Rect) {
        let mut sessions = self.live.sample.sessions.clone();
        self.order.sort(&mut sessions);
        // Frame and header.
        let room = usize::from(area.height.saturating_sub(3));
        let more = sessions.len().saturating_sub(room);
        let title = match more {
            0 => format!(" sessions by {} ", self.order.as_str()),
            _ => format!(" sessions by {}, {more} more below ", self.order.as_str()),
        };
        let block = Block::bordered().title(title);
        if sessions.is_empty() {
            frame.render_widget(Paragraph::new("nobody is logged on").block(block), area);
            return;
        }
        let rows = sessions.into_iter().map(|session| {
            let numbers = [session.in_flight, session.queued_bytes, session.reports_behind];
            let numbers = numbers.map(|number| right(number.to_string()));
            Row::new([right(session.key.to_string()), Cell::from(session.peer)].into_iter().chain(numbers))
        });
        let head = |name: &'static str| {
            let sorts = name == self.order.as_str();
            let style = if sorts { bold().add_modifier(Modifier::REVERSED) } else { bold() };
            right(name.to_owned()).style(style)
        };
        let header = Row::new([
            head(Order::Key.as_str()),
            Cell::from("client").style(bold()),
            head(Order::InFlight.as_str()),
            head(Order::QueuedBytes.as_str()),
            head(Order::ReportsBehind.as_str()),
        ]);
        // An IPv6 address with its port has up to 47 characters: what there is room for beside the numbers, frame and gaps.
        let client = area.width.saturating_sub(8 + 10 + 13 + 15 + 2 + 4).clamp(5, 47);
        let widths = [8, client, 10, 13, 15].map(Constraint::Length);
        frame.render_widget(Table::new(rows, widths).header(header).block(block), area);
    }
}

fn span_lines(span: &LatencySpan) -> u16 {
    if span.orders == 0 { NO_LATENCY_LINES } else { LATENCY_LINES }
}

const fn colour(state: NodeState) -> Color {
    match state {
        NodeState::Primary => Color::Green,
        NodeState::Standby => Color::Cyan,
        NodeState::Blocked => Color::Red,
        NodeState::Degraded | NodeState::Starting | NodeState::Stopping => Color::Yellow,
    }
}

fn bold() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}

fn right(text: String) -> Cell<'static> {
    Cell::from(Line::from(text).alignment(Alignment::Right))
}

/// Parts side by side, in as many lines as they need.
fn wrapped(parts: &[String], width: u16) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + part.chars().count() <= usize::from(width) => {
                line.push(' ');
                line.push_str(part);
            }
            _ => lines.push(part.trim_start().to_owned()),
        }
    }
    lines
}

/// `59 s`, `12:03:04`, `3 d 04:05:06`.
fn uptime(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..86_400 => format!("{hours:02}:{minutes:02}:{:02}", seconds % 60),
        _ => format!("{days} d {hours:02}:{minutes:02}:{:02}", seconds % 60),
    }
}

/// At most seven characters: `850 ns`, `12.3 µs`, `4.56 ms`, `60.0 s`; a dash where there is no value.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn duration(ns: Option<u64>) -> String {
    let Some(ns) = ns else { return "–".to_owned() };
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..999_500 => (ns as f64 / 1e3, "µs"),
        999_500..999_500_000 => (ns as f64 / 1e6, "ms"),
        _ => (ns as f64 / 1e9, "s"),
    };
    let places = if value >= 99.95 { 0 } else { 1 + usize::from(value < 9.995) };
    format!("{value:.places$} {unit}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::buffer::Buffer;
    use serde_json::json;

    use super::super::live::tests::{changed, sample};
    use super::*;

    fn drawn(screen: &Screen, width: u16, height: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| screen.draw(frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn lines(screen: &Screen, width: u16, height: u16) -> Vec<String> {
        let buffer = drawn(screen, width, height);
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

    fn lacks(lines: &[String], text: &str) {
        assert!(!lines.iter().any(|line| line.contains(text)), "`{text}` in {lines:#?}");
    }

    #[test]
    fn it_shows_role_rates_fill_and_latency_of_both_spans() {
        let lines = lines(&screen(), 110, 40);
        for text in [
            "node 1  primary  epoch 4  local  up 12 s  clock tsc",
            "orders/s 250  sessions 3  no standby  stamps lost 2",
            "assigned 5060, behind it:  journaled 60  synced 60  matched 10  published 70",
            "inbox 17 of 8192  command ring 60 of 16384",
            "busy  journal 25.0 %  match 0.0 %",
            "s sort   f freeze   q quit",
        ] {
            place(&lines, text);
        }
        let (recent, whole) = (place(&lines, "last 10 s: 1500 orders"), place(&lines, "since start: 1500 orders"));
        assert!(recent < whole);
        let row = lines[place(&lines, "│journal")].replace(" µs", "µs").replace(" %", "%");
        let cells: Vec<_> = row.split_whitespace().collect();
        assert_eq!(cells, ["│journal", "20.0µs", "21.0µs", "33.0µs", "–", "–", "–", "250µs", "99.8%", "│"]);
    }

    #[test]
    fn a_terminal_of_80_by_24_shows_one_span_whole_and_a_key_shows_the_other() {
        let mut screen = screen();
        for (shown, hidden) in
            [("last 10 s: 1500", "since start"), ("since start: 1500", "last 10 s"), ("last 10 s", "since")]
        {
            let lines = lines(&screen, 80, 24);
            lacks(&lines, hidden);
            let first = place(&lines, shown);
            for text in ["p99.99", "max critical", "t other time", "10.0.0.3:999", "reports behind"] {
                place(&lines, text);
            }
            assert!(place(&lines, "│send") > first, "the last stage is not cut off");
            screen.other_span();
        }
    }

    #[test]
    fn no_line_of_the_head_is_cut_off_at_80_columns() {
        let names = ["order-entry", "sequencer", "journal", "replicate", "match", "publish"];
        let busy: Vec<_> = names.iter().map(|name| json!({ "stage": name, "busy_ns": 999_000_000 })).collect();
        let screen = Screen::new(Live::first(changed(1, 10, |value| {
            value["busy"] = json!(busy);
            value["status"]["state"] = json!("blocked");
            value["status"]["message"] = json!(
                "holds acknowledgements back: its standby is missing. Bring it back, or run `tidegate durability set local`"
            );
            value["status"]["watermarks"]["assigned_through"] = json!(123_456_789_012_u64);
        })));
        let text = lines(&screen, 80, 40).iter().map(|line| line.trim().to_owned()).collect::<Vec<_>>().join(" ");
        for part in
            ["order-entry 99.9 %", "publish 99.9 %", "or run `tidegate durability set local`", "published 123456784022"]
        {
            assert!(text.contains(part), "`{part}` in {text}");
        }
    }

    #[test]
    fn the_role_has_the_colour_of_how_bad_it_is() {
        for (state, colour) in [
            ("primary", Color::Green),
            ("degraded", Color::Yellow),
            ("starting", Color::Yellow),
            ("blocked", Color::Red),
            ("standby", Color::Cyan),
        ] {
            let screen = Screen::new(Live::first(changed(1, 10, |value| value["status"]["state"] = json!(state))));
            let buffer = drawn(&screen, 80, 24);
            // After `node 1  `.
            assert_eq!((buffer[(8, 0)].fg, buffer[(8, 0)].symbol()), (colour, &state[..1]), "{state}");
        }
    }

    #[test]
    fn a_standby_says_what_it_follows_and_why_it_has_no_latencies() {
        let peer = |connected: bool| json!({ "node": 2, "connected": connected, "caught_up": false, "epoch": 4, "lag_commands": 0, "digest_equal": null, "last_error": null });
        let standby = |connected| {
            changed(10, 0, |value| {
                value["status"]["state"] = json!("standby");
                value["status"]["message"] = json!("follows the primary");
                value["status"]["peer"] = peer(connected);
                value["status"]["watermarks"]["commit_through"] = json!(5_000);
                value["sessions"] = json!([]);
            })
        };
        let mut screen = Screen::new(Live::first(standby(true)));
        let shown = lines(&screen, 80, 24);
        for text in [
            "standby",
            "follows the primary",
            "primary connected, 10 commands ahead",
            "last 10 s: 0 orders",
            "since start: 0 orders",
        ] {
            place(&shown, text);
        }
        place(&shown, "a standby answers no clients");
        place(&shown, "nobody is logged on");
        lacks(&shown, "no standby");
        screen.show(standby(false));
        place(&lines(&screen, 80, 24), "primary MISSING");
        screen.show(changed(11, 5, |value| {
            value["status"]["peer"] = peer(true);
            value["status"]["peer"]["lag_commands"] = json!(7);
        }));
        place(&lines(&screen, 80, 24), "standby connected, 7 commands behind");
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
    fn sessions_that_do_not_fit_are_counted() {
        let session = |key: u32| json!({ "key": key, "peer": "10.0.0.1:999", "in_flight": 0, "queued_bytes": 0, "reports_behind": 0 });
        let many: Vec<_> = (1..=200).map(session).collect();
        let screen = Screen::new(Live::first(changed(1, 10, |value| value["sessions"] = json!(many))));
        let lines = lines(&screen, 80, 24);
        let shown = lines.iter().filter(|line| line.contains("10.0.0.1:999")).count();
        place(&lines, &format!("{} more below", 200 - shown));
        assert!(shown >= 2, "{lines:#?}");
    }

    #[test]
    fn it_says_that_it_is_frozen_and_why_a_node_does_not_answer() {
        let mut screen = screen();
        screen.freeze_or_go_on();
        place(&lines(&screen, 110, 40), "FROZEN");
        screen.freeze_or_go_on();
        screen.say("no node answers at x".to_owned());
        let away = lines(&screen, 110, 40);
        place(&away, "no node answers at x");
        place(&away, "NO ANSWER");
        lacks(&away, "primary");
        screen.show(sample(13, 1_500));
        let back = lines(&screen, 110, 40);
        place(&back, "primary");
        lacks(&back, "no node answers");
    }

    #[test]
    fn durations_have_three_digits_and_fit_their_column() {
        let shown = [0, 999, 1_000, 12_345, 99_960, 999_499, 999_500, 4_560_000, 999_500_000, 60_000_000_000]
            .map(|ns| duration(Some(ns)));
        let expected =
            ["0 ns", "999 ns", "1.00 µs", "12.3 µs", "100 µs", "999 µs", "1.00 ms", "4.56 ms", "1.00 s", "60.0 s"];
        assert_eq!(shown, expected);
        assert!(shown.iter().all(|text| text.chars().count() <= 7));
        assert_eq!(duration(None), "–");
        assert_eq!([59, 60, 90_061].map(uptime), ["59 s", "00:01:00", "1 d 01:01:01"]);
    }

    #[test]
    fn it_fits_into_any_terminal() {
        for (width, height) in [(1, 1), (20, 5), (80, 24), (400, 120)] {
            assert_eq!(lines(&screen(), width, height).len(), usize::from(height));
        }
    }
}
