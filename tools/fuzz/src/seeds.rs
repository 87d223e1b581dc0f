//! The seed corpus, from the fixtures of the formats, the configurations that are shipped, and scripts made from seeds.
//!
//! `cargo run -p tidegate-fuzz --bin make-corpus` writes it; a test says when a file of it is missing.

use tidegate_domain::{ClusterId, Command, CommandHeader, CommandRecord, Digest, Epoch, MarketId, NodeId, Sequence};
use tidegate_wire::decode_client;
use tidegate_wire::feed::{FeedServer, FeedService, PacketBuilder};

use crate::link_message::{
    Ack, Frame, Heartbeat, Hello, LinkRole, Message, NodeState, PROTOCOL_VERSION, Refusal, RefusalCode, Welcome, encode,
};

const RECORDS: &str = include_str!("../../../engine/domain/tests/fixtures/records-v1.txt");
const SNAPSHOT: &str = include_str!("../../../journal/tests/fixtures/snapshot-v1.hex");
const MESSAGES: &str = include_str!("../../../gateway/wire/tests/fixtures/messages_v1.hex");
const CONFIGS: [(&str, &str); 3] = [
    ("single", include_str!("../../../deploy/config/single.toml")),
    ("primary", include_str!("../../../deploy/config/primary.toml")),
    ("standby", include_str!("../../../deploy/config/standby.toml")),
];

/// Name and bytes of every seed of a target.
#[must_use]
pub fn of(target: &str) -> Vec<(String, Vec<u8>)> {
    match target {
        "engine_apply" => (0..14).map(|seed| (format!("script-{seed}"), script(seed, false))).collect(),
        "engine_patched" => (0..14).map(|seed| (format!("script-{seed}"), script(seed, true))).collect(),
        "command_record" => fixture(RECORDS).filter(|(_, bytes)| as_command(bytes)).collect(),
        "event_record" => fixture(RECORDS).filter(|(_, bytes)| !as_command(bytes)).collect(),
        // The first byte says where the stream is cut.
        "wire_client" => fixture(MESSAGES).take_while(|(name, _)| !is_first_of_gateway(name)).map(cut_at_20).collect(),
        "wire_server" => fixture(MESSAGES)
            .skip_while(|(name, _)| !is_first_of_gateway(name))
            .filter(|(name, _)| !is_feed(name))
            .map(cut_at_20)
            .collect(),
        "decimal" => ["0", "12.5", "0.00000001", "1000000000000000000000000", "1.", ".5", "12,5"]
            .iter()
            .map(|text| ((*text).replace(',', "-comma-"), [&[8], text.as_bytes()].concat()))
            .collect(),
        "replication" => links(),
        "journal" | "event_log" => logs(),
        "config" => CONFIGS.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect(),
        "snapshot_file" => snapshots(),
        "feed_server" => feed_frames(|template| template >= 140),
        "feed_request" => feed_frames(|template| (129..140).contains(&template)),
        "feed_packet" => feed_packets(),
        "feed_client" => feed_scripts(),
        "session" => sessions(),
        other => panic!("there is no target {other}"),
    }
}

/// Scripts of sessions that log on, replay, say one message, have an answer and go on: see `tidegate_order_entry::fuzzing`.
fn sessions() -> Vec<(String, Vec<u8>)> {
    const LOG_ON: [&[u8]; 4] = [&[3, 0, 4], &[7, 1], &[9, 1], &[14, 7, 14, 7, 12, 13]];
    const GO_ON: [&[u8]; 3] = [&[9, 1, 12, 13], &[6, 50, 50, 12, 13], &[9, 1, 14, 7, 12, 13]];
    let messages = fixture(MESSAGES).filter(|(_, bytes)| decode_client(bytes).is_ok() && bytes.len() < 256);
    let mut scripts: Vec<_> = messages
        .map(|(name, bytes)| {
            let say = [&[0, bytes.len() as u8], &bytes[..]].concat();
            (name, [&[0], &LOG_ON.concat()[..], &say, &say, &GO_ON.concat()].concat())
        })
        .collect();
    let ends: [(&str, &[u8]); 7] = [
        ("drop-copy", &[3, 2, 0, 7, 1, 14, 7, 14, 7, 12, 13, 6, 50, 50, 12]),
        ("from-the-future", &[3, 0, 99, 7, 1, 9, 1, 12]),
        ("bad-signature", &[3, 0, 0, 7, 0, 12]),
        ("unknown-key", &[3, 1, 0, 8, 12]),
        ("newest-reports-only", &[3, 64, 0, 7, 1, 9, 1, 12, 13, 14, 7, 12]),
        ("taken-over", &[3, 0, 9, 7, 1, 9, 1, 12, 13, 19, 0, 12]),
        ("no-longer-primary", &[3, 0, 9, 7, 1, 9, 1, 12, 13, 15, 1, 12]),
    ];
    scripts.extend(ends.map(|(name, script)| (name.to_owned(), [&[3], script].concat())));
    scripts
}

