//! Comparison of the two nodes' state digests. No I/O.
//!
//! Invariants: two digests are compared only at the same sequence, and a difference is told only once, even if
//! the peer repeats its digest on a new link. A digest of the peer that ours has not reached yet waits; a newer one takes
//! its place.
//! Owning thread: the link task.

use tidegate_domain::{Digest, Sequence};

/// Two nodes differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// Where.
    pub sequence: Sequence,
    /// This node's.
    pub ours: Digest,
    /// The peer's.
    pub theirs: Digest,
}

/// See the module.
#[derive(Debug, Default)]
pub struct DigestComparison {
    waiting: Option<(Sequence, Digest)>,
    last: Option<(Sequence, bool)>,
    told: Option<Mismatch>,
}

impl DigestComparison {
    /// Takes a digest of the peer.
    pub fn on_peer(&mut self, sequence: Sequence, digest: Digest) {
        self.waiting = Some((sequence, digest));
    }

    /// Where a digest of this node would be of use.
    #[must_use]
    pub fn wanted(&self) -> Option<Sequence> {
        self.waiting.map(|(sequence, _)| sequence)
    }

    /// Compares if `at` knows this node's digest at the sequence that waits.
    pub fn compare(&mut self, at: impl FnOnce(Sequence) -> Option<Digest>) -> Option<Mismatch> {
        let (sequence, theirs) = self.waiting?;
        let ours = at(sequence)?;
        self.waiting = None;
        self.last = Some((sequence, ours == theirs));
        let mismatch = (ours != theirs).then_some(Mismatch { sequence, ours, theirs });
        if mismatch.is_none() || mismatch == self.told {
            return None;
        }
        self.told = mismatch;
        mismatch
    }

    /// The newest comparison: where, and whether they were equal.
    #[must_use]
    pub fn last(&self) -> Option<(Sequence, bool)> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_compared_at_the_same_sequence_and_once() {
        let mut comparison = DigestComparison::default();
        assert_eq!(comparison.compare(|_| panic!("nothing waits")), None);
        comparison.on_peer(Sequence::new(5), Digest(1));
        assert_eq!(comparison.compare(|_| None), None);
        assert_eq!(comparison.wanted(), Some(Sequence::new(5)));
        assert_eq!(comparison.compare(|at| (at == Sequence::new(5)).then_some(Digest(1))), None);
        assert_eq!(comparison.last(), Some((Sequence::new(5), true)));
        comparison.on_peer(Sequence::new(9), Digest(1));
        let mismatch = Mismatch { sequence: Sequence::new(9), ours: Digest(2), theirs: Digest(1) };
        assert_eq!(comparison.compare(|_| Some(Digest(2))), Some(mismatch));
        assert_eq!(comparison.last(), Some((Sequence::new(9), false)));
        assert_eq!(comparison.compare(|_| panic!("it was compared")), None);
        comparison.on_peer(Sequence::new(9), Digest(1));
        assert_eq!(comparison.compare(|_| Some(Digest(2))), None, "it was told");
    }
}
