//! The client over real sockets, against a small scripted gateway.
#![allow(clippy::unwrap_used)]

mod common;

use std::time::Duration;

use common::*;
use tidegate_client::{Client, ClientConfig, ClientError, ClientEvent, Disconnect};
use tidegate_domain::{Epoch, RequestNumber, SessionSequence};
use tidegate_wire::{ClientMessage, FrameReader, Logon, LogoutReason, ServerMessage};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// One connection that the gateway accepted.
struct Peer {
    stream: TcpStream,
    reader: FrameReader,
    heard: std::collections::VecDeque<ClientMessage>,
}

impl Peer {
    async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { stream, reader: FrameReader::new(), heard: Default::default() }
    }

    async fn say(&mut self, messages: &[ServerMessage]) {
        self.stream.write_all(&bytes(messages)).await.unwrap();
    }

    /// The next message that is not a heartbeat; `None` when the client closed.
    async fn hear(&mut self) -> Option<ClientMessage> {
        let mut buffer = vec![0; 65_536];
        while self.heard.is_empty() {
            let count = self.stream.read(&mut buffer).await.unwrap();
            if count == 0 {
                return None;
            }
            let mut input = &buffer[..count];
            while let Some(frame) = self.reader.next_frame(&mut input).unwrap() {
                let message = frame.client_message().unwrap();
                if message != ClientMessage::Heartbeat {
                    self.heard.push_back(message);
                }
            }
        }
        self.heard.pop_front()
    }

    async fn hear_request(&mut self) -> u64 {
        match self.hear().await {
            Some(ClientMessage::Order(order)) => order.request.raw(),
            other => panic!("a request was expected, not {other:?}"),
        }
    }

    async fn log_on(listener: &TcpListener, report_mark: u64) -> (Self, Logon) {
        let mut peer = Self::accept(listener).await;
        peer.say(&[challenge()]).await;
        let Some(ClientMessage::Logon(logon)) = peer.hear().await else { panic!("a logon comes first") };
        peer.say(&[accepted(0, report_mark)]).await;
        (peer, logon)
    }
}

async fn listen() -> (TcpListener, ClientConfig) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let config = ClientConfig::new(vec![listener.local_addr().unwrap()], KEY, secret());
    (listener, config)
}

async fn next_report(client: &mut Client) -> (u64, Option<Duration>) {
    loop {
        if let ClientEvent::Report { report, answered } = client.next_event().await.unwrap() {
            return (report.session_sequence.raw(), answered);
        }
    }
}

#[tokio::test]
async fn a_lost_connection_costs_neither_a_request_nor_a_report() {
    let (listener, config) = listen().await;
    let gateway = async {
        let (mut peer, logon) = Peer::log_on(&listener, 0).await;
        assert_eq!(logon.last_session_sequence.raw(), 0);
        peer.say(&[replay_done(0)]).await;
        assert_eq!(peer.hear_request().await, 1);
        assert_eq!(peer.hear_request().await, 2);
        peer.say(&[report(1, 1, order_accepted(1))]).await;
        // Half a frame, and gone.
        let half = bytes(&[report(2, 2, order_accepted(2))]);
        peer.stream.write_all(&half[..40]).await.unwrap();
        drop(peer);
        let (mut peer, logon) = Peer::log_on(&listener, 1).await;
        assert_eq!(logon.last_session_sequence.raw(), 0, "the last one is asked for once more");
        peer.say(&[report(1, 1, order_accepted(1)), replay_done(1)]).await;
        assert_eq!(peer.hear_request().await, 2);
        peer.say(&[report(2, 2, order_accepted(2))]).await;
        peer
    };
    let caller = async {
        let mut client = Client::connect(config).await.unwrap();
        assert_eq!(client.submit(buy()).await.unwrap().raw(), 1);
        assert_eq!(client.submit(buy()).await.unwrap().raw(), 2);
        let (first, answered) = next_report(&mut client).await;
        assert_eq!((first, answered.is_some()), (1, true));
        let (second, answered) = next_report(&mut client).await;
        assert_eq!((second, answered.is_some()), (2, true));
        assert_eq!(client.in_flight(), 0);
        assert_eq!((client.stats().reconnects, client.stats().resent), (1, 1));
        client
    };
    let _both = tokio::join!(gateway, caller);
}

#[tokio::test]
async fn a_full_flight_makes_submit_wait_for_an_answer() {
    let (listener, mut config) = listen().await;
    config.in_flight_max = 2;
    let mut client = {
        let gateway = async {
            let (mut peer, _) = Peer::log_on(&listener, 0).await;
            peer.say(&[replay_done(0)]).await;
            peer
        };
        let (mut peer, client) = tokio::join!(gateway, Client::connect(config));
        let mut client = client.unwrap();
        client.submit(buy()).await.unwrap();
        client.submit(buy()).await.unwrap();
        client.flush().await.unwrap();
        assert_eq!((peer.hear_request().await, peer.hear_request().await), (1, 2));
        {
            let mut third = Box::pin(client.submit(buy()));
            let is_waiting = futures_poll_once(third.as_mut()).await;
            assert!(is_waiting, "two are unanswered");
            peer.say(&[report(1, 1, order_accepted(1))]).await;
            assert_eq!(third.await.unwrap().raw(), 3);
        }
        assert_eq!(peer.hear_request().await, 3);
        client
    };
    assert_eq!(next_report(&mut client).await.0, 1);
}

/// Polls once; true where it is not ready.
async fn futures_poll_once<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(future.as_mut().poll(context).is_pending())).await
}