fn as_command(bytes: &[u8]) -> bool {
    <[u8; 128]>::try_from(bytes).is_ok_and(|bytes| CommandRecord::from_bytes(bytes).decode().is_ok())
}

/// The fixture has what clients say, then what the gateway says.
fn is_first_of_gateway(name: &str) -> bool {
    name.ends_with("-Challenge")
}

fn cut_at_20((name, message): (String, Vec<u8>)) -> (String, Vec<u8>) {
    (name, [vec![20], message].concat())
}

/// Lines of a name and hexadecimal digits; names may come twice.
fn fixture(text: &str) -> impl Iterator<Item = (String, Vec<u8>)> {
    text.lines().enumerate().map(|(number, line)| {
        let (name, digits) = line.split_once(' ').expect("a fixture has a name and digits in every line");
        (format!("{number:02}-{name}"), hex::decode(digits.trim()).expect("a fixture has hexadecimal digits"))
    })
}

/// Whether a fixture's name, after its number, is that of a message of the feed.
fn is_feed(name: &str) -> bool {
    name.split_once('-').is_some_and(|(_, name)| name.starts_with("Feed"))
}

/// Name and frame of the feed's messages whose template is as wanted.
fn feed_frames(wanted: impl Fn(u16) -> bool) -> Vec<(String, Vec<u8>)> {
    let named = |(name, bytes): (String, Vec<u8>)| Some((name.split_once('-')?.1.to_owned(), bytes));
    let frames = fixture(MESSAGES).filter(|(name, _)| is_feed(name)).filter_map(named);
    frames.filter(|(_, frame)| wanted(u16::from_le_bytes([frame[10], frame[11]]))).collect()
}

/// A heartbeat, and a datagram around each message that goes into one.
fn feed_packets() -> Vec<(String, Vec<u8>)> {
    let mut packets = feed_frames(|template| template == 128);
    for (name, frame) in feed_frames(|template| template >= 160) {
        let Ok(Some(split)) = tidegate_wire::split_frame(&frame) else { continue };
        let mut packet = Vec::new();
        let mut send = |bytes: &[u8]| packet.extend_from_slice(bytes);
        let (service, channel, number, market) = match tidegate_wire::feed::decode_feed(&split) {
            Ok(FeedServer::Message(message)) => {
                (FeedService::Increments, message.head.channel, message.head.number, MarketId::new(0))
            }
            Ok(FeedServer::Snapshot(piece)) => {
                (FeedService::Snapshot, piece.head.channel, piece.head.number, piece.head.market)
            }
            _ => continue,
        };
        let mut builder = PacketBuilder::new(7, service);
        builder.push(channel, number, market, &frame, &mut send);
        builder.finish(&mut send);
        packets.push((name, packet));
    }
    packets
}

/// Scripts of everything that can come, made from seeds.
fn feed_scripts() -> Vec<(String, Vec<u8>)> {
    let script = |seed: u8| {
        let mut state = u32::from(seed) * 2_654_435 + 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..600).map(|_| next()).collect()
    };
    (0..12).map(|seed| (format!("script-{seed}"), script(seed))).collect()
}

fn script(seed: u8, patched: bool) -> Vec<u8> {
    let mut bytes = vec![seed];
    for step in 0..60_u32 {
        bytes.push(0);
        bytes.extend_from_slice(&(step * 256 + u32::from(seed)).to_le_bytes());
        if patched {
            // Every other command changes in one byte.
            let change = (step % 2) as u8;
            bytes.push(change);
            if change == 1 {
                bytes.extend_from_slice(&[(16 + step * 7 % 112) as u8, (step * 37 + u32::from(seed)) as u8]);
            }
        }
    }
    bytes
}

