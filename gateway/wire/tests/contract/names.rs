//! Names of the contract in the manners of other languages, and sentences without the marks of Rust's documentation.

/// `NewOrder` as `new_order`.
pub(crate) fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, character) in name.char_indices() {
        if character.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(character.to_ascii_lowercase());
    }
    out
}

/// `NewOrder` as `NEW_ORDER`.
pub(crate) fn upper(name: &str) -> String {
    snake(name).to_ascii_uppercase()
}

/// A sentence for a document: links to Rust items are plain words, and one that only refers to an item is dropped.
pub(crate) fn plain(sentence: &str) -> String {
    if sentence.starts_with("See [`") { String::new() } else { sentence.replace("[`", "`").replace("`]", "`") }
}
