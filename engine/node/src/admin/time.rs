//! Business times as people write them: RFC 3339, or seconds since 1970.

use tidegate_domain::Timestamp;

const SECOND_NS: u64 = 1_000_000_000;
const DAY_S: u64 = 86_400;

/// Reads `2026-11-21T14:30:00Z`, `2026-11-21T15:30:00.5+01:00` or `1795271400`; `None` for anything else, and for what 64 bits of
/// nanoseconds do not hold (1970 to 2554).
pub(super) fn parse_time(text: &str) -> Option<Timestamp> {
    let nanos = if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse::<u64>().ok()?.checked_mul(SECOND_NS)?
    } else {
        rfc_3339(text)?
    };
    Some(Timestamp::from_nanos(nanos))
}

fn rfc_3339(text: &str) -> Option<u64> {
    let (date, rest) = (text.get(..10)?, text.get(10..)?);
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (clock, rest) = (rest.get(..8)?, rest.get(8..)?);
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let [hour, minute, second] = numbers(clock, ':', [2, 2, 2])?;
    let (fraction_ns, zone) = fraction(rest)?;
    let in_day = hour < 24 && minute < 60 && second < 60;
    let local_s = days_since_1970(year, month, day).filter(|_| in_day)? * DAY_S + (hour * 60 + minute) * 60 + second;
    let seconds = match zone {
        "Z" | "z" => local_s,
        _ => {
            let [hours, minutes] = numbers(zone.get(1..)?, ':', [2, 2])?;
            let ahead_s = (hours * 60 + minutes) * 60;
            match (zone.as_bytes()[0], hours < 24 && minutes < 60) {
                (b'+', true) => local_s.checked_sub(ahead_s)?,
                (b'-', true) => local_s + ahead_s,
                _ => return None,
            }
        }
    };
    seconds.checked_mul(SECOND_NS)?.checked_add(fraction_ns)
}

/// Digits of these lengths, with `between` between them.
fn numbers<const N: usize>(text: &str, between: char, lengths: [usize; N]) -> Option<[u64; N]> {
    let mut parts = text.split(between);
    let mut found = [0; N];
    for (number, length) in found.iter_mut().zip(lengths) {
        let part =
            parts.next().filter(|part| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))?;
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

/// An optional fraction of a second, up to nanoseconds, and what follows it.
fn fraction(text: &str) -> Option<(u64, &str)> {
    let Some(digits) = text.strip_prefix('.') else { return Some((0, text)) };
    let len = digits.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = digits.split_at(len);
    let nanos: u64 = if (1..=9).contains(&len) { digits.parse().ok()? } else { return None };
    let missing = u32::try_from(9 - len).expect("at most nine digits");
    Some((nanos * 10_u64.pow(missing), rest))
}

fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let days_in = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let before = usize::try_from(month.checked_sub(1)?).ok()?;
    let is_day = year >= 1970 && (1..=*days_in.get(before)?).contains(&day);
    // Of the Gregorian calendar from the year 1, so that leap years need no case of their own.
    let until = |year: u64| (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    is_day.then(|| until(year) - until(1970) + days_in[..before].iter().sum::<u64>() + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_every_form() {
        for (text, seconds) in [
            ("0", 0),
            ("1795271400", 1_795_271_400),
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T00:00:00Z", 951_782_400),
            ("2026-11-21T14:30:00Z", 1_795_271_400),
            ("2026-11-21t15:30:00+01:00", 1_795_271_400),
            ("2026-11-21 09:00:00-05:30", 1_795_271_400),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(parse_time(text), Some(Timestamp::from_nanos(seconds * SECOND_NS)), "{text}");
        }
        let half = Timestamp::from_nanos(1_795_271_400 * SECOND_NS + SECOND_NS / 2);
        assert_eq!(parse_time("2026-11-21T14:30:00.5Z"), Some(half));
    }

    #[test]
    fn what_is_no_time_is_not_read() {
        for text in [
            "",
            "now",
            "-1",
            "1.5",
            "1795271400000",
            "2026-11-21",
            "2026-11-21T14:30Z",
            "2026-11-21T14:30:00",
            "2026-11-21T24:00:00Z",
            "2026-11-21T14:60:00Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "1970-01-01T00:00:00+01:00",
            "2026-11-21T14:30:00.Z",
            "2026-11-21T14:30:00.1234567890Z",
            "2026-11-21T14:30:00+0100",
            "2026-11-21T14:30:00Zulu",
            "9999-01-01T00:00:00Z",
            "2026-11-21T14:30:00é",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
