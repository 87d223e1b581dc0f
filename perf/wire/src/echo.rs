//! The floor: a TCP connection on which both ends look again and again, and nothing else is done.
//!
//! Invariants: both ends spin on sockets that do not block, as client and node do; the request is as long as an order, the
//! answer as long as a report.
//! Owning thread: the caller's sends; one more answers, on its own core where that works.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Instant;

use crate::Pinned;

/// Round trips of `count` requests in nanoseconds; the answering thread is pinned to `answer_core`.
///
/// # Errors
/// What the sockets say.
pub fn round_trips(
    count: usize,
    request_len_bytes: usize,
    answer_len_bytes: usize,
    answer_core: Option<usize>,
) -> io::Result<Vec<u64>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (far, _) = listener.accept()?;
    let answering = std::thread::spawn(move || {
        // Where the kernel refuses, the figure is that of a thread that may wander.
        let _pinned = answer_core.and_then(Pinned::to);
        answer(far, request_len_bytes, answer_len_bytes)
    });
    prepare(&near)?;
    let request = vec![7; request_len_bytes];
    let mut answer = vec![0; answer_len_bytes];
    let mut samples = Vec::with_capacity(count);
    for _ in 0..count {
        let start = Instant::now();
        spin_write(&mut near, &request)?;
        spin_read(&mut near, &mut answer)?;
        samples.push(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX));
    }
    drop(near);
    answering.join().expect("the answering thread does not panic")?;
    Ok(samples)
}

fn answer(mut far: TcpStream, request_len_bytes: usize, answer_len_bytes: usize) -> io::Result<()> {
    prepare(&far)?;
    let mut request = vec![0; request_len_bytes];
    let answer = vec![9; answer_len_bytes];
    loop {
        match spin_read(&mut far, &mut request) {
            Ok(()) => spin_write(&mut far, &answer)?,
            Err(error) if matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset) => {
                return Ok(());
            }
            Err(error) => return Err(error),
        }
    }
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)
}

/// Writes all of it, without ever sleeping.
///
/// # Errors
/// Those of the socket.
pub fn spin_write(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

fn spin_read(stream: &mut TcpStream, mut room: &mut [u8]) -> io::Result<()> {
    while !room.is_empty() {
        match stream.read(room) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(count) => room = &mut room[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    #[test]
    fn every_request_comes_back() {
        assert_eq!(super::round_trips(50, 70, 140, None).unwrap().len(), 50);
    }
}
