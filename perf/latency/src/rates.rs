//! Latency by rate: the table in which exchange-core publishes its figures, so that ours can be read beside them.
//!
//! ```text
//!   "125k,1m" --> [`Rate`] --a pass each, open loop--> histogram --[`RateTable::add`]--> |rate|50.0%|90.0%| .. |worst|
//! ```
//!
//! Invariants: a latency runs from the intended time, so the table means the same for everything that fills it; a percentile
//! with too few samples above it is `-`; a rate that was not kept says which one was.
//! Owning thread: none, these are values.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Serialize, Serializer};

use crate::printable;

/// The rates of exchange-core's own table.
pub const EXCHANGE_CORE_RATES: &str = "125k,250k,500k,1m,2m,3m,4m,5m,6m,7m";
/// Of what is offered, a rate that counts as kept: the last command of a pass may be some microseconds late.
const KEPT_PERCENT: u64 = 99;
/// Names of the columns, and how many of a million samples lie above.
const COLUMNS: [(&str, u64); 6] =
    [("50.0%", 500_000), ("90.0%", 100_000), ("95.0%", 50_000), ("99.0%", 10_000), ("99.9%", 1_000), ("99.99%", 100)];

/// Commands a second, from 1 to [`Rate::MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate(u64);

impl Rate {
    /// More than one core of any machine takes.
    pub const MAX: Self = Self(1_000_000_000);

    /// Commands a second.
    #[must_use]
    pub const fn per_second(self) -> u64 {
        self.0
    }
}

impl FromStr for Rate {
    type Err = String;

    /// `125k`, `1.5m`, `7M`, `800`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (number, unit) = match text.char_indices().next_back() {
            Some((at, 'k' | 'K')) => (&text[..at], 1_000),
            Some((at, 'm' | 'M')) => (&text[..at], 1_000_000),
            _ => (text, 1),
        };
        let wrong = || {
            let max = Self::MAX;
            format!("a rate is {text:?}, allowed: 1 to {max} commands a second; write it as 800, 125k or 1.5m")
        };
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let are_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        // Six digits after the point are all that a million has.
        if !are_digits(whole) || !are_digits(fraction) || fraction.len() > 6 {
            return Err(wrong());
        }
        let whole: u64 = whole.parse().map_err(|_| wrong())?;
        let millionths: u64 = format!("{fraction:0<6}").parse().map_err(|_| wrong())?;
        let per_second = whole.saturating_mul(unit).saturating_add(millionths * unit / 1_000_000);
        let is_exact = (millionths * unit).is_multiple_of(1_000_000);
        if is_exact && (1..=Self::MAX.0).contains(&per_second) { Ok(Self(per_second)) } else { Err(wrong()) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            all if all < 1_000 => all.to_string(),
            all if all < 1_000_000 => format!("{}K", short(all as f64 / 1e3)),
            all => format!("{}M", short(all as f64 / 1e6)),
        };
        f.pad(&text)
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Without zeros that say nothing: `125`, `1.5`.
fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// One rate: what was offered, what was kept, and latencies from intended times in nanoseconds.
#[derive(Clone, Debug)]
pub struct RateRow {
    /// Commands a second that were to be sent.
    pub offered: Rate,
    commands: u64,
    elapsed: Duration,
    latencies: Histogram<u64>,
}

impl RateRow {
    /// Commands a second that were done, from the first intended time of each pass to its last answer.
    #[must_use]
    pub fn achieved_per_second(&self) -> u64 {
        (self.commands as f64 / self.elapsed.as_secs_f64().max(1e-9)).round() as u64
    }

    /// Whether what was offered was done.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        let (achieved, offered) = (u128::from(self.achieved_per_second()), u128::from(self.offered.0));
        achieved * 100 >= offered * u128::from(KEPT_PERCENT)
    }

    /// Latencies of the columns before `worst`, in nanoseconds; `None` where too few samples lie above.
    fn columns(&self) -> [Option<u64>; 6] {
        COLUMNS.map(|(_, above)| {
            let share = (1_000_000 - above) as f64 / 1e6;
            printable(self.latencies.len(), above).then(|| self.latencies.value_at_quantile(share))
        })
    }

    fn worst(&self) -> Option<u64> {
        (!self.latencies.is_empty()).then(|| self.latencies.max())
    }
}