fn links() -> Vec<(String, Vec<u8>)> {
    let order_entry = "127.0.0.1:7000".parse().expect("it is an address");
    let six = "[::1]:7000".parse().expect("it is an address");
    let (epoch, last) = (Epoch::new(3), Sequence::new(9));
    let state = |role, order_entry| NodeState {
        protocol: PROTOCOL_VERSION,
        cluster: ClusterId::new(7),
        node: NodeId::new(2),
        epoch,
        role,
        last,
        order_entry,
    };
    let record = |sequence| {
        let header = CommandHeader { sequence: Sequence::new(sequence), epoch, ..CommandHeader::default() };
        CommandRecord::encode(&header, &Command::Tick)
    };
    let digest = Some((last, Digest(7)));
    let frame = Frame { epoch, first: Sequence::new(10), commit: last, records: vec![record(10), record(11)] };
    let ack = Ack { epoch, received_through: last, synced_through: last, applied_through: last, digest: None };
    let text = "diverged: copy the folder".to_owned();
    let all = [
        Message::Probe(state(LinkRole::Leader, order_entry)),
        Message::State(state(LinkRole::Idle, six)),
        Message::Hello(Hello { state: state(LinkRole::Standby, order_entry), last_crc32c: 77 }),
        Message::Welcome(Welcome { epoch, order_entry, through: last }),
        Message::Refused(Refusal { code: RefusalCode::Diverged, epoch, text }),
        Message::Frame(frame),
        Message::Heartbeat(Heartbeat { epoch, commit: last, digest }),
        Message::Heartbeat(Heartbeat { epoch, commit: last, digest: None }),
        Message::Ack(Ack { digest, ..ack }),
        Message::Ack(ack),
    ];
    let seed = |(number, message): (usize, &Message)| {
        let mut bytes = Vec::new();
        encode(message, &mut bytes);
        (format!("{number:02}-{}", message.name()), bytes)
    };
    all.iter().enumerate().map(seed).collect()
}

fn logs() -> Vec<(String, Vec<u8>)> {
    // Flags, count, and nothing wrong: 384 bytes each.
    let right = [3, 2, 0].repeat(4);
    let with = |damage: &[u8]| [&[0, 4], right.as_slice(), damage].concat();
    let mut seeds = vec![
        ("whole".to_owned(), with(&[])),
        ("whole-direct".to_owned(), [&[1, 4], right.as_slice()].concat()),
        ("torn-header".to_owned(), with(&[0x84, 0x04, 0xff])),
        ("torn-records".to_owned(), with(&[0xf0, 0x05, 0xff])),
        ("damage-inside".to_owned(), with(&[0x90, 0x01, 1])),
        ("empty".to_owned(), vec![0]),
    ];
    for wrong in 1..=14_u8 {
        let value = (u64::from(wrong) * 3).to_le_bytes();
        let bad = [&[3, 1, wrong], value.as_slice()].concat();
        // Only a direct writer pads.
        let head = [u8::from(wrong == 14), 6];
        seeds.push((format!("wrong-{wrong:02}"), [&head, right.as_slice(), &bad, &[3, 1, 0]].concat()));
    }
    // A direct batch in a mapped segment: once the walk looked at it again for ever.
    let direct = [&[0, 2, 3, 1, 0, 3, 1, 12, 1], [0; 7].as_slice()].concat();
    seeds.push(("other-writer".to_owned(), direct));
    // A commit mark without its magic, a batch of cluster 18 with a damaged record, and where there are two one of ours.
    let foreign = [&[0, 0, 0, 0, 1, 6, 18], [0; 7].as_slice()].concat();
    let (mark_damage, first_damage, second_damage) = ([0, 0, 1], [0x08, 0x01, 1], [0x08, 0x02, 1]);
    seeds.push((
        "foreign-behind-damage".to_owned(),
        [&[0, 2], foreign.as_slice(), &mark_damage, &first_damage].concat(),
    ));
    seeds.push((
        "two-clusters-behind-damage".to_owned(),
        [&[0, 3], foreign.as_slice(), &[0, 1, 0], &mark_damage, &first_damage, &second_damage].concat(),
    ));
    seeds
}

fn snapshots() -> Vec<(String, Vec<u8>)> {
    let file = hex::decode(SNAPSHOT.split_whitespace().collect::<String>()).expect("a fixture has hexadecimal digits");
    // The header and the head of the only chunk before it, the trailer after it.
    let payload = file[160..file.len() - 64].to_vec();
    let lie = [[2].as_slice(), &u64::MAX.to_le_bytes(), &payload].concat();
    vec![
        ("file".to_owned(), [vec![0], file].concat()),
        ("payload".to_owned(), [vec![1], payload].concat()),
        ("lie".to_owned(), lie),
        ("empty".to_owned(), vec![1]),
    ]
}
