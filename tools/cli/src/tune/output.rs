//! Findings for people.
//!
//! Invariants: sentences are wrapped to the width, commands never, so that they can be copied.

use std::fmt::Write;
use std::io::IsTerminal;

use super::finding::{Finding, Fix, State};

/// Narrowest and widest text.
const WIDTH_MIN: usize = 80;
const WIDTH_MAX: usize = 120;

/// Of the column of states, and of that of the words before each line.
const STATE_WIDTH: usize = 13;
const WORD_WIDTH: usize = 10;

/// Of the terminal, within reason.
pub(super) fn width() -> usize {
    let columns = if std::io::stdout().is_terminal() {
        ratatui::crossterm::terminal::size().map_or(WIDTH_MIN, |(columns, _)| usize::from(columns))
    } else {
        WIDTH_MAX
    };
    columns.clamp(WIDTH_MIN, WIDTH_MAX)
}

pub(super) fn has_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// All findings, those that hurt first.
#[must_use]
pub fn table(findings: &[Finding], width: usize, has_colour: bool) -> String {
    let mut out = String::new();
    for state in [State::Hurts, State::CannotTell, State::Good] {
        for finding in findings.iter().filter(|finding| finding.state == state) {
            lines(&mut out, finding, width, has_colour);
        }
    }
    let count = |state| findings.iter().filter(|finding| finding.state == state).count();
    // Writing to a string does not fail, here and below.
    let _ = writeln!(
        out,
        "\n{} hurt, {} cannot be told, {} are good",
        count(State::Hurts),
        count(State::CannotTell),
        count(State::Good)
    );
    out
}

fn lines(out: &mut String, finding: &Finding, width: usize, has_colour: bool) {
    let colour = match finding.state {
        State::Good => "32",
        State::Hurts => "31",
        State::CannotTell => "33",
    };
    let state = format!("{:STATE_WIDTH$}", finding.state.as_str());
    *out += &if has_colour { format!("\x1b[{colour}m{state}\x1b[0m") } else { state };
    // The name stands where the words of the other lines do, and what was seen goes on behind it.
    wrapped(out, &format!("{}: {}", finding.check, finding.seen), STATE_WIDTH, width);
    let mut line = |word: &str, text: &str, is_command: bool| {
        let _ = write!(out, "{:STATE_WIDTH$}{word:WORD_WIDTH$}", "");
        if is_command {
            let _ = writeln!(out, "{text}");
        } else {
            wrapped(out, text, STATE_WIDTH + WORD_WIDTH, width);
        }
    };
    if !finding.cost.is_empty() {
        line("costs", &format!("{} ({})", finding.cost, finding.source), false);
    }
    if let Some(measured) = &finding.measured {
        line("measured", measured, false);
    }
    for fix in &finding.fixes {
        match fix {
            Fix::Script(command) => line("fix", command, true),
            Fix::Shell(command) => line("by hand", command, true),
            Fix::KernelParameter(parameters) => line("at boot", parameters, true),
            Fix::Advice(text) => line("advice", text, false),
        }
    }
}

/// Text from this column on, the first line of which is begun.
fn wrapped(out: &mut String, text: &str, indent: usize, width: usize) {
    let mut column = indent;
    for word in text.split_whitespace() {
        let len = word.chars().count();
        if column > indent && column + 1 + len > width {
            let _ = write!(out, "\n{:indent$}", "");
            column = indent;
        }
        if column > indent {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += len;
    }
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tune::Topic;

    #[test]
    fn sentences_are_wrapped_and_commands_are_whole() {
        let long = "many words ".repeat(40);
        let command = "c".repeat(200);
        let finding = Finding::hurts("a-check", long.clone())
            .costs(long.clone(), "a source")
            .script(Topic::Governor, "")
            .shell(command.clone())
            .kernel_parameter("nosmt")
            .advice(long);
        let shown = table(&[finding.clone(), Finding::good("another", "fine")], 80, false);
        let too_long: Vec<&str> = shown.lines().filter(|line| line.chars().count() > 80).collect();
        assert_eq!(too_long, [format!("{:13}by hand   {command}", "")], "{shown}");
        assert!(shown.starts_with("hurts        a-check: many words"), "{shown}");
        assert!(shown.contains("fix       sudo deploy/host/tune.sh governor\n"), "{shown}");
        assert!(shown.ends_with("\n1 hurt, 0 cannot be told, 1 are good\n"), "{shown}");
        assert!(table(&[finding], 80, true).starts_with("\x1b[31mhurts        \x1b[0m"));
    }
}
