//! What talks to the outside: order entry, HTTP, the operator's socket, and the tasks that read the event log for them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tidegate_domain::Sequence;
use tidegate_http::HttpDoors;
use tidegate_journal::{EventLog, SpaceState};
use tidegate_market_data::{FeedConfig, FeedPorts, FeedRunner, MulticastConfig};
use tidegate_order_entry::{
    IoChoice, Known, OrderEntry, OrderEntryConfig, OrderEntryPorts, RateLimit, SecondLogon, TlsConfig, TlsDoor,
};
use tidegate_pipeline::stamps::MarkWriter;
use tidegate_pipeline::{CorePlan, Serving, Stage};
use tidegate_replicator::LinkEvent;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};

use super::pipeline::idle;
use super::{Handles, NodeError, OnMustStop, start_error};
use crate::admin;
use crate::config::{IoName, NodeConfig, SecondLogonName};
use crate::control::Control;
use crate::snapshots;
use crate::view::View;

/// How long a client of the second door may take to shake hands.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long it may take to close once its session is over.
const TLS_LINGER: Duration = Duration::from_secs(1);
/// Most connections of the second door that are not inside: one more ends the oldest, which had a fifth of a second even where
/// 5,000 come in a second.
const HANDSHAKES_MAX: usize = 1_024;
/// File of the data folder that says where the market-data feed was.
const MARKET_DATA_CHECKPOINT: &str = "market-data.checkpoint";
/// Events after which it is made again: a start reads not many more than that, which takes a second or two.
const MARKET_DATA_CHECKPOINT_EVERY_EVENTS: u64 = 1_000_000;
/// Between two looks at the disk's room.
const SPACE_LOOK: Duration = Duration::from_millis(50);

/// Checks that an address can be bound before anything starts, and fills in a port where 0 was asked for.
pub(super) fn reserve(field: &'static str, address: SocketAddr) -> Result<SocketAddr, NodeError> {
    let bound = tidegate_order_entry::listen(address).and_then(|listener| listener.local_addr());
    bound.map_err(|error| start_error(field)(format!("cannot listen on {address}: {error}; choose a free address")))
}

/// Starts order entry on threads of its own, or, where the pipeline is one thread and one is enough, makes a stage for it.
pub(super) fn start_order_entry(
    handles: &Handles<'_>,
    listen: SocketAddr,
    log: &EventLog,
    known: Known,
    stamps: Vec<MarkWriter>,
    plan: CorePlan,
) -> Result<(OrderEntry, Option<Box<dyn Stage>>), NodeError> {
    let config = handles.config;
    let io = match config.order_entry.io {
        IoName::Auto => IoChoice::Auto,
        IoName::Uring => IoChoice::Uring,
        IoName::Epoll => IoChoice::Epoll,
    };
    let limits = &config.order_entry.limits;
    let order_entry = OrderEntryConfig {
        io,
        threads: config.order_entry.threads,
        idle: idle(config, plan),
        sessions_max: limits.sessions_max,
        address_unauthenticated_max: limits.address_unauthenticated_max,
        address_logons_per_second: limits.address_logons_per_second,
        limit_loopback: limits.limit_loopback,
        second_logon: match config.order_entry.second_logon {
            SecondLogonName::TakesOver => SecondLogon::TakesOver,
            SecondLogonName::IsRefused => SecondLogon::IsRefused,
        },
        key_rate: RateLimit { per_second: limits.key_tokens_per_s, burst: limits.key_tokens_max },
        address_rate: RateLimit { per_second: limits.address_tokens_per_s, burst: limits.address_tokens_max },
        ..OrderEntryConfig::new(listen, config.cluster()?, config.node_id())
    };
    let (inbox, serving) = (handles.inbox.clone(), handles.serving.clone());
    let ports = OrderEntryPorts { inbox, log: log.clone(), serving, known, stamps };
    let started = if plan == CorePlan::Fused && order_entry.threads == 1 {
        OrderEntry::start_on(&handles.waker, &order_entry, ports).map(|(server, stage)| (server, Some(stage)))
    } else {
        OrderEntry::start(order_entry, ports).map(|server| (server, None))
    };
    started.map_err(start_error("order entry"))
}

