//! Writes the schema: FIX Simple Binary Encoding 1.0, as its official tool reads it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tidegate_wire::{CodeList, FieldLayout, MessageLayout, Origin, SCHEMA_ID, SCHEMA_VERSION, layout_tables};

use crate::names::plain;
use crate::{all_fields, code_lists, parse_type, unique_name};

const HEAD: &str = r#"    <composite name="frameHeader" description="Before the message header: where a frame ends, and how it is framed.">
      <type name="length" primitiveType="uint32" description="Bytes of the whole frame, these included."/>
      <type name="protocol_version" primitiveType="uint16" description="1."/>
      <type name="flags" primitiveType="uint16" description="0."/>
    </composite>
    <composite name="messageHeader" description="Bytes 8 to 15 of a frame; the block follows.">
      <type name="blockLength" primitiveType="uint16"/>
      <type name="templateId" primitiveType="uint16"/>
      <type name="schemaId" primitiveType="uint16"/>
      <type name="version" primitiveType="uint16"/>
    </composite>
    <composite name="u128" description="An unsigned integer of 128 bits, its lower half first.">
      <type name="low" primitiveType="uint64"/>
      <type name="high" primitiveType="uint64"/>
    </composite>
    <composite name="groupSizeEncoding" description="Before the entries of a repeating group.">
      <type name="blockLength" primitiveType="uint16" description="Bytes of one entry."/>
      <type name="numInGroup" primitiveType="uint16" description="How many entries follow."/>
      <type name="padding" primitiveType="uint32" description="Zero: entries stay aligned to 8 bytes."/>
    </composite>
"#;

/// The whole schema.
pub(crate) fn schema() -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>\n");
    out.push_str(
        "<!-- The published contract of Tidegate's client protocol, made from the code by\n     `UPDATE_PROTOCOL=1 cargo test -p tidegate-wire`. Numbers are never reused, blocks only grow at their end. What each\n     message is for, and the rules of a session, are in PROTOCOL.md. -->\n",
    );
    write!(
        out,
        "<sbe:messageSchema xmlns:sbe=\"http://fixprotocol.io/2016/sbe\" package=\"tidegate\" id=\"{SCHEMA_ID}\" \
         version=\"{SCHEMA_VERSION}\"\n    semanticVersion=\"{SCHEMA_VERSION}\" description=\"Tidegate client protocol\" \
         byteOrder=\"littleEndian\" headerType=\"messageHeader\">\n  <types>\n{HEAD}",
    )
    .unwrap();
    types(&mut out);
    for list in code_lists() {
        enumeration(&mut out, &list);
    }
    out.push_str("  </types>\n");
    for layout in layout_tables() {
        message(&mut out, &layout);
    }
    out.push_str("</sbe:messageSchema>\n");
    out
}

/// Every plain type that a field uses, once.
fn types(out: &mut String) {
    let mut used = BTreeMap::new();
    for field in all_fields().iter().filter(|field| field.codes.is_none()) {
        used.insert(type_name(field), field.type_name);
    }
    for (name, type_name) in used {
        let (primitive, count) = parse_type(type_name);
        let primitive = match primitive {
            "u8" => "uint8",
            "u16" => "uint16",
            "u32" => "uint32",
            "u64" => "uint64",
            "i32" => "int32",
            "i64" => "int64",
            "char" => "char",
            "u128" => continue,
            other => panic!("no SBE type for {other}"),
        };
        let length = count.map(|count| format!(" length=\"{count}\"")).unwrap_or_default();
        let characters = if primitive == "char" { " characterEncoding=\"US-ASCII\"" } else { "" };
        writeln!(out, "    <type name=\"{name}\" primitiveType=\"{primitive}\"{length}{characters}/>").unwrap();
    }
}

/// Name of a field's type in the schema: an enum's, or as in the document with the count behind a line.
fn type_name(field: &FieldLayout) -> String {
    match field.codes {
        Some(list) => list.name.to_owned(),
        None => field.type_name.replace('[', "_").replace(']', ""),
    }
}

fn enumeration(out: &mut String, list: &CodeList) {
    let field = all_fields().into_iter().find(|field| field.codes == Some(*list)).unwrap();
    let primitive = if field.len_bytes == 1 { "uint8" } else { "uint16" };
    writeln!(out, "    <enum name=\"{}\" encodingType=\"{primitive}\">", list.name).unwrap();
    for code in list.codes {
        let (name, sentence) = (code.name.to_ascii_uppercase(), plain(code.sentence));
        let description =
            if sentence.is_empty() { sentence } else { format!(" description=\"{}\"", escape(&sentence)) };
        writeln!(out, "      <validValue name=\"{name}\"{description}>{}</validValue>", code.code).unwrap();
    }
    out.push_str("    </enum>\n");
}

fn message(out: &mut String, layout: &MessageLayout) {
    let sender = match layout.origin {
        Origin::Client => "Sent by clients.",
        Origin::Server => "Sent by the gateway.",
        Origin::Both => "Sent by both.",
    };
    writeln!(
        out,
        "  <sbe:message name=\"{}\" id=\"{}\" blockLength=\"{}\" description=\"{} {sender}\">",
        layout.name,
        layout.template,
        layout.block_len_bytes,
        escape(layout.meaning)
    )
    .unwrap();
    fields(out, "    ", 1, &layout.fields);
    if let Some(group) = &layout.group {
        let dimensions: Vec<_> = group.dimensions.iter().map(|field| (field.offset, field.len_bytes)).collect();
        assert_eq!(dimensions, [(0, 2), (2, 2), (4, 4)], "the dimensions are groupSizeEncoding");
        let id = layout.fields.len() + 1;
        writeln!(
            out,
            "    <group name=\"{}\" id=\"{id}\" dimensionType=\"groupSizeEncoding\" blockLength=\"{}\" description=\"{} \
             At most {}.\">",
            group.name,
            group.entry_len_bytes,
            escape(group.meaning),
            group.count_max
        )
        .unwrap();
        fields(out, "      ", id + 1, &group.fields);
        out.push_str("    </group>\n");
    }
    out.push_str("  </sbe:message>\n");
}

fn fields(out: &mut String, indent: &str, first_id: usize, fields: &[FieldLayout]) {
    for (id, field) in (first_id..).zip(fields) {
        let (name, kind, offset) = (unique_name(field), type_name(field), field.offset);
        let meaning = escape(field.meaning);
        writeln!(
            out,
            "{indent}<field name=\"{name}\" id=\"{id}\" type=\"{kind}\" offset=\"{offset}\" description=\"{meaning}\"/>"
        )
        .unwrap();
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
