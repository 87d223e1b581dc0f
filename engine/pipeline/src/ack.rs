//! What an acknowledgement needs: the one place that decides how far events may leave.
//!
//! | rule         | released through                      | used by                                             |
//! | ------------ | ------------------------------------- | --------------------------------------------------- |
//! | `Async`      | journaled                             | a node that may lose its tail with the machine      |
//! | `Local`      | synced                                | a single node                                       |
//! | `Replicated` | min(journaled, peer received)         | a primary with a standby                            |
//! | `Solo`       | synced, flagged DEGRADED              | a primary whose standby is gone and given up        |
//! | `Follow`     | min(journaled, the primary's commit)  | a standby                                           |
//!
//! Invariants: a [`ReleasableThrough`] is made here and nowhere else, so "never answer before it is safe" does not compile
//! otherwise. Release is one prefix.
//!
//! ```compile_fail
//! let forged = tidegate_pipeline::ReleasableThrough(tidegate_domain::Sequence::new(7)); // private field
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
        }
    }

    fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Async,
            2 => Self::Local,
            3 => Self::Replicated,
            4 => Self::Solo,
            5 => Self::Follow,
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

/// How far events may leave, inclusive. Only [`AckPolicy::releasable`] makes one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ReleasableThrough(Sequence);

impl ReleasableThrough {
    /// The last sequence that may leave.
    #[must_use]
    pub const fn through(self) -> Sequence {
        self.0
    }
}

/// The rule in force. Control changes it, publish reads it; changing it never needs a free slot in a ring.
#[derive(Clone, Debug)]
pub struct AckPolicy {
    code: Arc<AtomicU8>,
    degraded: Arc<AtomicU8>,
}

impl AckPolicy {
    /// With this rule, not degraded.
    #[must_use]
    pub fn new(rule: AckRule) -> Self {
        Self { code: Arc::new(AtomicU8::new(rule as u8)), degraded: Arc::new(AtomicU8::new(0)) }
    }

    /// Changes the rule. `degraded` says whether releases are flagged: the node promises less than it was configured for.
    pub fn set(&self, rule: AckRule, degraded: bool) {
        self.degraded.store(degraded.into(), Ordering::Release);
        self.code.store(rule as u8, Ordering::Release);
    }

    /// The rule in force.
    #[must_use]
    pub fn rule(&self) -> AckRule {
        AckRule::from_code(self.code.load(Ordering::Acquire))
    }

    /// Whether releases are flagged DEGRADED.
    #[must_use]
    pub fn degraded(&self) -> bool {
        self.degraded.load(Ordering::Acquire) != 0
    }

    /// How far events may leave now.
    #[must_use]
    pub fn releasable(&self, marks: &Watermarks) -> ReleasableThrough {
        let journaled = marks.journaled.through();
        ReleasableThrough(match self.rule() {
            AckRule::Async => journaled,
            AckRule::Local | AckRule::Solo => marks.synced.through(),
            AckRule::Replicated => journaled.min(marks.peer_received.through()),
            AckRule::Follow => journaled.min(marks.commit.through()),
        })
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
        ] {
            assert_eq!(AckPolicy::new(rule).releasable(&marks).through().raw(), through, "{rule:?}");
        }
        peer.advance_through(Sequence::new(60));
        assert_eq!(AckPolicy::new(AckRule::Replicated).releasable(&marks).through().raw(), 40);
    }
}