/// Starts the market-data feed, if the configuration has one.
pub(super) fn start_market_data(handles: &Handles<'_>, log: &EventLog) -> Result<Option<FeedRunner>, NodeError> {
    let Some(section) = &handles.config.market_data else { return Ok(None) };
    let multicast = section.multicast.as_ref().map(|multicast| MulticastConfig {
        group_a: multicast.group_a,
        group_b: multicast.group_b,
        group_snapshot: multicast.group_snapshot,
        interface_a: multicast.interface_a,
        interface_b: multicast.interface_b,
        ttl: multicast.ttl,
        snapshot_interval: Duration::from_millis(multicast.snapshot_interval_ms),
        snapshot_packets_per_second: multicast.snapshot_packets_per_second,
    });
    let config = FeedConfig {
        listen: section.listen,
        node: handles.config.node_id(),
        heartbeat: Duration::from_millis(section.heartbeat_ms),
        keep_messages: section.keep_messages,
        connections_max: section.connections_max,
        connections_per_ip_max: section.connections_per_ip_max,
        recovery_per_second: section.recovery_per_second,
        retransmit_max: section.retransmit_max,
        checkpoint: Some(handles.config.node.data_dir.join(MARKET_DATA_CHECKPOINT)),
        checkpoint_every_events: MARKET_DATA_CHECKPOINT_EVERY_EVENTS,
        multicast,
    };
    let (serving, on_fatal) = (handles.serving.clone(), Arc::clone(&handles.on_fatal));
    let ports = FeedPorts {
        log: log.clone(),
        leads: Box::new(move || matches!(serving.get(), Serving::Primary { .. })),
        on_fatal: Box::new(move |error| on_fatal("market data", error.into())),
    };
    FeedRunner::start(config, ports).map(Some).map_err(start_error("market_data"))
}

/// Opens the second door, where there is one.
pub(super) fn open_tls(config: &NodeConfig, order_entry: &OrderEntry) -> Result<Option<TlsDoor>, NodeError> {
    let Some(section) = &config.order_entry.tls else { return Ok(None) };
    tidegate_replicator::check_private_file(&section.private_key)
        .map_err(start_error("order_entry.tls.private_key"))?;
    let limits = &config.order_entry.limits;
    let tls = TlsConfig {
        listen: section.listen,
        certificates: section.certificates.clone(),
        private_key: section.private_key.clone(),
        handshake_timeout: HANDSHAKE_TIMEOUT,
        linger: TLS_LINGER,
        handshakes_max: HANDSHAKES_MAX,
        address_unauthenticated_max: limits.address_unauthenticated_max,
        // Each is for one logon.
        address_handshakes_per_second: limits.address_logons_per_second,
        limit_loopback: limits.limit_loopback,
    };
    TlsDoor::open(&tls, order_entry.door()).map(Some).map_err(start_error("order_entry.tls"))
}

pub(super) fn http_doors(config: &NodeConfig, runtime: &Runtime) -> Result<Option<HttpDoors>, NodeError> {
    let Some(section) = &config.http else { return Ok(None) };
    let open = |field, address| {
        runtime
            .block_on(tokio::net::TcpListener::bind(address))
            .map_err(|error| start_error(field)(format!("cannot listen on {address}: {error}; choose a free address")))
    };
    let public = open("http.listen", section.listen)?;
    let operator = section.operator_listen.map(|address| open("http.operator_listen", address)).transpose()?;
    Ok(Some(HttpDoors { public, operator }))
}

/// Looks after the disk's room. The next segment is asked for while most of the current one is free, so there is time to stop
/// in order.
pub(super) async fn watch_space(control: Arc<Control>, on_must_stop: OnMustStop) {
    while control.space() != SpaceState::Out {
        tokio::time::sleep(SPACE_LOOK).await;
    }
    on_must_stop(&format!(
        "no room for another log segment of {} MiB in {}: free some and start the node again",
        control.config.journal.segment_mib,
        control.config.node.data_dir.display()
    ));
}

/// Starts what lives on the runtime: the desk, the operator's socket, the link's news, HTTP. What ends HTTP comes back.
pub(super) fn start_tasks(
    runtime: &Runtime,
    control: &Arc<Control>,
    http: Option<HttpDoors>,
    mut link_news: mpsc::UnboundedReceiver<LinkEvent>,
    events_after: Option<(Sequence, u32)>,
) -> Result<watch::Sender<bool>, NodeError> {
    let (stop_http, http_stopped) = watch::channel(false);
    let (on_fatal, log, desk) = (Arc::clone(&control.on_fatal), control.log.clone(), control.desk.clone());
    runtime.spawn(async move {
        if let Err(error) = desk.run(log, events_after).await {
            on_fatal("the operator's desk", error);
        }
    });
    let socket = {
        let _inside = runtime.enter();
        admin::bind(&control.config.admin_socket()).map_err(start_error("the operator's socket"))?
    };
    runtime.spawn(admin::serve(socket, Arc::clone(control)));
    runtime.spawn(snapshots::run(Arc::clone(control)));
    let listens = Arc::clone(control);
    runtime.spawn(async move {
        while let Some(event) = link_news.recv().await {
            listens.on_link_event(event).await;
        }
    });
    if let Some(doors) = http {
        let (view, on_fatal) = (Arc::new(View(Arc::clone(control))), Arc::clone(&control.on_fatal));
        let log = control.log.clone();
        runtime.spawn(async move {
            if let Err(error) = tidegate_http::serve(doors, log, view, http_stopped).await {
                on_fatal("HTTP", error.into());
            }
        });
    }
    Ok(stop_http)
}
