//! A hint to the processor: bytes that will be needed soon.

const LINE_LEN_BYTES: usize = 64;

/// Asks for the cache line of `value`. Changes nothing that a program can see.
#[inline]
pub(crate) fn prefetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program sees and never faults; the address is that of a live value.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(core::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = value;
}

/// Asks for all cache lines of `value`.
#[inline]
pub(crate) fn prefetch_all<T>(value: &T) {
    let start = core::ptr::from_ref(value).cast::<u8>();
    for offset in (0..size_of::<T>()).step_by(LINE_LEN_BYTES) {
        // SAFETY: the offset is inside the value, and what is there is only fetched.
        prefetch(unsafe { &*start.add(offset) });
    }
}
