//! The bare device: what nothing on top of it can beat.

use std::io;
use std::path::Path;
use std::time::Instant;

use tidegate_journal::disk::{Access, AlignedBytes, Disk, RealDisk};

use crate::report::{DeviceFigures, Latencies};

const FILE_LEN_BYTES: usize = 64 << 20;

/// Preallocated and zero-filled, as a segment is.
pub(crate) fn measure(dir: &Path, writes: usize, records: usize) -> io::Result<DeviceFigures> {
    let path = dir.join("bare");
    let file = RealDisk.create(&path)?;
    file.allocate(FILE_LEN_BYTES as u64)?;
    for at in (0..FILE_LEN_BYTES).step_by(1 << 20) {
        file.write_at(&[0; 1 << 20], at as u64)?;
    }
    file.sync()?;
    file.forget_cached();
    let direct = RealDisk.open(&path, Access::Direct)?;
    let mut memory = AlignedBytes::zeros(64 << 10);
    memory.fill(7);
    let synced = |len: usize| {
        let bytes = &memory[..len];
        let mut latencies = Latencies::new();
        for n in 0..writes {
            let at = n * len % FILE_LEN_BYTES;
            let start = Instant::now();
            direct.write_through(bytes, at as u64)?;
            latencies.add(start.elapsed());
        }
        Ok::<_, io::Error>(latencies.figures())
    };
    let (write_4k, write_64k) = (synced(4 << 10)?, synced(64 << 10)?);
    let map = file.map()?;
    let record = [7_u8; 128];
    let mut latencies = Latencies::new();
    for n in 0..records.min(FILE_LEN_BYTES / 128) {
        let start = Instant::now();
        // SAFETY: `n * 128 + 128` is inside the mapping, which nobody else uses.
        unsafe { std::ptr::copy_nonoverlapping(record.as_ptr(), map.as_mut_ptr().add(n * 128), 128) };
        latencies.add(start.elapsed());
    }
    std::hint::black_box(&map);
    drop(map);
    std::fs::remove_file(path)?;
    let mut clock = Latencies::new();
    for _ in 0..100_000 {
        clock.add(Instant::now().elapsed());
    }
    Ok(DeviceFigures { write_4k, write_64k, store_128: latencies.figures(), clock_ns: clock.figures().p50 })
}
