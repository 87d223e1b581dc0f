//! One writer per log: an advisory lock that the kernel drops with the process, and the owner's number for the message.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use crate::{JournalError, LogKind};

/// Holds the lock while it lives.
#[derive(Debug)]
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Of whoever writes a log.
    pub(crate) fn take(dir: &Path, kind: LogKind) -> Result<Self, JournalError> {
        Self::take_named(dir, kind.prefix())
    }

    /// `NAME.lock`
    pub(crate) fn take_named(dir: &Path, name: &str) -> Result<Self, JournalError> {
        let path = dir.join(format!("{name}.lock"));
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(JournalError::io(&path, "open"))?;
        // SAFETY: a plain system call on a descriptor that `file` keeps open.
        if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } != 0 {
            let error = std::io::Error::last_os_error();
            if error.kind() != std::io::ErrorKind::WouldBlock {
                return Err(JournalError::io(&path, "lock")(error));
            }
            let mut owner = String::new();
            // Only for the message. Empty in the moment between the owner's lock and its number.
            let _ = file.read_to_string(&mut owner);
            let owner = if owner.trim().is_empty() { "(unknown yet)" } else { owner.trim() };
            return Err(JournalError::Locked { path, owner: owner.to_owned() });
        }
        let mut write = || {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write().map_err(JournalError::io(&path, "write"))?;
        Ok(Self { _file: file })
    }
}