impl Serialize for RateRow {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            offered_per_second: Rate,
            achieved_per_second: u64,
            is_kept: bool,
            samples: u64,
            latency_ns: Latencies,
        }
        #[derive(Serialize)]
        struct Latencies {
            p50: Option<u64>,
            p90: Option<u64>,
            p95: Option<u64>,
            p99: Option<u64>,
            #[serde(rename = "p99.9")]
            p99_9: Option<u64>,
            #[serde(rename = "p99.99")]
            p99_99: Option<u64>,
            worst: Option<u64>,
        }
        let [p50, p90, p95, p99, p99_9, p99_99] = self.columns();
        let fields = Fields {
            offered_per_second: self.offered,
            achieved_per_second: self.achieved_per_second(),
            is_kept: self.is_kept(),
            samples: self.latencies.len(),
            latency_ns: Latencies { p50, p90, p95, p99, p99_9, p99_99, worst: self.worst() },
        };
        fields.serialize(serializer)
    }
}

/// See the module. Serialises as the list of its rows.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub struct RateTable {
    rows: Vec<RateRow>,
}

impl RateTable {
    /// Adds a pass: so many commands, offered at a rate, were done in `elapsed` since the first one's intended time.
    /// Passes of the same rate become one row.
    pub fn add(&mut self, offered: Rate, commands: u64, elapsed: Duration, latencies_ns: &Histogram<u64>) {
        let at = self.rows.iter().position(|row| row.offered == offered).unwrap_or_else(|| {
            let latencies = crate::histogram();
            self.rows.push(RateRow { offered, commands: 0, elapsed: Duration::ZERO, latencies });
            self.rows.len() - 1
        });
        let row = &mut self.rows[at];
        row.commands += commands;
        row.elapsed += elapsed;
        row.latencies.add(latencies_ns).expect("a histogram that grows takes every other");
    }

    /// In the order in which their rates were first added.
    #[must_use]
    pub fn rows(&self) -> &[RateRow] {
        &self.rows
    }
}

