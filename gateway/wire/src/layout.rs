//! The one macro that declares a message: its struct, its codec, the proof of its layout and its row in the tables.
//!
//! Invariants: fields follow each other without a hidden gap, each at a multiple of its alignment, and a block is a
//! multiple of 8 bytes; all of it checked by the compiler. Owning thread: none.

use crate::field::FieldError;

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Clients.
    Client,
    /// The gateway.
    Server,
    /// Both.
    Both,
}

/// One code of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// Its number on the wire.
    pub code: u16,
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub sentence: &'static str,
}

/// The codes that a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeList {
    /// Name of the list, as a type.
    pub name: &'static str,
    /// Every code, in ascending order.
    pub codes: &'static [Code],
}

/// One field in the layout tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldLayout {
    /// From the start of the block; the block starts at byte 16 of the frame.
    pub offset: usize,
    /// Bytes that it takes.
    pub len_bytes: usize,
    /// Its name.
    pub name: &'static str,
    /// Its type on the wire.
    pub type_name: &'static str,
    /// What it allows; empty where every value is allowed.
    pub allowed: &'static str,
    /// The codes that it may hold, where it is one of a list.
    pub codes: Option<CodeList>,
    /// What it means.
    pub meaning: &'static str,
}

/// One message in the layout tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageLayout {
    /// Its template id.
    pub template: u16,
    /// Its name.
    pub name: &'static str,
    /// Who sends it.
    pub origin: Origin,
    /// What it is for.
    pub meaning: &'static str,
    /// Length of its block.
    pub block_len_bytes: usize,
    /// Its fields, in the order of their offsets.
    pub fields: Vec<FieldLayout>,
    /// What repeats after the block, if anything does.
    pub group: Option<GroupLayout>,
}

/// A repeating group in the layout tables: its dimensions, then the entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupLayout {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub meaning: &'static str,
    /// Most entries that a frame holds.
    pub count_max: usize,
    /// Length of an entry.
    pub entry_len_bytes: usize,
    /// The fields of the dimensions, from their start.
    pub dimensions: Vec<FieldLayout>,
    /// The fields of an entry, from its start.
    pub fields: Vec<FieldLayout>,
}

/// A declared block: fixed bytes after the frame header.
pub(crate) trait Block: Sized {
    const TEMPLATE: u16;
    const NAME: &'static str;
    const LEN: usize;

    /// Writes the fields to `block`, which is at least `LEN` long.
    fn put(&self, block: &mut [u8]);
    /// Reads the fields from the front of `block`; what is after them belongs to a newer version and is ignored.
    fn get(block: &[u8]) -> Result<Self, FieldError>;
    /// Its row in the tables.
    fn layout() -> MessageLayout;
}

/// Name of the field in the error of a block that is too short.
pub(crate) const BLOCK_LENGTH_FIELD: &str = "block_length";

/// Declares a block. `start` is where its own fields begin: after the report header, or 0.
macro_rules! message {
    ($name:ident $wire_name:literal = $template:literal, $origin:ident, start $start:literal, block $len:literal, $meaning:literal {
        $($offset:literal $field:ident: $ty:ty = $text:literal,)*
    }) => {
        #[doc = $meaning]
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) struct $name {
            $(#[doc = $text] pub(crate) $field: $ty,)*
        }

        const _: () = {
            let end: usize = $start;
            $(
                assert!(end == $offset, "fields must follow each other without a gap");
                assert!(usize::is_multiple_of($offset, <$ty as Field>::ALIGN), "a field must be naturally aligned");
                let end = $offset + <$ty as Field>::LEN;
            )*
            assert!(end == $len, "the block ends where its last field ends");
            assert!($len % 8 == 0, "a block is a multiple of 8 bytes");
            assert!($len + crate::FRAME_HEADER_LEN_BYTES <= crate::FRAME_LEN_MAX_BYTES);
        };

        impl Block for $name {
            const TEMPLATE: u16 = $template;
            const NAME: &'static str = $wire_name;
            const LEN: usize = $len;

            fn put(&self, block: &mut [u8]) {
                let block: &mut [u8; $len] = block.first_chunk_mut().expect("the caller makes room for LEN bytes");
                let _ = &block;
                $(self.$field.put(&mut block[$offset..$offset + <$ty as Field>::LEN]);)*
            }

            fn get(block: &[u8]) -> Result<Self, FieldError> {
                let block: &[u8; $len] = block.first_chunk().ok_or(FieldError {
                    message: Self::NAME,
                    field: BLOCK_LENGTH_FIELD,
                    value: block.len() as u64,
                    allowed: concat!("at least ", $len),
                    limit: $len,
                })?;
                let _ = block;
                Ok(Self {
                    $($field: <$ty as Field>::get(&block[$offset..$offset + <$ty as Field>::LEN]).map_err(|value| {
                        FieldError {
                            message: Self::NAME,
                            field: stringify!($field),
                            value,
                            allowed: <$ty as Field>::ALLOWED,
                            limit: 0,
                        }
                    })?,)*
                })
            }

            fn layout() -> MessageLayout {
                MessageLayout {
                    template: $template,
                    name: Self::NAME,
                    origin: Origin::$origin,
                    meaning: $meaning,
                    block_len_bytes: $len,
                    fields: vec![$(FieldLayout {
                        offset: $offset,
                        len_bytes: <$ty as Field>::LEN,
                        name: stringify!($field),
                        type_name: <$ty as Field>::TYPE,
                        allowed: <$ty as Field>::ALLOWED,
                        codes: <$ty as Field>::CODES,
                        meaning: $text,
                    },)*],
                    group: None,
                }
            }
        }
    };
}
pub(crate) use message;
