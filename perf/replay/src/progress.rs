//! The progress bar: on stderr, and only where stderr is a terminal.
//!
//! Owning thread: the caller's; the bar redraws itself at most a few times a second.

use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar, or none.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar on stderr; nothing is drawn where that is not a terminal.
    #[must_use]
    pub fn visible() -> Self {
        let bar = ProgressBar::no_length();
        let style = ProgressStyle::with_template("{msg} [{bar:40}] {pos}/{len} {per_sec} {eta}");
        bar.set_style(style.expect("the template is a constant that the tests parse").progress_chars("=> "));
        Self { bar }
    }

    /// No bar.
    #[must_use]
    pub fn hidden() -> Self {
        Self { bar: ProgressBar::hidden() }
    }

    pub(crate) fn start(&self, what: &'static str, total: u64) {
        self.bar.set_length(total);
        self.bar.set_message(what);
        self.bar.reset();
    }

    pub(crate) fn at(&self, position: u64) {
        self.bar.set_position(position);
    }

    /// Takes the bar off the screen, so that what is printed next stands alone.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_counts_whether_it_is_seen_or_not() {
        for progress in [Progress::visible(), Progress::hidden()] {
            progress.start("test", 10);
            progress.at(4);
            assert_eq!((progress.bar.position(), progress.bar.length()), (4, Some(10)));
            progress.finish();
        }
    }
}
