//! The allocator of every program here: the system's, which counts and asks for large pages.
//!
//! ```text
//! #[global_allocator]
//! static ALLOCATOR: Allocator = Allocator;      [`counter`] --> how many allocations this thread made
//! ```
//!
//! Tables of millions of orders are read here and there. On pages of 4 KiB nearly every read then also misses the processor's
//! table of pages, and reads that from memory first; on pages of 2 MiB it does not. So blocks of [`LARGE_BYTES`] and more begin at
//! a large page, and the kernel is asked (`madvise`) to use large pages for them. It may refuse; then all is as without.
//!
//! Invariants: the count is the thread's own, a plain addition to a thread-local number: no cache line is shared, so the
//! threads of a node that never measures pay about a nanosecond for an allocation, and its hot path makes none.
//! What is measured runs on one thread, so its count is complete.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::hint::black_box;

/// Size of a large page: blocks of this size and more are asked to be on such pages.
pub const LARGE_BYTES: usize = 2 << 20;

thread_local! {
    // Made before the thread runs and never dropped, so that the allocator can use it at any time.
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// See the crate.
#[derive(Debug)]
pub struct Allocator;

fn count() {
    ALLOCATIONS.set(ALLOCATIONS.get().wrapping_add(1));
}

/// Where a block goes: a large one to the start of a large page. The same for the same layout, so that it is given back as it
/// was taken.
#[inline]
fn placed(layout: Layout) -> Layout {
    if layout.size() < LARGE_BYTES {
        return layout;
    }
    layout.align_to(LARGE_BYTES).unwrap_or(layout)
}

/// Asks for large pages under a block, as far as whole ones fit in it.
fn advise(block: *mut u8, size: usize) {
    let whole = size / LARGE_BYTES * LARGE_BYTES;
    if whole > 0 && !block.is_null() && block.addr().is_multiple_of(LARGE_BYTES) {
        // SAFETY: the range is inside a live block of ours, and the advice changes no byte of it. Where the kernel has no large pages
        // it fails, which is as good.
        unsafe { libc::madvise(block.cast(), whole, libc::MADV_HUGEPAGE) };
    }
}

// SAFETY: every block comes from the system's allocator and goes back to it with the layout that it was taken with.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise; a larger alignment keeps it.
        let block = unsafe { System.alloc(placed(layout)) };
        if layout.size() >= LARGE_BYTES {
            advise(block, layout.size());
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, and the layout with which the block was taken.
        unsafe { System.dealloc(pointer, placed(layout)) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.size() < LARGE_BYTES {
            count();
            // SAFETY: the caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // Aligned memory is not taken zeroed from the system at no cost, so zeros are written, which also makes the pages be there.
        // SAFETY: the caller's promise.
        let block = unsafe { self.alloc(layout) };
        if !block.is_null() {
            // SAFETY: the block has this size.
            unsafe { block.write_bytes(0, layout.size()) };
        }
        block
    }

    #[inline]
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the size is the caller's promise, the alignment was valid before.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        if placed(layout).align() == layout.align() && placed(wanted).align() == layout.align() {
            count();
            // SAFETY: the caller's promise; both layouts are the system's own.
            return unsafe { System.realloc(pointer, layout, size) };
        }
        // SAFETY: as `GlobalAlloc::realloc` does it by default.
        unsafe {
            let block = self.alloc(wanted);
            if !block.is_null() {
                block.copy_from_nonoverlapping(pointer, layout.size().min(size));
                self.dealloc(pointer, layout);
            }
            block
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[global_allocator]
    static ALLOCATOR: Allocator = Allocator;

    #[test]
    fn blocks_keep_their_bytes_while_they_grow_and_shrink_across_the_size_of_a_large_page() {
        let mut bytes: Vec<u8> = Vec::new();
        for at in 0..3 * LARGE_BYTES {
            bytes.push((at % 251) as u8);
        }
        assert!(bytes.as_ptr().addr().is_multiple_of(LARGE_BYTES), "a large block begins at a large page");
        bytes.truncate(1_000);
        bytes.shrink_to_fit();
        assert!((0..1_000).all(|at| bytes[at] == (at % 251) as u8));
        bytes.reserve_exact(LARGE_BYTES);
        bytes.resize(2 * LARGE_BYTES, 7);
        assert!((0..1_000).all(|at| bytes[at] == (at % 251) as u8) && bytes[1_000..].iter().all(|byte| *byte == 7));
    }

    #[test]
    fn a_zeroed_block_is_zero_even_where_another_one_was() {
        for size in [LARGE_BYTES - 1, LARGE_BYTES, 5 * LARGE_BYTES + 3] {
            drop(vec![0xff_u8; size]);
            assert!(vec![0_u8; size].iter().all(|byte| *byte == 0), "{size}");
        }
    }

    #[test]
    fn an_allocation_is_counted_once() {
        let count = counter().expect("the allocator is this one");
        let before = count();
        drop(black_box(Box::new(1_u64)));
        drop(black_box(vec![0_u8; LARGE_BYTES]));
        assert_eq!(count() - before, 2);
    }
}
