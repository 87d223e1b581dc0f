//! Digests of the state at known sequences, for status and for the comparison of two nodes.
//!
//! Match posts one at every [`DIGEST_INTERVAL`]th command and whenever somebody asked. Cold: a few entries behind a lock
//! that match touches only then.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tidegate_domain::{Digest, Sequence};

/// Commands between two digests.
pub const DIGEST_INTERVAL: u64 = 65_536;
/// How many are kept.
const KEPT: usize = 64;

/// A handle; clones share the board.
#[derive(Clone, Debug, Default)]
pub struct DigestBoard {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    wanted: AtomicBool,
    posted: Mutex<BTreeMap<Sequence, Digest>>,
}

impl DigestBoard {
    /// Asks match for a digest of wherever it stands; it appears in [`Self::latest`].
    pub fn request(&self) {
        self.shared.wanted.store(true, Ordering::Release);
    }

    /// The newest digest.
    #[must_use]
    pub fn latest(&self) -> Option<(Sequence, Digest)> {
        let posted = self.shared.posted.lock().expect("no holder of this lock panics");
        posted.last_key_value().map(|(sequence, digest)| (*sequence, *digest))
    }

    /// The digest at exactly this sequence, while it is kept.
    #[must_use]
    pub fn at(&self, sequence: Sequence) -> Option<Digest> {
        self.shared.posted.lock().expect("no holder of this lock panics").get(&sequence).copied()
    }

    pub(crate) fn is_wanted(&self) -> bool {
        self.shared.wanted.load(Ordering::Relaxed) && self.shared.wanted.swap(false, Ordering::AcqRel)
    }

    pub(crate) fn post(&self, sequence: Sequence, digest: Digest) {
        let mut posted = self.shared.posted.lock().expect("no holder of this lock panics");
        posted.insert(sequence, digest);
        while posted.len() > KEPT {
            posted.pop_first();
        }
    }
}
