//! Lists of cores as the kernel writes them: `0-3,8`.

use std::collections::BTreeSet;

/// Numbers of cores.
pub(crate) type Cores = BTreeSet<usize>;

/// Most cores that are believed: what names more is no list of cores.
const CORE_MAX: usize = 65_535;

/// Reads a list; `None` for what is none.
pub(crate) fn parse(text: &str) -> Option<Cores> {
    let mut cores = Cores::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.parse().ok()?, last.parse().ok()?);
        if first > last || last > CORE_MAX {
            return None;
        }
        cores.extend(first..=last);
    }
    Some(cores)
}

/// Writes a list as the kernel would; `none` without a core.
pub(crate) fn show(cores: &Cores) -> String {
    let mut parts: Vec<(usize, usize)> = Vec::new();
    for &core in cores {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == core => *last = core,
            _ => parts.push((core, core)),
        }
    }
    let shown: Vec<String> = parts
        .into_iter()
        .map(|(first, last)| if first == last { first.to_string() } else { format!("{first}-{last}") })
        .collect();
    if shown.is_empty() { "none".to_owned() } else { shown.join(",") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_written_as_the_kernel_does() {
        for text in ["0", "0-3", "0-3,8", "1,3,5-7"] {
            assert_eq!(parse(text).map(|cores| show(&cores)).as_deref(), Some(text));
        }
        assert_eq!(parse("").map(|cores| show(&cores)).as_deref(), Some("none"));
        for wrong in ["a", "3-1", "1-", "-1", "0-99999999999", "0-70000"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
