//! One socket, two kernel interfaces: io_uring and epoll behind one small trait.
//!
//! Buffers are handed over and come back, because io_uring needs to own them while the kernel works. Both kinds are
//! accepted through epoll (accepting is rare); only reads and writes differ.
//!
//! Invariants: a read or write that is under way when [`Socket::shutdown`] is called completes soon, with an error or
//! with zero bytes; nothing else ends it early. One read and one write at a time.
//! Owning thread: order-entry.

use std::future::Future;
use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd;

use tokio_uring::buf::BoundedBuf;

/// A connected TCP socket. All tasks are on one thread, so nothing here is `Send`.
pub(crate) trait Socket: Sized + 'static {
    /// Its name in logs and status.
    const NAME: &'static str;

    /// Takes over a connection.
    fn adopt(stream: tokio::net::TcpStream) -> io::Result<Self>;

    /// Reads into the front of `buffer`, at most `max` bytes; 0 is the end of the stream.
    fn read(&self, buffer: Vec<u8>, max: usize) -> impl Future<Output = (io::Result<usize>, Vec<u8>)>;

    /// Writes all of `buffer`.
    fn write_all(&self, buffer: Vec<u8>) -> impl Future<Output = (io::Result<()>, Vec<u8>)>;

    /// Ends one direction or both.
    fn shutdown(&self, how: Shutdown) -> io::Result<()>;

    /// Lets every other task have a turn and everything that was started reach the kernel.
    fn turn() -> impl Future<Output = ()>;
}

/// Over io_uring.
pub(crate) struct UringSocket(tokio_uring::net::TcpStream);

impl Socket for UringSocket {
    const NAME: &'static str = "io_uring";

    fn adopt(stream: tokio::net::TcpStream) -> io::Result<Self> {
        let stream = stream.into_std()?;
        // A non-blocking socket would complete at once with EAGAIN instead of waiting in the ring.
        stream.set_nonblocking(false)?;
        Ok(Self(tokio_uring::net::TcpStream::from_std(stream)))
    }

    async fn read(&self, buffer: Vec<u8>, max: usize) -> (io::Result<usize>, Vec<u8>) {
        let (result, slice) = self.0.read(buffer.slice(..max)).await;
        (result, slice.into_inner())
    }

    async fn write_all(&self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        self.0.write_all(buffer).await
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.0.shutdown(how)
    }

    async fn turn() {
        // This runtime submits to the ring only when its thread is about to sleep. Waiting for an operation that does
        // nothing lets it: everything queued goes with the one system call, so a busy pump cannot hold writes back.
        if tokio_uring::no_op().await.is_err() {
            tokio::task::yield_now().await;
        }
    }
}

/// Over epoll.
pub(crate) struct EpollSocket(tokio::net::TcpStream);

impl Socket for EpollSocket {
    const NAME: &'static str = "epoll";

    fn adopt(stream: tokio::net::TcpStream) -> io::Result<Self> {
        Ok(Self(stream))
    }

    async fn read(&self, mut buffer: Vec<u8>, max: usize) -> (io::Result<usize>, Vec<u8>) {
        loop {
            if let Err(error) = self.0.readable().await {
                return (Err(error), buffer);
            }
            match self.0.try_read(&mut buffer[..max]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return (result, buffer),
            }
        }
    }

    async fn write_all(&self, buffer: Vec<u8>) -> (io::Result<()>, Vec<u8>) {
        let mut written = 0;
        while written < buffer.len() {
            match self.0.try_write(&buffer[written..]) {
                Ok(0) => return (Err(io::ErrorKind::WriteZero.into()), buffer),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if let Err(error) = self.0.writable().await {
                        return (Err(error), buffer);
                    }
                }
                Err(error) => return (Err(error), buffer),
            }
        }
        (Ok(()), buffer)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        // Once per connection, so that a second descriptor for the call is cheap enough.
        std::net::TcpStream::from(self.0.as_fd().try_clone_to_owned()?).shutdown(how)
    }

    async fn turn() {
        tokio::task::yield_now().await;
    }
}
