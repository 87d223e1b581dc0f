//! The published contract is what the code does: `schema/tidegate.xml`, `include/tidegate.h` and the tables of
//! `PROTOCOL.md` are written from the layout tables of `blocks.rs`, the examples from the fixtures, and compared here with
//! the committed files. A published layout never changes, so a difference is a broken client, not a stale file: only
//! additions are right. `UPDATE_PROTOCOL=1 cargo test -p tidegate-wire` writes them again; twice where the fixtures change.
#![allow(clippy::unwrap_used)]

mod c_header;
mod doc;
mod names;
mod tools;
mod xml;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use tidegate_wire::{CodeList, FieldLayout, MessageLayout, layout_tables, report_head_layout};

/// Templates of reports, and of nothing else.
const REPORT_TEMPLATES: RangeInclusive<u16> = 96..=127;

/// A file of this crate.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Every field of every message and of every group's entries.
fn all_fields() -> Vec<FieldLayout> {
    let in_groups = |message: &MessageLayout| message.group.clone().map(|group| group.fields).unwrap_or_default();
    layout_tables().iter().flat_map(|message| [message.fields.clone(), in_groups(message)].concat()).collect()
}

/// Every list of codes that a field uses, in the order of their names.
fn code_lists() -> Vec<CodeList> {
    let mut lists = all_fields();
    lists.sort_by_key(|field| field.codes.map(|list| list.name));
    lists.dedup_by_key(|field| field.codes.map(|list| list.name));
    lists.iter().filter_map(|field| field.codes).collect()
}

/// Whether a message begins with the report header.
fn is_report(message: &MessageLayout) -> bool {
    message.fields.starts_with(&report_head_layout().fields)
}

/// A type on the wire: its primitive, and how many of them.
fn parse_type(type_name: &str) -> (&str, Option<usize>) {
    match type_name.split_once('[') {
        Some((primitive, count)) => (primitive, Some(count.trim_end_matches(']').parse().unwrap())),
        None => (type_name, None),
    }
}

/// A field's name, which is unique in its message: each padding carries its offset.
fn unique_name(field: &FieldLayout) -> String {
    match field.name {
        "padding" => format!("padding_{}", field.offset),
        name => name.to_owned(),
    }
}

/// The example of each message: its name and the bytes of a whole frame.
fn examples() -> Vec<(String, Vec<u8>)> {
    let lines = std::fs::read_to_string(file("tests/fixtures/messages_v1.hex")).unwrap();
    let lines = lines.lines().map(|line| line.split_once(' ').unwrap());
    lines.map(|(name, bytes)| (name.to_owned(), hex::decode(bytes).unwrap())).collect()
}

/// Compares a committed file with what the code makes, or writes it.
fn check(name: &str, made: &str) {
    let path = file(name);
    if std::env::var_os("UPDATE_PROTOCOL").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == made, "{name} differs from the code: run with UPDATE_PROTOCOL=1 and read the diff");
}

#[test]
fn the_schema_is_what_the_code_does() {
    check("schema/tidegate.xml", &xml::schema());
}

#[test]
fn the_c_header_is_what_the_code_does() {
    check("include/tidegate.h", &c_header::header());
}

#[test]
fn the_protocol_document_has_the_tables_of_the_code() {
    let document = std::fs::read_to_string(file("PROTOCOL.md")).unwrap();
    let begin = document.find(doc::BEGIN).expect("PROTOCOL.md has the line where tables begin");
    check("PROTOCOL.md", &format!("{}{}", &document[..begin], doc::tables()));
}

/// Names that every tool can take over as they are: of at most 64 letters, digits and underscores, as SBE asks for.
#[test]
fn every_name_is_a_symbolic_name() {
    let is_symbolic = |name: &str| {
        let inner = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        inner && name.len() <= 64 && name.starts_with(|first: char| first.is_ascii_alphabetic())
    };
    for message in layout_tables() {
        assert!(is_symbolic(message.name), "{}", message.name);
    }
    for field in all_fields() {
        assert!(is_symbolic(&unique_name(&field)), "{}", field.name);
    }
    for code in code_lists().iter().flat_map(|list| list.codes) {
        assert!(is_symbolic(code.name), "{}", code.name);
    }
}

#[test]
fn no_template_code_or_name_is_used_twice() {
    let tables = layout_tables();
    assert!(tables.windows(2).all(|pair| pair[0].template < pair[1].template), "templates ascend");
    let names: BTreeSet<_> = tables.iter().map(|message| message.name).collect();
    assert_eq!(names.len(), tables.len());
    for message in &tables {
        assert_eq!(is_report(message), REPORT_TEMPLATES.contains(&message.template), "{}", message.name);
        let fields: BTreeSet<_> = message.fields.iter().map(unique_name).collect();
        assert_eq!(fields.len(), message.fields.len(), "{}", message.name);
    }
    for list in code_lists() {
        assert!(list.codes.windows(2).all(|pair| pair[0].code < pair[1].code), "{}", list.name);
        let names: BTreeSet<_> = list.codes.iter().map(|code| code.name).collect();
        assert_eq!(names.len(), list.codes.len(), "{}", list.name);
    }
}
