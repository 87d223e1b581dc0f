//! A reader of the market-data feed that spins: when a trade is on the wire.
//!
//!   FeedReader::follow --subscribe--> feed          feed --trades--> [`FeedReader::take_trades`], without waiting
//!
//! Owning thread: the caller's.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use tidegate_domain::{Epoch, MarketId};
use tidegate_wire::feed::{
    FeedBody, FeedChannel, FeedNumber, FeedRequest, FeedServer, decode_feed, encode_feed_request,
};
use tidegate_wire::split_frame;

use crate::echo::spin_write;

/// Longest wait for the subscription.
const PATIENCE: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug)]
pub struct FeedReader {
    stream: TcpStream,
    input: Vec<u8>,
    room: Box<[u8]>,
}

impl FeedReader {
    /// Connects and subscribes to the trades of a market; comes back when the subscription stands.
    ///
    /// # Errors
    /// What the socket or the feed says.
    pub fn follow(address: SocketAddr, market: MarketId) -> Result<Self, String> {
        let say = |error: std::io::Error| format!("feed {address}: {error}");
        let mut stream = TcpStream::connect(address).map_err(say)?;
        stream.set_nodelay(true).map_err(say)?;
        stream.set_nonblocking(true).map_err(say)?;
        let (channel, from) = (FeedChannel::Trades, FeedNumber::default());
        let request = FeedRequest::Subscribe { channel, market: Some(market), from, epoch: Epoch::default() };
        let mut bytes = Vec::new();
        encode_feed_request(&request, &mut bytes);
        spin_write(&mut stream, &bytes).map_err(say)?;
        let mut reader = Self { stream, input: Vec::with_capacity(1 << 16), room: vec![0; 1 << 16].into() };
        let begun = Instant::now();
        loop {
            match reader.next_message()? {
                Some(FeedServer::Subscribed { .. }) => return Ok(reader),
                Some(FeedServer::Refused { .. }) => return Err("the feed refuses the subscription".to_owned()),
                Some(_) => {}
                None if begun.elapsed() > PATIENCE => return Err("the feed does not answer".to_owned()),
                None => reader.read_more()?,
            }
        }
    }

    /// How many trades have come, without waiting.
    ///
    /// # Errors
    /// What the socket says, or bytes that are no feed.
    pub fn take_trades(&mut self) -> Result<usize, String> {
        self.read_more()?;
        let mut trades = 0;
        while let Some(message) = self.next_message()? {
            trades +=
                usize::from(matches!(message, FeedServer::Message(at) if matches!(at.body, FeedBody::Trade { .. })));
        }
        Ok(trades)
    }

    fn read_more(&mut self) -> Result<(), String> {
        match self.stream.read(&mut self.room) {
            Ok(0) => Err("the feed closed the connection".to_owned()),
            Ok(count) => {
                self.input.extend_from_slice(&self.room[..count]);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(format!("feed: {error}")),
        }
    }

    fn next_message(&mut self) -> Result<Option<FeedServer>, String> {
        let Some(frame) = split_frame(&self.input).map_err(|error| error.to_string())? else { return Ok(None) };
        let message = decode_feed(&frame).map_err(|error| error.to_string())?;
        let len_bytes = frame.bytes().len();
        self.input.drain(..len_bytes);
        Ok(Some(message))
    }
}