/// As exchange-core prints it, in columns of one width. A column `achieved` is there only where a rate was not kept.
impl fmt::Display for RateTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let are_all_kept = self.rows.iter().all(RateRow::is_kept);
        let mut head = vec!["rate".to_owned()];
        head.extend(COLUMNS.map(|(name, _)| name.to_owned()));
        head.push("worst".to_owned());
        if !are_all_kept {
            head.push("achieved".to_owned());
        }
        let mut lines = vec![head];
        for row in &self.rows {
            let mut cells = vec![row.offered.to_string()];
            cells.extend(row.columns().into_iter().chain([row.worst()]).map(latency));
            if !are_all_kept {
                cells.push(if row.is_kept() { String::new() } else { rounded(row.achieved_per_second()).to_string() });
            }
            lines.push(cells);
        }
        let width = |column: usize| lines.iter().map(|cells| cells[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
        for (number, cells) in lines.iter().enumerate() {
            for (at, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                // The rates end, the latencies begin, one below the other.
                if at == 0 { write!(f, "|{cell:>width$}")? } else { write!(f, "|{cell:<width$}")? }
            }
            writeln!(f, "|")?;
            if number == 0 {
                widths.iter().try_for_each(|width| write!(f, "|{:-<width$}", ""))?;
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}

/// Three digits are enough of a rate that was not kept.
fn rounded(per_second: u64) -> Rate {
    let unit = 10_u64.pow(per_second.checked_ilog10().unwrap_or(0).saturating_sub(2));
    Rate(per_second / unit * unit)
}

/// With as many digits as exchange-core shows: `0.08µs`, `1.2µs`, `24µs`, `1.9ms`.
fn latency(ns: Option<u64>) -> String {
    let Some(ns) = ns else { return "-".to_owned() };
    let (value, unit) = match ns as f64 / 1e3 {
        us if us < 1e3 => (us, "µs"),
        us if us < 1e6 => (us / 1e3, "ms"),
        us => (us / 1e6, "s"),
    };
    match value {
        value if value < 1.0 => format!("{value:.2}{unit}"),
        value if value < 10.0 => format!("{value:.1}{unit}"),
        value => format!("{value:.0}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().expect("a rate")
    }

    /// A pass of `samples` that all took `ns`, and one that took `worst`.
    fn of(samples: u64, ns: u64, worst: u64) -> Histogram<u64> {
        let mut histogram = crate::histogram();
        histogram.record_n(ns, samples - 1).expect("it grows");
        histogram.record(worst).expect("it grows");
        histogram
    }

    #[test]
    fn rates_are_written_as_people_write_them() {
        for (text, per_second, shown) in [
            ("800", 800, "800"),
            ("125k", 125_000, "125K"),
            ("1m", 1_000_000, "1M"),
            ("1.5M", 1_500_000, "1.5M"),
            ("2500K", 2_500_000, "2.5M"),
            ("0.001k", 1, "1"),
            ("1000m", 1_000_000_000, "1000M"),
        ] {
            assert_eq!((rate(text).per_second(), rate(text).to_string().as_str()), (per_second, shown), "{text}");
        }
        let own: Vec<String> = EXCHANGE_CORE_RATES.split(',').map(|text| rate(text).to_string()).collect();
        assert_eq!(own.join(","), EXCHANGE_CORE_RATES.to_uppercase());
    }

    #[test]
    fn what_is_no_rate_is_refused_with_value_limit_and_form() {
        for text in [
            "",
            "k",
            "0",
            "0k",
            "-1",
            "1g",
            "1.k",
            ".5m",
            "1.5",
            "0.0001k",
            "1001m",
            "18446744073709551.999k",
            "99999999999999999999m",
            "1e6",
        ] {
            let error = text.parse::<Rate>().expect_err(text);
            assert!(error.contains(&format!("{text:?}")) && error.contains("1 to 1000M"), "{error}");
            assert!(error.contains("125k or 1.5m"), "{error}");
        }
    }

    #[test]
    fn the_table_has_exchange_cores_shape() {
        let mut table = RateTable::default();
        table.add(rate("125k"), 125_000, Duration::from_secs(1), &of(125_000, 80, 41_000));
        table.add(rate("1m"), 1_000_000, Duration::from_secs(1), &of(1_000_000, 1_234, 1_900_000));
        let expected = "\
|rate|50.0% |90.0% |95.0% |99.0% |99.9% |99.99%|worst|
|----|------|------|------|------|------|------|-----|
|125K|0.08µs|0.08µs|0.08µs|0.08µs|0.08µs|0.08µs|41µs |
|  1M|1.2µs |1.2µs |1.2µs |1.2µs |1.2µs |1.2µs |1.9ms|
";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn a_rate_that_was_not_kept_says_what_was_and_few_samples_show_no_percentile() {
        let mut table = RateTable::default();
        table.add(rate("1k"), 1_000, Duration::from_secs(1), &of(1_000, 800, 900));
        table.add(rate("7m"), 1_000, Duration::from_nanos(192_307), &of(1_000, 60_000, 2_000_000_000));
        let expected = "\
|rate|50.0% |90.0% |95.0% |99.0% |99.9%|99.99%|worst |achieved|
|----|------|------|------|------|-----|------|------|--------|
|  1K|0.80µs|0.80µs|0.80µs|0.80µs|-    |-     |0.90µs|        |
|  7M|60µs  |60µs  |60µs  |60µs  |-    |-     |2.0s  |5.2M    |
";
        assert_eq!(table.to_string(), expected);
        assert_eq!(table.rows().iter().map(RateRow::is_kept).collect::<Vec<_>>(), [true, false]);
    }

    #[test]
    fn passes_of_one_rate_are_one_row_and_the_worst_stays() {
        let mut table = RateTable::default();
        for worst in [5_000, 9_000, 6_000] {
            table.add(rate("10k"), 10_000, Duration::from_secs(1), &of(10_000, 100, worst));
        }
        let json = serde_json::to_value(&table).expect("it serialises");
        assert_eq!(json.as_array().map(Vec::len), Some(1));
        let row = &json[0];
        assert_eq!((&row["offered_per_second"], &row["achieved_per_second"]), (&10_000.into(), &10_000.into()));
        assert_eq!((&row["samples"], &row["is_kept"]), (&30_000.into(), &true.into()));
        let names: Vec<_> = row["latency_ns"].as_object().expect("an object").keys().cloned().collect();
        assert_eq!(names, ["p50", "p90", "p95", "p99", "p99.9", "p99.99", "worst"]);
        // Three digits are kept.
        assert!((9_000..9_010).contains(&row["latency_ns"]["worst"].as_u64().expect("a number")), "{row}");
        assert_eq!(row["latency_ns"]["p99.99"], serde_json::Value::Null, "3 of 30,000 lie above, 10 are needed");
    }
}
