//! What the node answered, as a person reads it.

use serde_json::{Map, Value};

/// Everything that exists: a line for each thing, its rules and limits below it.
pub(super) fn list(value: &Value) {
    for kind in ["assets", "markets", "accounts", "fee_tiers", "keys", "pending_withdrawals"] {
        println!("{}", kind.replace('_', " "));
        for row in value[kind].as_array().into_iter().flatten().filter_map(Value::as_object) {
            let head = ["id", "name"].map(|field| row.get(field).map(text).unwrap_or_default());
            let first = match head {
                [id, name] if !id.is_empty() => format!("{id:>5}  {name:<16}  "),
                _ => "       ".to_owned(),
            };
            println!("  {}", format!("{first}{}", pairs(row, |field| field != "id" && field != "name")).trim_end());
            for (field, inner) in row.iter().filter_map(|(field, value)| Some((field, value.as_object()?))) {
                println!("         {field}: {}", pairs(inner, |_| true));
            }
        }
    }
}

/// What came of one command.
pub(super) fn outcome(value: &Value) {
    if let Some(original) = value["already_applied_at"].as_u64() {
        println!("already applied at sequence {original}; nothing was done again");
        return;
    }
    // What is not a command in the journal says so in words.
    if let (None, Some(message)) = (value["at"]["sequence"].as_u64(), value["message"].as_str()) {
        return println!("{message}");
    }
    let what = value.as_object().map(|fields| pairs(fields, |field| field != "at")).unwrap_or_default();
    println!("done at sequence {}: {what}", value["at"]["sequence"]);
    if let (Some(old), Some(new)) = (value["old"].as_object(), value["new"].as_object()) {
        for (field, to) in new {
            let from = old.get(field).map(text).unwrap_or_default();
            let changed = if from == text(to) { "unchanged".to_owned() } else { format!("was {from}") };
            println!("  {field:<24} {:<16} {changed}", text(to));
        }
    }
}

/// Fields and plain values in a row.
fn pairs(fields: &Map<String, Value>, wanted: impl Fn(&str) -> bool) -> String {
    let plain = fields.iter().filter(|(field, value)| wanted(field) && !value.is_object());
    plain.map(|(field, value)| format!("{field} {}", text(value))).collect::<Vec<_>>().join("  ")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
