//! What came between a thread and its work, by the kernel's own count.
//!
//! Owning thread: the one that asks.

use std::mem::size_of;

use serde::Serialize;

/// Of one thread, for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Interference {
    /// Pages that the kernel had to bring, or to make writable, while a store waited.
    pub page_faults: u64,
    /// Times that the thread was taken off its core.
    pub preemptions: u64,
    /// Times that it slept.
    pub sleeps: u64,
}

impl Interference {
    /// Of the calling thread since it began.
    pub(crate) fn so_far() -> Self {
        const { assert!(size_of::<libc::c_long>() == size_of::<u64>()) };
        // SAFETY: a plain structure, which the call fills in.
        let usage = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            assert_eq!(libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage), 0, "a thread may ask about itself");
            usage
        };
        Self {
            page_faults: usage.ru_minflt.unsigned_abs() + usage.ru_majflt.unsigned_abs(),
            preemptions: usage.ru_nivcsw.unsigned_abs(),
            sleeps: usage.ru_nvcsw.unsigned_abs(),
        }
    }

    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            page_faults: self.page_faults - before.page_faults,
            preemptions: self.preemptions - before.preemptions,
            sleeps: self.sleeps - before.sleeps,
        }
    }
}
