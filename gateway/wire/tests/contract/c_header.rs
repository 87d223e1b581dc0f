//! Writes the C header: structs as they stand on the wire, with their layouts asserted, and every code with its name.

use std::fmt::Write as _;

use tidegate_wire::{
    CodeList, FRAME_LEN_MAX_BYTES, FieldLayout, PROTOCOL_VERSION, SCHEMA_ID, SCHEMA_VERSION, layout_tables,
    report_head_layout,
};

use crate::names::{plain, snake, upper};
use crate::{REPORT_TEMPLATES, code_lists, parse_type, unique_name};

const BEGIN: &str = r#"/* Tidegate's client protocol: made from the code by `UPDATE_PROTOCOL=1 cargo test -p tidegate-wire`.
 *
 * Every message is a frame of 16 bytes and a block. The structs below are blocks as they stand on the wire, naturally
 * aligned and without hidden padding, so a block is copied as it is. Members called padding_N must be zero. Wire and host are
 * little-endian. What each message is for, and the rules of a session, are in PROTOCOL.md. C99 and C++11.
 */
#ifndef TIDEGATE_H
#define TIDEGATE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tidegate.h needs a little-endian host"
#endif

#ifdef __cplusplus
#define TIDEGATE_ASSERT(name, condition) static_assert(condition, #name)
extern "C" {
#elif defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L
#define TIDEGATE_ASSERT(name, condition) _Static_assert(condition, #name)
#else
/* C99 has no static assertion: an array of a negative length does not compile. */
#define TIDEGATE_ASSERT(name, condition) typedef char tidegate_assert_##name[(condition) ? 1 : -1]
#endif
"#;

const FRAME: &str = r#"
/* What is before every block. */
struct tidegate_frame_header {
    uint32_t length; /* Bytes of the whole frame, these included. */
    uint16_t protocol_version;
    uint16_t flags;
    uint16_t block_length; /* length - 16, or less where a group follows the block. */
    uint16_t template_id;
    uint16_t schema_id;
    uint16_t schema_version;
};
TIDEGATE_ASSERT(frame_header_size, sizeof(struct tidegate_frame_header) == TIDEGATE_FRAME_HEADER_LENGTH);

/* An unsigned integer of 128 bits. */
struct tidegate_u128 {
    uint64_t low;
    uint64_t high;
};
TIDEGATE_ASSERT(u128_size, sizeof(struct tidegate_u128) == 16);

/* Dimensions of a repeating group: after the block, before the entries. */
struct tidegate_group_size {
    uint16_t entry_length; /* Bytes of one entry. */
    uint16_t count; /* How many entries follow. */
    uint32_t padding; /* Zero. */
};
TIDEGATE_ASSERT(group_size_size, sizeof(struct tidegate_group_size) == 8);
"#;

const FUNCTIONS: &str = r#"
/* Writes a frame around a block to `frame`, which has room for TIDEGATE_FRAME_HEADER_LENGTH + block_length bytes. `block`
 * may be NULL where block_length is 0. Returns the length of the frame. */
static inline size_t tidegate_encode(uint8_t *frame, uint16_t template_id, const void *block, uint16_t block_length) {
    struct tidegate_frame_header header;
    header.length = (uint32_t)TIDEGATE_FRAME_HEADER_LENGTH + block_length;
    header.protocol_version = TIDEGATE_PROTOCOL_VERSION;
    header.flags = 0;
    header.block_length = block_length;
    header.template_id = template_id;
    header.schema_id = TIDEGATE_SCHEMA_ID;
    header.schema_version = TIDEGATE_SCHEMA_VERSION;
    memcpy(frame, &header, sizeof header);
    if (block_length > 0) {
        memcpy(frame + sizeof header, block, block_length);
    }
    return header.length;
}

/* Writes a frame of a block and a group of `count` entries of `entry_length` bytes each to `frame`, which has room for
 * TIDEGATE_FRAME_LENGTH_MAX bytes. Returns the length of the frame, or 0 where it would be longer than that. */
static inline size_t tidegate_encode_group(uint8_t *frame, uint16_t template_id, const void *block,
                                           uint16_t block_length, const void *entries, uint16_t entry_length,
                                           uint16_t count) {
    struct tidegate_group_size size;
    const size_t start = TIDEGATE_FRAME_HEADER_LENGTH + (size_t)block_length;
    const size_t entries_length = (size_t)entry_length * count;
    uint32_t length;
    if (start + sizeof size + entries_length > TIDEGATE_FRAME_LENGTH_MAX) {
        return 0;
    }
    tidegate_encode(frame, template_id, block, block_length);
    size.entry_length = entry_length;
    size.count = count;
    size.padding = 0;
    memcpy(frame + start, &size, sizeof size);
    if (entries_length > 0) {
        memcpy(frame + start + sizeof size, entries, entries_length);
    }
    length = (uint32_t)(start + sizeof size + entries_length);
    memcpy(frame, &length, sizeof length);
    return length;
}

/* Looks at the first `length` bytes of a stream. Returns the length of the first frame and its header when all of it is
 * there, 0 when more bytes are needed, and -1 when these bytes are not a frame of this protocol. */
static inline int tidegate_frame(const uint8_t *bytes, size_t length, struct tidegate_frame_header *header) {
    uint32_t frame_length;
    if (length < sizeof frame_length) {
        return 0;
    }
    memcpy(&frame_length, bytes, sizeof frame_length);
    if (frame_length < TIDEGATE_FRAME_HEADER_LENGTH || frame_length > TIDEGATE_FRAME_LENGTH_MAX) {
        return -1;
    }
    if (length < frame_length) {
        return 0;
    }
    memcpy(header, bytes, sizeof *header);
    if (header->protocol_version != TIDEGATE_PROTOCOL_VERSION || header->flags != 0 ||
        header->block_length > header->length - TIDEGATE_FRAME_HEADER_LENGTH ||
        header->schema_id != TIDEGATE_SCHEMA_ID || header->schema_version < TIDEGATE_SCHEMA_VERSION) {
        return -1;
    }
    return (int)frame_length;
}

/* Copies the block of a whole frame into a struct of `size` bytes. A longer block is of a newer version, and what this
 * header does not know of it is left out; a shorter one is not the message: returns -1. */
static inline int tidegate_decode(const uint8_t *frame, void *block, size_t size) {
    struct tidegate_frame_header header;
    memcpy(&header, frame, sizeof header);
    if (header.block_length < size) {
        return -1;
    }
    memcpy(block, frame + sizeof header, size);
    return 0;
}

/* The bytes that a logon signs with Ed25519. */
static inline void tidegate_logon_bytes(const struct tidegate_challenge *challenge, uint32_t key,
                                        uint8_t bytes[TIDEGATE_LOGON_BYTES_LENGTH]) {
    memcpy(bytes, "tidegate-logon-v1", 17);
    memcpy(bytes + 17, &challenge->cluster, 16);
    memcpy(bytes + 33, &challenge->node, 4);
    memcpy(bytes + 37, challenge->nonce, 32);
    memcpy(bytes + 69, &key, 4);
}

#ifdef __cplusplus
}
#endif
#endif
"#;

