//! SIGBUS: a mapped segment whose file was cut short, or whose disk cannot read a page. It is named and the node stops.
//!
//! Segments have their blocks before they are mapped, so a full disk never comes this way.
//!
//! Invariants: a mapping is in the table while it exists; the handler allocates nothing, takes no lock, and ends the process.
//! Owning threads: any; the handler runs on the thread that touched the page.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use memmap2::MmapRaw;

use crate::LogKind;

/// Exit code of a process that a SIGBUS ended.
pub const EXIT_SIGBUS: i32 = 74;
/// Mappings that can be named; one beyond it is "an unknown mapping".
const WATCHED_MAX: usize = 8_192;

const PAGE_LEN_BYTES: usize = 4_096;

/// A place in the table. `start` is 0 where it is free, 1 while it is being filled.
struct Watched {
    start: AtomicUsize,
    len: AtomicUsize,
    number: AtomicU32,
    kind: AtomicU32,
}

static TABLE: [Watched; WATCHED_MAX] = [const {
    Watched { start: AtomicUsize::new(0), len: AtomicUsize::new(0), number: AtomicU32::new(0), kind: AtomicU32::new(0) }
}; WATCHED_MAX];

/// Where the next search for a free place begins.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// A mapping of a segment, in the table while it lives.
#[derive(Debug)]
pub(crate) struct Mapping {
    map: MmapRaw,
    place: Option<usize>,
}

impl Mapping {
    pub(crate) fn watch(map: MmapRaw, kind: LogKind, number: u32) -> Self {
        let from = NEXT.fetch_add(1, Ordering::Relaxed) % WATCHED_MAX;
        let place = (from..from + WATCHED_MAX)
            .map(|n| n % WATCHED_MAX)
            .find(|place| TABLE[*place].start.compare_exchange(0, 1, Ordering::AcqRel, Ordering::Relaxed).is_ok());
        if let Some(place) = place {
            let watched = &TABLE[place];
            watched.len.store(map.len(), Ordering::Relaxed);
            watched.number.store(number, Ordering::Relaxed);
            watched.kind.store(u32::from(kind.code()), Ordering::Relaxed);
            watched.start.store(map.as_ptr() as usize, Ordering::Release);
        }
        Self { map, place }
    }

    /// Its first byte.
    pub(crate) fn start(&self) -> *const u8 {
        self.map.as_ptr()
    }

    /// Makes pages writable ahead of the stores, which would each wait for a fault: a new page is not in the page table, and after every
    /// writeback the kernel protects what it wrote. Changes no byte. (To take protected pages out of the page table first makes this
    /// seven times as fast where folios are large, but interrupts every core that runs a thread of the process: orders wait longer.)
    pub(crate) fn make_writable(&self, offset: usize, len: usize) {
        // Kernels before 5.14 do not know it.
        self.advise(offset, len, libc::MADV_POPULATE_WRITE);
    }

    /// Takes every page out of the page table; none out of memory.
    pub(crate) fn let_go(&self) {
        self.advise(0, self.map.len(), libc::MADV_DONTNEED);
    }

    /// Of whole pages from `offset` on. Advice only: where the kernel refuses, stores wait a little longer.
    fn advise(&self, offset: usize, len: usize, advice: libc::c_int) {
        let end = (offset + len).min(self.map.len());
        let offset = offset.next_multiple_of(PAGE_LEN_BYTES);
        if offset < end {
            // SAFETY: a range inside the mapping, which `self` keeps; both kinds of advice that come here change page tables
            // of a shared mapping, not contents.
            let _ = unsafe { libc::madvise(self.map.as_mut_ptr().add(offset).cast(), end - offset, advice) };
        }
    }

    /// Its first byte, for the one who writes.
    pub(crate) fn start_mut(&self) -> *mut u8 {
        self.map.as_mut_ptr()
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            TABLE[place].start.store(0, Ordering::Release);
        }
    }
}

/// Installs the handler, once for the process. Without it a SIGBUS ends the process just as well, but says nothing.
pub fn name_bus_errors() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: an all-zero `sigaction` is a valid value of a plain C struct.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = on_sigbus as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO;
        // SAFETY: the handler has the signature that SA_SIGINFO asks for and only does what a handler may do.
        unsafe { libc::sigaction(libc::SIGBUS, &raw const action, std::ptr::null_mut()) };
    });
}

extern "C" fn on_sigbus(_signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: the kernel passes a valid structure, and a SIGBUS has an address.
    let address = unsafe { (*info).si_addr() } as usize;
    let mut line = Line { bytes: [0; 256], len: 0 };
    line.text(b"tidegate: SIGBUS at ");
    let found = TABLE.iter().find(|watched| {
        let start = watched.start.load(Ordering::Acquire);
        start > 1 && (start..start + watched.len.load(Ordering::Relaxed)).contains(&address)
    });
    if let Some(watched) = found {
        let journal = watched.kind.load(Ordering::Relaxed) == u32::from(LogKind::Journal.code());
        line.text(if journal { b"segment journal-" } else { b"segment events-" });
        line.number(u64::from(watched.number.load(Ordering::Relaxed)), 8);
        line.text(b".seg offset ");
        line.number((address - watched.start.load(Ordering::Relaxed)) as u64, 1);
        line.text(b": the file was cut short under the node, or its disk cannot read it. The node stops; check the disk, then start again: recovery says what is damaged\n");
    } else {
        line.text(b"an address outside of the logs. The node stops\n");
    }
    // SAFETY: both calls may be made in a handler, the bytes live through the first.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), line.len);
        libc::_exit(EXIT_SIGBUS)
    }
}

/// A message put together without an allocation.
struct Line {
    bytes: [u8; 256],
    len: usize,
}

impl Line {
    fn text(&mut self, text: &[u8]) {
        for byte in text {
            if self.len < self.bytes.len() {
                self.bytes[self.len] = *byte;
                self.len += 1;
            }
        }
    }

    /// In decimal, with zeros in front up to `digits`.
    fn number(&mut self, number: u64, digits: u32) {
        let count = (number.checked_ilog10().unwrap_or(0) + 1).max(digits);
        for place in (0..count).rev() {
            self.text(&[b'0' + (number / 10_u64.pow(place) % 10) as u8]);
        }
    }
}