#[tokio::test]
async fn a_standby_sends_the_client_to_the_primary() {
    let (standby, config) = listen().await;
    let (primary, _) = listen().await;
    let address = primary.local_addr().unwrap();
    let gateway = async {
        let mut peer = Peer::accept(&standby).await;
        peer.say(&[challenge()]).await;
        assert!(matches!(peer.hear().await, Some(ClientMessage::Logon(_))));
        peer.say(&[ServerMessage::NotPrimary { epoch: Epoch::new(3), address: address.to_string() }]).await;
        let (mut peer, _) = Peer::log_on(&primary, 0).await;
        peer.say(&[replay_done(0)]).await;
        peer
    };
    let (_peer, client) = tokio::join!(gateway, Client::connect(config));
    let event = client.unwrap().next_event().await.unwrap();
    assert!(matches!(event, ClientEvent::Connected { address: at, .. } if at == address), "{event:?}");
}

#[tokio::test]
async fn a_refused_logon_is_an_error_of_connect() {
    let (listener, config) = listen().await;
    let gateway = async {
        let mut peer = Peer::accept(&listener).await;
        peer.say(&[challenge()]).await;
        peer.hear().await;
        let (reason, resume_after) = (LogoutReason::UnknownKey, SessionSequence::new(0));
        peer.say(&[ServerMessage::Logout { reason, resume_after, detail: "key 7".to_owned() }]).await;
    };
    let ((), client) = tokio::join!(gateway, Client::connect(config));
    let error = client.err().unwrap();
    assert!(matches!(error, ClientError::LoggedOut { reason: LogoutReason::UnknownKey, .. }), "{error}");
}

#[tokio::test]
async fn nobody_there_is_an_error_after_the_time_that_the_caller_gave() {
    // Bound and not listening: refuses, and no other test gets the port meanwhile.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut config = ClientConfig::new(vec![socket.local_addr().unwrap()], KEY, secret());
    config.give_up_after = Some(Duration::from_millis(120));
    let error = Client::connect(config).await.err().unwrap();
    assert!(matches!(&error, ClientError::GaveUp { last, .. } if last.contains("connecting failed")), "{error}");
}

#[tokio::test]
async fn the_end_of_a_session_and_a_gap_reach_the_caller_in_order() {
    let (listener, config) = listen().await;
    let gateway = async {
        let (mut peer, _) = Peer::log_on(&listener, 0).await;
        peer.say(&[replay_done(0), report(1, 0, order_accepted(1)), report(3, 0, order_accepted(3))]).await;
        assert_eq!(peer.hear().await, None, "the client closes");
    };
    let caller = async {
        let mut client = Client::connect(config).await.unwrap();
        assert!(matches!(client.next_event().await, Ok(ClientEvent::Connected { .. })));
        assert!(matches!(client.next_event().await, Ok(ClientEvent::Report { .. })));
        let lost = client.next_event().await;
        assert!(matches!(lost, Ok(ClientEvent::Disconnected { reason: Disconnect::Gap { .. } })), "{lost:?}");
        assert!(matches!(client.next_event().await, Err(ClientError::Gap { .. })));
        assert!(matches!(client.submit(buy()).await, Err(ClientError::Gap { .. })));
    };
    tokio::join!(gateway, caller);
}

#[tokio::test]
async fn a_logout_waits_for_the_gateway_to_close() {
    let (listener, config) = listen().await;
    let gateway = async {
        let (mut peer, _) = Peer::log_on(&listener, 0).await;
        peer.say(&[replay_done(0)]).await;
        assert_eq!(peer.hear_request().await, 1);
        assert_eq!(peer.hear().await, Some(ClientMessage::Logout));
        let (reason, resume_after) = (LogoutReason::ClientRequested, SessionSequence::new(0));
        peer.say(&[ServerMessage::Logout { reason, resume_after, detail: String::new() }]).await;
    };
    let caller = async {
        let mut client = Client::connect(config).await.unwrap();
        client.submit(buy()).await.unwrap();
        client.logout().await.unwrap()
    };
    let ((), stats) = tokio::join!(gateway, caller);
    assert_eq!(stats.reconnects, 0);
}

/// Many requests and reports through one client; the count, not the time, is what is checked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_requests_are_answered_in_order() {
    const REQUESTS: u64 = 100_000;
    let (listener, config) = listen().await;
    let gateway = tokio::spawn(async move {
        let (mut peer, _) = Peer::log_on(&listener, 0).await;
        peer.say(&[replay_done(0)]).await;
        let mut answered = 0;
        while answered < REQUESTS {
            let mut batch = vec![peer.hear().await.unwrap()];
            batch.extend(peer.heard.drain(..));
            let mut answers = Vec::new();
            for message in batch {
                answered += 1;
                assert!(
                    matches!(message, ClientMessage::Order(order) if order.request == RequestNumber::new(answered))
                );
                answers.push(report(answered, answered, order_accepted(answered)));
            }
            peer.say(&answers).await;
        }
        peer
    });
    let mut client = Client::connect(config).await.unwrap();
    let start = std::time::Instant::now();
    let mut seen = 0;
    for _ in 0..REQUESTS {
        client.submit(buy()).await.unwrap();
        while let Some(event) = client.try_next_event() {
            seen += u64::from(matches!(event, ClientEvent::Report { answered: Some(_), .. }));
        }
    }
    while seen < REQUESTS {
        seen += u64::from(next_report(&mut client).await.1.is_some());
    }
    println!("{REQUESTS} requests answered in {:?}", start.elapsed());
    assert_eq!(client.in_flight(), 0);
    gateway.await.unwrap();
}
