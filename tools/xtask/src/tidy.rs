//! Tidiness: module docs, left-over marks, ignored tests, file length, and edges between crates that are not in the map.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file outside tests, in lines.
const FILE_LINES_MAX: usize = 800;

/// Allowed edges between our crates: the arrows of ARCHITECTURE.md. `dev-dependencies` are free.
const EDGES: &[(&str, &[&str])] = &[
    ("engine/domain", &[]),
    ("engine/matching", &["domain"]),
    ("engine/memory", &[]),
    ("engine/percentiles", &[]),
    ("engine/pipeline", &["domain"]),
    ("journal", &["domain", "pipeline"]),
    ("replicator", &["domain", "pipeline"]),
    ("gateway/wire", &["domain"]),
    ("gateway/client", &["domain", "wire"]),
    ("gateway/feed-client", &["domain", "wire"]),
    ("gateway/market-data", &["domain", "feed-client", "journal", "sockets", "wire"]),
    ("gateway/sockets", &[]),
    ("gateway/order-entry", &["domain", "wire", "pipeline", "journal", "sockets"]),
    ("gateway/http", &["domain", "wire", "journal"]),
    ("gateway/sink", &["domain", "journal"]),
    ("gateway/sink-sql", &["domain", "sink"]),
    (
        "engine/node",
        &[
            "domain",
            "matching",
            "percentiles",
            "pipeline",
            "journal",
            "replicator",
            "wire",
            "order-entry",
            "http",
            "market-data",
            "sink",
            "sink-sql",
        ],
    ),
    ("perf/replay", &["domain", "wire", "client"]),
    ("perf/engine", &["domain", "matching", "memory", "replay", "wire"]),
    ("perf/check", &["perf"]),
    ("perf/latency", &["percentiles", "perf"]),
    ("perf/report", &["latency"]),
    ("perf/peers", &["domain", "latency", "memory", "perf", "perf-journal", "pipeline"]),
    ("perf/journal", &["domain", "journal", "perf", "pipeline"]),
    ("perf/pipeline", &["domain", "journal", "latency", "matching", "memory", "perf", "pipeline", "replicator"]),
    // Its example, beside tokio-uring, has an edge to sockets as a dev-dependency.
    ("perf/wire", &["domain", "latency", "perf", "wire"]),
    (
        "tools/cli",
        &[
            "domain",
            "wire",
            "client",
            "feed-client",
            "journal",
            "matching",
            "memory",
            "replicator",
            "node",
            "latency",
            "perf",
            "perf-journal",
            "perf-pipeline",
            "perf-wire",
            "pipeline",
            "replay",
            "report",
            "sink-sql",
        ],
    ),
    ("tools/fuzz", &["domain", "feed-client", "journal", "matching", "order-entry", "pipeline", "wire"]),
    ("tools/xtask", &[]),
];

/// Checks the tree below the current folder.
pub(crate) fn run() -> Result<(), String> {
    let mut found = Vec::new();
    let mut files = Vec::new();
    collect(Path::new("."), &mut files);
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")) {
        check_source(file, &mut found);
    }
    check_edges(&mut found)?;
    if found.is_empty() {
        println!("xtask: tidy: {} files", files.len());
        return Ok(());
    }
    Err(format!("tidy:\n  {}", found.join("\n  ")))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, files);
            }
        } else {
            files.push(path);
        }
    }
}

fn check_source(file: &Path, found: &mut Vec<String>) {
    let Ok(text) = fs::read_to_string(file) else { return };
    let shown = file.display();
    let lines = text.lines().count();
    let is_test = file.components().any(|part| part.as_os_str() == "tests");
    if !text.starts_with("//!") && !text.starts_with("#!") {
        found.push(format!("{shown}: does not open with module docs"));
    }
    if lines > FILE_LINES_MAX && !is_test {
        found.push(format!("{shown}: {lines} lines; split it by phase of life before {FILE_LINES_MAX}"));
    }
    // Put together here so that this file does not find itself.
    let marks = [["TO", "DO"], ["FIX", "ME"], ["#[ig", "nore"], ["todo", "!("]].map(|parts| parts.concat());
    for (number, line) in text.lines().enumerate() {
        for mark in &marks {
            if line.contains(mark.as_str()) {
                found.push(format!("{shown}:{}: left-over {mark}", number + 1));
            }
        }
    }
}

/// Every `tidegate-*` line under `[dependencies]` must be in [`EDGES`].
fn check_edges(found: &mut Vec<String>) -> Result<(), String> {
    for (folder, allowed) in EDGES {
        let manifest = Path::new(folder).join("Cargo.toml");
        let text = fs::read_to_string(&manifest).map_err(|error| format!("{}: {error}", manifest.display()))?;
        let mut inside = false;
        for line in text.lines() {
            if line.starts_with('[') {
                inside = line == "[dependencies]";
            }
            let Some(name) = line.strip_prefix("tidegate-").and_then(|rest| rest.split(['.', ' ', '=']).next()) else {
                continue;
            };
            if inside && !allowed.contains(&name) {
                found.push(format!("{folder} -> {name}: an edge that ARCHITECTURE.md does not have"));
            }
        }
    }
    Ok(())
}
