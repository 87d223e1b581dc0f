//! Which of many sockets have something to read, without ever sleeping.
//!
//! Few are simply all tried: one call each. Many are asked for with one call of epoll.
//!
//! Invariants: a socket that has something is named at the next look at the latest; nothing waits.
//! Owning thread: the caller's.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Up to so many sockets are all tried.
const TRIED_MAX: usize = 4;
/// Sockets that one call names.
const NAMED_MAX: usize = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Ready {
    sockets: usize,
    epoll: Option<OwnedFd>,
    named: Vec<libc::epoll_event>,
}

impl Ready {
    /// Of these sockets.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn of(sockets: &[impl AsRawFd]) -> io::Result<Self> {
        let named = Vec::with_capacity(NAMED_MAX);
        if sockets.len() <= TRIED_MAX {
            return Ok(Self { sockets: sockets.len(), epoll: None, named });
        }
        // SAFETY: a plain system call; the descriptor that it makes is owned by nobody else.
        let epoll = unsafe {
            let raw = libc::epoll_create1(libc::EPOLL_CLOEXEC);
            if raw < 0 {
                return Err(io::Error::last_os_error());
            }
            OwnedFd::from_raw_fd(raw)
        };
        for (index, socket) in sockets.iter().enumerate() {
            let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: index as u64 };
            // SAFETY: both descriptors are open, and the event lives through the call.
            let done =
                unsafe { libc::epoll_ctl(epoll.as_raw_fd(), libc::EPOLL_CTL_ADD, socket.as_raw_fd(), &raw mut event) };
            if done != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Self { sockets: sockets.len(), epoll: Some(epoll), named })
    }

    /// Puts the indexes of the sockets to try now into `ready`.
    ///
    /// # Errors
    /// What the kernel says.
    pub(crate) fn look(&mut self, ready: &mut Vec<usize>) -> io::Result<()> {
        ready.clear();
        let Some(epoll) = &self.epoll else {
            ready.extend(0..self.sockets);
            return Ok(());
        };
        // SAFETY: the room is as large as is said, and what the kernel filled is what becomes visible.
        unsafe {
            let room = self.named.as_mut_ptr();
            let count = libc::epoll_wait(epoll.as_raw_fd(), room, NAMED_MAX as i32, 0);
            if count < 0 {
                let error = io::Error::last_os_error();
                return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
            }
            self.named.set_len(count as usize);
        }
        ready.extend(self.named.iter().map(|event| event.u64 as usize));
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn of_many_only_those_with_something_to_read_are_named() {
        let (mut far, near): (Vec<_>, Vec<_>) = (0..100).map(|_| UnixStream::pair().unwrap()).unzip();
        let mut ready = Ready::of(&near).unwrap();
        let mut named = vec![7];
        ready.look(&mut named).unwrap();
        assert!(named.is_empty());
        for index in [3, 99] {
            far[index].write_all(b"x").unwrap();
        }
        ready.look(&mut named).unwrap();
        named.sort_unstable();
        assert_eq!(named, [3, 99]);
    }

    #[test]
    fn few_are_all_tried() {
        let (_far, near): (Vec<_>, Vec<_>) = (0..3).map(|_| UnixStream::pair().unwrap()).unzip();
        let mut named = Vec::new();
        Ready::of(&near).unwrap().look(&mut named).unwrap();
        assert_eq!(named, [0, 1, 2]);
    }
}