/// The whole header.
pub(crate) fn header() -> String {
    let mut out = String::from(BEGIN);
    let constants = [
        ("PROTOCOL_VERSION", usize::from(PROTOCOL_VERSION)),
        ("SCHEMA_ID", usize::from(SCHEMA_ID)),
        ("SCHEMA_VERSION", usize::from(SCHEMA_VERSION)),
        ("FRAME_HEADER_LENGTH", tidegate_wire::FRAME_HEADER_LEN_BYTES),
        ("FRAME_LENGTH_MAX", FRAME_LEN_MAX_BYTES),
        ("LOGON_BYTES_LENGTH", 73),
        ("REPORT_TEMPLATE_FIRST", usize::from(*REPORT_TEMPLATES.start())),
        ("REPORT_TEMPLATE_LAST", usize::from(*REPORT_TEMPLATES.end())),
    ];
    out.push('\n');
    for (name, value) in constants {
        writeln!(out, "#define TIDEGATE_{name} {value}").unwrap();
    }
    out.push_str(FRAME);
    out.push_str("\n/* Template ids. */\nenum tidegate_template {\n");
    for message in layout_tables() {
        writeln!(out, "    TIDEGATE_TEMPLATE_{} = {},", upper(message.name), message.template).unwrap();
    }
    close_enum(&mut out);
    let templates = layout_tables();
    let templates = templates.iter().map(|message| (message.template, message.name.to_owned()));
    text_function(&mut out, "template", "name", "The name of", templates);
    for list in code_lists() {
        codes(&mut out, &list);
    }
    let head = report_head_layout();
    structure(&mut out, &snake(head.name), head.meaning, head.block_len_bytes, &head.fields);
    for message in layout_tables().iter().filter(|message| !message.fields.is_empty()) {
        structure(&mut out, &snake(message.name), message.meaning, message.block_len_bytes, &message.fields);
        if let Some(group) = &message.group {
            let name = format!("{}_{}", snake(message.name), group.name);
            let meaning = format!("One of at most {} in {}: {}", group.count_max, message.name, group.meaning);
            structure(&mut out, &name, &meaning, group.entry_len_bytes, &group.fields);
        }
    }
    out.push_str(FUNCTIONS);
    out
}

