//! Which threads run on which cores: those of the pipeline on their own, the others elsewhere.
//!
//! Invariants: where there is another core, one that a pipeline thread spins on is shared with no other thread of the process; otherwise the scheduler puts a
//! helper there for a millisecond now and then, and every order waits for it.
//! Owning thread: whoever calls; new threads inherit the cores of the thread that starts them.

use std::mem::size_of;

/// Pins the calling thread, and says clearly when that fails.
pub(crate) fn pin_to(core: usize, name: &str) {
    let listed = core_affinity::get_core_ids().unwrap_or_default().into_iter().find(|id| id.id == core);
    // One that this thread's mask does not list is asked for nevertheless: an isolated one, or one that its starter keeps off.
    let pinned = listed.map_or_else(|| only(core).is_some_and(|set| set_mask(&set)), core_affinity::set_for_current);
    if pinned {
        tracing::info!(thread = name, core, "pinned");
    } else {
        tracing::warn!(thread = name, core, "could not pin this thread: the kernel refused the core");
    }
}

/// Keeps the calling thread, and every thread that is started from it meanwhile, off some cores. Dropped, the calling thread
/// may run where it could before.
#[derive(Debug)]
pub struct KeptOff {
    before: libc::cpu_set_t,
    /// What is restricted is this thread and no other.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl KeptOff {
    /// Off these cores; `None` where no other core is left, or the kernel refuses: then nothing has changed.
    #[must_use]
    pub fn cores(cores: impl IntoIterator<Item = usize>) -> Option<Self> {
        let before = mask()?;
        let mut others = before;
        for core in cores.into_iter().filter(|core| *core < CORES_MAX) {
            // SAFETY: `others` is a plain bit mask, and `core` is inside it.
            unsafe { libc::CPU_CLR(core, &mut others) };
        }
        // SAFETY: a plain bit mask.
        let left = unsafe { libc::CPU_COUNT(&others) };
        let kept = (left > 0 && set_mask(&others)).then_some(Self { before, _not_send: std::marker::PhantomData });
        if kept.is_none() {
            tracing::warn!("helpers share the cores that the pipeline spins on: there is no other core for them");
        }
        kept
    }
}

impl Drop for KeptOff {
    fn drop(&mut self) {
        if !set_mask(&self.before) {
            tracing::warn!("a thread stays off the pipeline's cores: the kernel did not give them back");
        }
    }
}

const CORES_MAX: usize = libc::CPU_SETSIZE as usize;

fn only(core: usize) -> Option<libc::cpu_set_t> {
    // SAFETY: all zeros are a valid mask, and `core` is inside it.
    (core < CORES_MAX).then(|| unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(core, &mut set);
        set
    })
}

fn mask() -> Option<libc::cpu_set_t> {
    // SAFETY: the mask is plain and lives through the call.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        (libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) == 0).then_some(set)
    }
}

fn set_mask(set: &libc::cpu_set_t) -> bool {
    // SAFETY: the mask is plain and lives through the call.
    unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set) == 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cores() -> Vec<usize> {
        let set = mask().expect("the kernel tells");
        // SAFETY: inside the mask.
        (0..CORES_MAX).filter(|core| unsafe { libc::CPU_ISSET(*core, &set) }).collect()
    }

    #[test]
    fn threads_that_are_started_meanwhile_stay_off_and_the_caller_gets_its_cores_back() {
        let before = cores();
        let [.., last] = before[..] else { panic!("a thread runs somewhere") };
        let kept = KeptOff::cores([last]);
        assert_eq!(kept.is_some(), before.len() > 1, "somewhere must be left");
        let meanwhile = std::thread::spawn(cores).join().expect("it only looks");
        assert_eq!(meanwhile.contains(&last), before.len() == 1);
        drop(kept);
        assert_eq!(cores(), before);
    }

    #[test]
    fn every_core_is_too_many() {
        let before = cores();
        assert!(KeptOff::cores(0..CORES_MAX + 1).is_none());
        assert_eq!(cores(), before);
    }
}
