//! Numbers and texts as a reader sees them.
//!
//! Invariants: [`escape`] is the only way of a text into the page; three digits are kept of a duration, as the histograms do.
//! Owning thread: none; these are functions.

/// Text inside an element or a quoted attribute. Characters that XML forbids become U+FFFD.
pub(crate) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

/// At most so many characters, with an ellipsis where some are left out.
pub(crate) fn shorten(text: &str, chars_max: usize) -> String {
    if text.chars().count() <= chars_max {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(chars_max.saturating_sub(1)).collect();
    out.push('…');
    out
}

/// `850 ns`, `12.3 µs`, `4.56 ms`, `2.00 s`.
pub(crate) fn duration(ns: f64) -> String {
    let (value, unit) = match ns {
        ns if ns < 999.5 => (ns, "ns"),
        ns if ns < 999.5e3 => (ns / 1e3, "µs"),
        ns if ns < 999.5e6 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    format!("{} {unit}", three_digits(value, unit == "ns"))
}

/// The same at an axis, where the digits of a round value say nothing: `5 µs`.
pub(crate) fn round_duration(ns: f64) -> String {
    without_zeros(&duration(ns))
}

/// `200 k/s` at an axis.
pub(crate) fn round_rate(value: f64) -> String {
    without_zeros(&rate(value))
}

fn without_zeros(text: &str) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            format!("{} {unit}", number.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.to_owned(),
    }
}

/// The same, of whole nanoseconds; a dash where there is none.
pub(crate) fn duration_or_dash(ns: Option<u64>) -> String {
    ns.map_or_else(|| "–".to_owned(), |ns| duration(ns as f64))
}

fn three_digits(value: f64, whole: bool) -> String {
    match value {
        value if whole && value.fract().abs() < 1e-9 => format!("{value:.0}"),
        value if value < 9.995 => format!("{value:.2}"),
        value if value < 99.95 => format!("{value:.1}"),
        value => format!("{value:.0}"),
    }
}

/// `1,234,567`
pub(crate) fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Requests a second: `950/s`, `12.5 k/s`, `1.20 M/s`.
pub(crate) fn rate(value: f64) -> String {
    match value {
        value if value < 999.5 => format!("{value:.0}/s"),
        value if value < 999.5e3 => format!("{} k/s", three_digits(value / 1e3, false)),
        value => format!("{} M/s", three_digits(value / 1e6, false)),
    }
}

/// `12.3 %` of a share between 0 and 1.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// Time of day, UTC, of a moment since 1970.
pub(crate) fn time_of_day(since_1970_ns: u128) -> String {
    let ms = since_1970_ns / 1_000_000 % 86_400_000;
    format!("{:02}:{:02}:{:02}.{:03}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60, ms % 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits() {
        let shown = [0.0, 850.0, 999.4, 999.6, 12_345.0, 999_600.0, 4_560_000.0, 2e9, 1e13].map(duration);
        let expected = ["0 ns", "850 ns", "999 ns", "1.00 µs", "12.3 µs", "1.00 ms", "4.56 ms", "2.00 s", "10000 s"];
        assert_eq!(shown, expected);
        assert_eq!(duration_or_dash(None), "–");
        assert_eq!([500.0, 5e3, 2.5e6, 1e7].map(round_duration), ["500 ns", "5 µs", "2.5 ms", "10 ms"]);
    }

    #[test]
    fn markup_in_a_text_stays_text() {
        assert_eq!(escape("<b a='\"'>&\u{1}\n"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;\u{fffd}\n");
    }

    #[test]
    fn counts_rates_and_times_read_as_people_write_them() {
        assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([950.0, 12_500.0, 1.2e6].map(rate), ["950/s", "12.5 k/s", "1.20 M/s"]);
        assert_eq!(time_of_day(86_400_000_000_000 + 3_723_004_000_000), "01:02:03.004");
        assert_eq!(shorten("abcdef", 4), "abc…");
        assert_eq!(shorten("äöü", 3), "äöü");
    }
}
