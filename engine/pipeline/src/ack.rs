//! What an acknowledgement needs: the one place that decides how far events may leave.
//!
//! | rule         | released through                      | used by                                             |
//! | ------------ | ------------------------------------- | --------------------------------------------------- |
//! | `Async`      | journaled                             | a node that may lose its tail with the machine      |
//! | `Local`      | synced                                | a single node                                       |
//! | `Replicated` | min(journaled, peer received)         | a primary with a standby                            |
//! | `Solo`       | synced, flagged DEGRADED              | a primary whose standby is gone and given up        |
//! | `Follow`     | min(journaled, the primary's commit)  | a standby                                           |
//! | `Frozen`     | nothing more                          | a node that another has replaced                    |
//!
//! Invariants: a [`ReleasableThrough`] is made here and nowhere else, so "never answer before it is safe" does not compile
//! otherwise. Release is one prefix.
//!
//! ```compile_fail
//! let through = tidegate_domain::Sequence::new(7);
//! let forged = tidegate_pipeline::ReleasableThrough { through, degraded: false }; // private fields
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tidegate_domain::{Durability, Sequence};

use crate::watermark::WatermarkReader;

/// See the table above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum AckRule {
    /// In the mapped journal.
    Async = 1,
    /// On this node's disk.
    Local = 2,
    /// In the mapped journal of both nodes.
    Replicated = 3,
    /// On this node's disk, flagged: the standby is missing.
    Solo = 4,
    /// A standby: what the primary has released.
    Follow = 5,
    /// Another node leads: nothing more leaves this one.
    Frozen = 6,
}

impl AckRule {
    /// The rule of a healthy primary with this durability.
    #[must_use]
    pub const fn of(durability: Durability) -> Self {
        match durability {
            Durability::Async => Self::Async,
            Durability::Local => Self::Local,
            Durability::Replicated => Self::Replicated,
        }
    }

    /// The name in status, metrics and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Async => "async",
            Self::Local => "local",
            Self::Replicated => "replicated",
            Self::Solo => "solo",
            Self::Follow => "follow",
            Self::Frozen => "frozen",
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Async,
            2 => Self::Local,
            3 => Self::Replicated,
            4 => Self::Solo,
            5 => Self::Follow,
            6 => Self::Frozen,
            other => unreachable!("only AckPolicy::set writes the code, and it wrote {other}"),
        }
    }
}

/// The four watermarks that a release depends on.
#[derive(Clone, Debug)]
pub struct Watermarks {
    /// In the local log.
    pub journaled: WatermarkReader,
    /// On the local disk.
    pub synced: WatermarkReader,
    /// In the standby's log.
    pub peer_received: WatermarkReader,
    /// On a standby: what its primary has released.
    pub commit: WatermarkReader,
}

/// How far events may leave, inclusive, and under which promise. Only [`AckPolicy::releasable`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleasableThrough {
    through: Sequence,
    degraded: bool,
}

impl ReleasableThrough {
    /// The last sequence that may leave.
    #[must_use]
    pub const fn through(self) -> Sequence {
        self.through
    }

    /// Whether what leaves by this key is flagged DEGRADED.
    #[must_use]
    pub const fn degraded(self) -> bool {
        self.degraded
    }
}

/// In the policy's word, beside the rule's code.
const DEGRADED: u8 = 1 << 7;

/// The rule in force. Control changes it, publish reads it; changing it never needs a free slot in a ring. Rule and flag
/// are one word: nobody sees one without the other.
#[derive(Clone, Debug)]
pub struct AckPolicy {
    word: Arc<AtomicU8>,
}

impl AckPolicy {
    /// With this rule, not degraded.
    #[must_use]
    pub fn new(rule: AckRule) -> Self {
        Self { word: Arc::new(AtomicU8::new(rule as u8)) }
    }

    /// Changes the rule. `degraded` says whether releases are flagged: the node promises less than it was configured for.
    pub fn set(&self, rule: AckRule, degraded: bool) {
        self.word.store(rule as u8 | if degraded { DEGRADED } else { 0 }, Ordering::Release);
    }

    /// The rule in force.
    #[must_use]
    pub fn rule(&self) -> AckRule {
        self.rule_and_flag().0
    }

    /// Whether releases are flagged DEGRADED.
    #[must_use]
    pub fn degraded(&self) -> bool {
        self.rule_and_flag().1
    }

    fn rule_and_flag(&self) -> (AckRule, bool) {
        let word = self.word.load(Ordering::Acquire);
        (AckRule::from_code(word & !DEGRADED), word & DEGRADED != 0)
    }

    /// How far events may leave now.
    #[must_use]
    pub fn releasable(&self, marks: &Watermarks) -> ReleasableThrough {
        let (rule, degraded) = self.rule_and_flag();
        let journaled = marks.journaled.through();
        let through = match rule {
            AckRule::Async => journaled,
            AckRule::Local | AckRule::Solo => marks.synced.through(),
            AckRule::Replicated => journaled.min(marks.peer_received.through()),
            AckRule::Follow => journaled.min(marks.commit.through()),
            AckRule::Frozen => Sequence::ZERO,
        };
        ReleasableThrough { through, degraded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watermark::watermark;

    #[test]
    fn each_rule_waits_for_exactly_its_own_watermarks() {
        let (mut journaled, r1) = watermark();
        let (mut synced, r2) = watermark();
        let (mut peer, r3) = watermark();
        let (mut commit, r4) = watermark();
        let marks = Watermarks { journaled: r1, synced: r2, peer_received: r3, commit: r4 };
        journaled.advance_through(Sequence::new(40));
        synced.advance_through(Sequence::new(10));
        peer.advance_through(Sequence::new(20));
        commit.advance_through(Sequence::new(50));
        for (rule, through) in [
            (AckRule::Async, 40),
            (AckRule::Local, 10),
            (AckRule::Replicated, 20),
            (AckRule::Solo, 10),
            (AckRule::Follow, 40),
            (AckRule::Frozen, 0),
        ] {
            assert_eq!(AckPolicy::new(rule).releasable(&marks).through().raw(), through, "{rule:?}");
        }
        peer.advance_through(Sequence::new(60));
        assert_eq!(AckPolicy::new(AckRule::Replicated).releasable(&marks).through().raw(), 40);
    }

    #[test]
    fn rule_and_flag_change_together() {
        let policy = AckPolicy::new(AckRule::Replicated);
        assert_eq!((policy.rule(), policy.degraded()), (AckRule::Replicated, false));
        for (rule, degraded) in [(AckRule::Solo, true), (AckRule::Frozen, false), (AckRule::Async, true)] {
            policy.set(rule, degraded);
            assert_eq!((policy.rule(), policy.degraded()), (rule, degraded));
        }
    }
}
