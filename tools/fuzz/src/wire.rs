//! The client protocol, both directions, and decimals.

use std::fmt::Debug;

use tidegate_wire::{
    DecodeError, Frame, FrameReader, decode_client, decode_server, encode_client, encode_server, format_decimal,
    parse_decimal,
};

/// What a client sends.
///
/// # Panics
/// When a message does not come back from its encoding, or depends on where the stream was cut.
pub fn wire_client(data: &[u8]) {
    both_ways(data, |frame| frame.client_message(), encode_client, decode_client);
    if let Err(error) = decode_client(data) {
        assert!(!error.to_string().is_empty());
        if let Some(refusal) = error.refusal() {
            let mut bytes = Vec::new();
            encode_server(&refusal, &mut bytes);
            assert_eq!(decode_server(&bytes), Ok(refusal));
        }
    }
}

/// What a gateway sends.
///
/// # Panics
/// As [`wire_client`].
pub fn wire_server(data: &[u8]) {
    both_ways(data, |frame| frame.server_message(), encode_server, decode_server);
    if let Err(error) = decode_server(data) {
        assert!(!error.to_string().is_empty());
        assert_eq!(error.refusal(), None);
    }
}

type Messages<M> = Vec<Result<M, DecodeError>>;

/// The first byte says where the stream is cut in two.
fn both_ways<M: PartialEq + Debug>(
    data: &[u8],
    decode: impl Fn(&Frame<'_>) -> Result<M, DecodeError> + Copy,
    encode: impl Fn(&M, &mut Vec<u8>),
    decode_one: impl Fn(&[u8]) -> Result<M, DecodeError>,
) {
    let Some((cut, stream)) = data.split_first() else { return };
    let cut = usize::from(*cut).min(stream.len());
    let whole = messages(&[stream], decode);
    assert_eq!(whole, messages(&[&stream[..cut], &stream[cut..]], decode), "cut at {cut}");
    for message in whole.into_iter().flatten() {
        let mut bytes = Vec::new();
        encode(&message, &mut bytes);
        assert_eq!(decode_one(&bytes), Ok(message));
        let mut again = Vec::new();
        encode(&decode_one(&bytes).expect("it was decoded a line above"), &mut again);
        assert_eq!(bytes, again);
    }
}

/// The messages of a stream up to the first error that ends a connection, which is the last of them.
fn messages<M>(parts: &[&[u8]], decode: impl Fn(&Frame<'_>) -> Result<M, DecodeError>) -> Messages<M> {
    let mut reader = FrameReader::new();
    let mut messages = Vec::new();
    for part in parts {
        let mut part = *part;
        loop {
            match reader.next_frame(&mut part) {
                Ok(Some(frame)) => messages.push(decode(&frame)),
                Ok(None) => break,
                Err(error) => {
                    messages.push(Err(DecodeError::Frame(error)));
                    return messages;
                }
            }
        }
    }
    messages
}

/// Texts as amounts: what parses is what its formatting parses to.
///
/// # Panics
/// When it is not.
pub fn decimal(data: &[u8]) {
    let Some((places, text)) = data.split_first() else { return };
    let places = places % 39;
    if let Ok(text) = std::str::from_utf8(text) {
        match parse_decimal(text, places) {
            Ok(units) => assert_eq!(parse_decimal(&format_decimal(units, places), places), Ok(units)),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
