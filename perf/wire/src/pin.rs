//! Pins threads to cores, and lets them go again, so that what they start later is not pinned with them.
//!
//! Owning thread: the one that calls.

/// The calling thread on one core, for as long as this lives.
#[derive(Debug)]
pub struct Pinned {
    before: libc::cpu_set_t,
    /// What is pinned is this thread and no other.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Pinned {
    /// Pins the calling thread; `None` where the kernel refuses.
    #[must_use]
    pub fn to(core: usize) -> Option<Self> {
        if core >= libc::CPU_SETSIZE as usize {
            return None;
        }
        // SAFETY: the sets are plain bit masks that live through the calls, and `core` is inside them.
        unsafe {
            let (mut before, mut wanted): (libc::cpu_set_t, libc::cpu_set_t) = std::mem::zeroed();
            libc::CPU_SET(core, &mut wanted);
            let len = size_of::<libc::cpu_set_t>();
            let done =
                libc::sched_getaffinity(0, len, &mut before) == 0 && libc::sched_setaffinity(0, len, &wanted) == 0;
            done.then_some(Self { before, _not_send: std::marker::PhantomData })
        }
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // SAFETY: as in `to`. An error would leave it pinned, which changes no result.
        let _ = unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &self.before) };
    }
}
