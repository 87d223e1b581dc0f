//! Counts allocations: a wrapper of the system's allocator that a program installs, and the number that it came to.
//!
//! ```text
//! #[global_allocator]
//! static ALLOCATOR: CountingAllocator = CountingAllocator;      [`counter`] --> [`crate::Options::allocations`]
//! ```
//!
//! Invariants: the count is the thread's own, a plain addition to a thread-local number: no cache line is shared, so the
//! threads of a node that never measures pay about a nanosecond for an allocation, and its hot path makes none.
//! What is measured runs on one thread, so its count is complete.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

thread_local! {
    // Made before the thread runs and never dropped, so that the allocator can use it at any time.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// See the module.
#[derive(Debug)]
pub struct CountingAllocator;

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get().wrapping_add(1));
}

// SAFETY: every call goes to the system's allocator as it is.
unsafe impl GlobalAlloc for CountingAllocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

/// What tells how many allocations this thread has made; `None` where the program has another allocator, so that nobody
/// takes a count that stands still for a program that allocates nothing.
#[must_use]
pub fn counter() -> Option<fn() -> u64> {
    let before = ALLOCATIONS.get();
    drop(black_box(Box::new(before)));
    (ALLOCATIONS.get() > before).then_some(|| ALLOCATIONS.get())
}
