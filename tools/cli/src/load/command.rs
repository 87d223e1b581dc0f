//! The command line that does a run again.
//!
//! Invariants: a shell takes it apart into the words that this process was given, without the folder of the run: that one has a
//! run now.

/// As a line for a shell.
pub(super) fn again(words: impl Iterator<Item = String>) -> String {
    let mut line: Vec<String> = Vec::new();
    let mut words = words;
    while let Some(word) = words.next() {
        match word.as_str() {
            "--out" => drop(words.next()),
            word if word.starts_with("--out=") => {}
            word => line.push(quoted(word)),
        }
    }
    line.join(" ")
}

/// As a shell of POSIX reads it.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:,=+@%".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_reads_the_words_back_and_the_folder_of_the_run_is_left_out() {
        let given =
            ["load", "--title", "it's $HOME; a \"run\"\\", "--out", "x y", "--rate=5", "--out=z", "", "1..9", "*"];
        let line = again(given.iter().map(|word| (*word).to_owned()));
        assert!(
            !line.contains("--out") && line.starts_with("load --title '") && line.ends_with(" --rate=5 '' 1..9 '*'"),
            "{line}"
        );
        let shell = std::process::Command::new("sh").arg("-c").arg(format!("printf '%s\\n' {line}")).output().unwrap();
        let read = String::from_utf8(shell.stdout).unwrap();
        let kept = [given[0], given[1], given[2], given[5], given[7], given[8], given[9]];
        assert_eq!(read.split_terminator('\n').collect::<Vec<_>>(), kept);
    }
}
