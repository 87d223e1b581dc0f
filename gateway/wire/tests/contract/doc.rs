//! Writes the tables of `PROTOCOL.md`: every message with its offsets and the bytes of a worked example, every code.

use std::fmt::Write as _;

use ed25519_dalek::{Signer as _, SigningKey};
use tidegate_domain::KeyId;
use tidegate_wire::{
    FRAME_HEADER_LEN_BYTES, FieldLayout, MessageLayout, Origin, ServerMessage, decode_server, layout_tables,
    logon_bytes, report_head_layout,
};

use crate::names::plain;
use crate::{code_lists, examples, is_report};

/// The line after which everything is made from the code.
pub(crate) const BEGIN: &str =
    "<!-- tables: made from the code by `UPDATE_PROTOCOL=1 cargo test -p tidegate-wire` -->\n";

/// Everything from [`BEGIN`] on.
pub(crate) fn tables() -> String {
    let (mut out, examples) = (String::from(BEGIN), examples());
    let head = report_head_layout();
    let example = |message: &MessageLayout| {
        let found = examples.iter().find(|(name, _)| *name == message.name);
        found.unwrap_or_else(|| panic!("{} has no example in the fixtures", message.name)).1.clone()
    };
    let first_report = layout_tables().into_iter().find(is_report).unwrap();
    write!(out, "\n### Report header\n\n{} The example is that of {}.\n", head.meaning, first_report.name).unwrap();
    fields(&mut out, &head.fields, &example(&first_report)[FRAME_HEADER_LEN_BYTES..]);
    for message in layout_tables() {
        let origin = match message.origin {
            Origin::Client => "client",
            Origin::Server => "gateway",
            Origin::Both => "client and gateway",
        };
        let (name, template, len, frame) = (message.name, message.template, message.block_len_bytes, example(&message));
        write!(out, "\n### {name}\n\nTemplate {template}, block {len} bytes, sent by {origin}. {}", message.meaning)
            .unwrap();
        let own = if is_report(&message) {
            out.push_str(" Begins with the report header.");
            &message.fields[head.fields.len()..]
        } else {
            &message.fields[..]
        };
        write!(out, "\nFrame header of the example: `{}`.\n", grouped(&frame[..FRAME_HEADER_LEN_BYTES])).unwrap();
        fields(&mut out, own, &frame[FRAME_HEADER_LEN_BYTES..]);
        if let Some(group) = &message.group {
            let (name, len, max, meaning) = (group.name, group.entry_len_bytes, group.count_max, group.meaning);
            let sizes = &frame[FRAME_HEADER_LEN_BYTES + message.block_len_bytes..];
            write!(out, "\nAfter the block comes the group `{name}`. {meaning} First its dimensions:\n").unwrap();
            fields(&mut out, &group.dimensions, sizes);
            write!(out, "\nThen its entries of {len} bytes, at most {max}; the example is of the first:\n").unwrap();
            let dimensions_len: usize = group.dimensions.iter().map(|field| field.len_bytes).sum();
            fields(&mut out, &group.fields, &sizes[dimensions_len..]);
        }
    }
    logon(&mut out, &examples);
    out.push_str("\n## Codes\n");
    for list in code_lists().iter().filter(|list| !["Bool", "RejectOrNone", "SideOrBoth"].contains(&list.name)) {
        write!(out, "\n### {}\n\n| Code | Name | Meaning |\n| ---: | --- | --- |\n", list.name).unwrap();
        for code in list.codes {
            writeln!(out, "| {} | `{}` | {} |", code.code, code.name, plain(code.sentence)).unwrap();
        }
    }
    out
}

/// A signature that a client can check its own against.
fn logon(out: &mut String, examples: &[(String, Vec<u8>)]) {
    let secret: [u8; 32] = std::array::from_fn(|at| at as u8 + 1);
    let key = SigningKey::from_bytes(&secret);
    let challenge = &examples.iter().find(|(name, _)| name == "Challenge").expect("there is a challenge").1;
    let ServerMessage::Challenge { nonce, cluster, node, .. } = decode_server(challenge).unwrap() else {
        panic!("the example of Challenge is one")
    };
    let signed = logon_bytes(cluster, node, &nonce, KeyId::new(3));
    let signature = key.sign(&signed).to_bytes();
    let lines = [
        ("private key", hex::encode(secret)),
        ("public key", hex::encode(key.verifying_key().as_bytes())),
        ("key id", "3".to_owned()),
        ("bytes to sign", hex::encode(&signed)),
        ("signature", hex::encode(signature)),
    ];
    out.push_str("\n## A logon\n\nWhat answers the `Challenge` of the example above with this key:\n\n```text\n");
    for (name, value) in lines {
        writeln!(out, "{name:<14} {value}").unwrap();
    }
    out.push_str("```\n");
}

/// A table of fields, with what they hold in the bytes of an example.
fn fields(out: &mut String, fields: &[FieldLayout], bytes: &[u8]) {
    if fields.is_empty() {
        return;
    }
    out.push_str("\n| Offset | Bytes | Field | Type | Allowed | Example | Meaning |\n");
    out.push_str("| ---: | ---: | --- | --- | --- | --- | --- |\n");
    for field in fields {
        let (offset, len, meaning) = (field.offset, field.len_bytes, field.meaning);
        let allowed = match field.codes {
            Some(list) if list.codes.len() > 6 && list.name != "RejectOrNone" => format!("a {} code", list.name),
            _ => field.allowed.to_owned(),
        };
        let (name, kind, example) = (field.name, field.type_name, shortened(&bytes[offset..offset + len]));
        writeln!(out, "| {offset} | {len} | `{name}` | {kind} | {allowed} | `{example}` | {meaning} |").unwrap();
    }
}

/// Bytes in hexadecimal, long ones without their middle: the fixtures have all of them.
fn shortened(bytes: &[u8]) -> String {
    match bytes.len() {
        0..=16 => hex::encode(bytes),
        len => format!("{}…{}", hex::encode(&bytes[..8]), hex::encode(&bytes[len - 4..])),
    }
}

/// A frame header with a space between its fields.
fn grouped(header: &[u8]) -> String {
    let fields = [0..4, 4..6, 6..8, 8..10, 10..12, 12..14, 14..16];
    fields.map(|range| hex::encode(&header[range])).join(" ")
}