fn close_enum(out: &mut String) {
    // C99 allows a comma after the last one, but the older C++ does not need to know.
    out.truncate(out.trim_end_matches(",\n").len());
    out.push_str("\n};\n");
}

fn codes(out: &mut String, list: &CodeList) {
    let (name, prefix) = (snake(list.name), upper(list.name));
    write!(out, "\nenum tidegate_{name} {{\n").unwrap();
    for code in list.codes {
        writeln!(out, "    TIDEGATE_{prefix}_{} = {},", code.name.to_ascii_uppercase(), code.code).unwrap();
    }
    close_enum(out);
    let names = list.codes.iter().map(|code| (code.code, code.name.to_owned()));
    text_function(out, &name, "name", "The name of", names);
    if list.codes.iter().all(|code| !plain(code.sentence).is_empty()) {
        let sentences = list.codes.iter().map(|code| (code.code, plain(code.sentence)));
        text_function(out, &name, "sentence", "What it means:", sentences);
    }
}

fn text_function(out: &mut String, name: &str, what: &str, says: &str, texts: impl Iterator<Item = (u16, String)>) {
    write!(out, "\n/* {says} a {name} code; \"\" for one that is newer than this header. */\n").unwrap();
    write!(out, "static inline const char *tidegate_{name}_{what}(unsigned code) {{\n    switch (code) {{\n").unwrap();
    for (code, text) in texts {
        write!(out, "    case {code}:\n        return \"{}\";\n", text.replace('"', "\\\"")).unwrap();
    }
    out.push_str("    default:\n        return \"\";\n    }\n}\n");
}

fn structure(out: &mut String, name: &str, meaning: &str, len_bytes: usize, fields: &[FieldLayout]) {
    write!(out, "\n/* {meaning} */\nstruct tidegate_{name} {{\n").unwrap();
    for field in fields {
        writeln!(out, "    {} /* {}{} */", member(field), field.meaning, codes_of(field)).unwrap();
    }
    writeln!(out, "}};\nTIDEGATE_ASSERT({name}_size, sizeof(struct tidegate_{name}) == {len_bytes});").unwrap();
    for field in fields {
        let (member, offset) = (unique_name(field), field.offset);
        writeln!(out, "TIDEGATE_ASSERT({name}_{member}, offsetof(struct tidegate_{name}, {member}) == {offset});")
            .unwrap();
    }
}

fn member(field: &FieldLayout) -> String {
    let (primitive, count) = parse_type(field.type_name);
    let c_type = match primitive {
        "char" => "char".to_owned(),
        "u128" => "struct tidegate_u128".to_owned(),
        _ if primitive.starts_with('u') => format!("uint{}_t", &primitive[1..]),
        _ => format!("int{}_t", &primitive[1..]),
    };
    let count = count.map(|count| format!("[{count}]")).unwrap_or_default();
    format!("{c_type} {}{count};", unique_name(field))
}

fn codes_of(field: &FieldLayout) -> String {
    field.codes.map(|list| format!(" enum tidegate_{}.", snake(list.name))).unwrap_or_default()
}
