//! `tidegate journal backup` and `tidegate journal restore`: a copy of a node's folder, taken while it runs.
//!
//! ```text
//!   node.state, then events-*.seg, then journal-*.seg --copy, verify--> DIR/.. , last of all DIR/backup.json
//!   DIR --check every hash, copy, verify--> new folder, renamed into place when it is whole
//! ```
//!
//! Invariants: below the end of a log nothing changes, so a copy up to the end that was found first is a prefix. What must not
//! reach further is copied earlier: promises, then events, then commands. A folder without manifest is no backup.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidegate_domain::Sequence;
use tidegate_journal::snapshot::{list_snapshots, snapshot_file};
use tidegate_journal::{LogKind, SegmentFile, VerifyReport, scan_from, segments, verify};
use tidegate_node::STATE_FILE;
use xxhash_rust::xxh3::Xxh3;

use super::output::{Failure, Out, ToolResult, bar, size};

const MANIFEST: &str = "backup.json";
const MANIFEST_FORMAT: u32 = 1;
const COPY_BYTES: usize = 1 << 20;

/// Arguments of `tidegate journal backup`.
#[derive(Args)]
pub struct BackupArgs {
    /// The data folder of a node, which may run
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Where the copy goes: a folder that is empty or does not exist
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Print JSON: the manifest
    #[arg(long)]
    json: bool,
}

/// Arguments of `tidegate journal restore`.
#[derive(Args)]
pub struct RestoreArgs {
    /// A backup
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The new data folder: empty, or not there yet
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Print JSON: the manifest
    #[arg(long)]
    json: bool,
}

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    cluster: String,
    /// Nanoseconds since the Unix epoch.
    taken_at_ns: u64,
    /// Of the journal.
    last_sequence: u64,
    /// Everything through this is known to be released.
    commit: u64,
    /// Of the event log; the node makes the rest from the journal.
    events_last_sequence: u64,
    files: Vec<Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    name: String,
    bytes: u64,
    xxh3_128: String,
}

/// A segment to copy, and how much of it is the log's.
struct Part {
    file: SegmentFile,
    used: u64,
}

pub(super) fn backup(args: &BackupArgs) -> ToolResult {
    check_empty(&args.to)?;
    fs::create_dir_all(&args.to).map_err(failed("create", &args.to))?;
    let mut files = Vec::new();
    let progress = bar("copying");
    let state = args.data_dir.join(STATE_FILE);
    // Read at once: it is replaced by a rename, never changed.
    match fs::read(&state) {
        Ok(bytes) => files.push(put(&args.to.join(STATE_FILE), &bytes)?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("read", &state)(error)),
    }
    // Snapshots before the logs that they stand on: what they need is never copied too short.
    for sequence in list_snapshots(&args.data_dir).map_err(|error| Failure::Refused(error.to_string()))? {
        let file = snapshot_file(&args.data_dir, sequence);
        let len = fs::metadata(&file).map_err(failed("read", &file))?.len();
        progress.inc_length(len);
        files.push(copy(&file, &args.to, len, len, &progress)?);
    }
    for kind in [LogKind::Events, LogKind::Journal] {
        for part in parts(&args.data_dir, kind)? {
            progress.inc_length(part.used);
            files.push(copy(&part.file.path, &args.to, part.used, part.file.len_bytes, &progress)?);
        }
    }
    progress.finish_and_clear();
    let (journal, events, cluster) = check_logs(&args.to)?;
    if journal.first_segment > 1 && list_snapshots(&args.to).is_ok_and(|kept| kept.is_empty()) {
        return Err(Failure::Refused(format!(
            "{}: the journal begins at segment {} and there is no snapshot: no node could start from this backup",
            args.data_dir.display(),
            journal.first_segment
        )));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let manifest = Manifest {
        format: MANIFEST_FORMAT,
        cluster,
        taken_at_ns: u64::try_from(now).unwrap_or(u64::MAX),
        last_sequence: journal.last.raw(),
        commit: journal.commit.raw(),
        events_last_sequence: events.map_or(0, |events| events.last.raw()),
        files,
    };
    let text = serde_json::to_string_pretty(&manifest).expect("a manifest always serialises");
    put(&args.to.join(MANIFEST), text.as_bytes())?;
    sync_folder(&args.to)?;
    tell(&manifest, args.json, || format!("backed up to {}", args.to.display()))
}

pub(super) fn restore(args: &RestoreArgs) -> ToolResult {
    let manifest = read_manifest(&args.from)?;
    check_empty(&args.data_dir)?;
    // Under another name until it is whole: a node that started on half of it would go on from there.
    let mut name = args.data_dir.file_name().ok_or_else(|| "--data-dir names no folder".to_owned())?.to_owned();
    name.push(".restoring");
    let unfinished = args.data_dir.with_file_name(name);
    check_empty(&unfinished)?;
    fs::create_dir_all(&unfinished).map_err(failed("create", &unfinished))?;
    let restored = fill(&args.from, &unfinished, &manifest);
    if let Err(failure) = restored {
        // Only what this run made there.
        let _ = fs::remove_dir_all(&unfinished);
        return Err(failure);
    }
    fs::rename(&unfinished, &args.data_dir).map_err(failed("rename to", &args.data_dir))?;
    sync_folder(args.data_dir.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    tell(&manifest, args.json, || {
        format!(
            "restored into {}. It is the state of that moment: start it only where the node and its peer are gone",
            args.data_dir.display()
        )
    })
}

fn fill(from: &Path, to: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let progress = bar("copying");
    progress.set_length(manifest.files.iter().map(|entry| entry.bytes).sum());
    for entry in &manifest.files {
        let file = from.join(&entry.name);
        let len = fs::metadata(&file).map_err(failed("read", &file))?.len();
        if len != entry.bytes {
            let why = format!("{}: {len} bytes, the manifest says {}", file.display(), entry.bytes);
            return Err(Failure::Damaged(why));
        }
        let copied = copy(&file, to, len, len, &progress)?;
        if copied.xxh3_128 != entry.xxh3_128 {
            let why = format!("{}: its content is not what the manifest says: the backup is damaged", file.display());
            return Err(Failure::Damaged(why));
        }
    }
    progress.finish_and_clear();
    let (journal, _, cluster) = check_logs(to)?;
    if (journal.last.raw(), &cluster) != (manifest.last_sequence, &manifest.cluster) {
        let why = format!(
            "the journal ends at {} of cluster {cluster}, the manifest says {} of {}",
            journal.last, manifest.last_sequence, manifest.cluster
        );
        return Err(Failure::Damaged(why));
    }
    sync_folder(to)
}

fn tell(manifest: &Manifest, json: bool, what: impl FnOnce() -> String) -> ToolResult {
    let mut out = Out::new();
    if json {
        out.json(&serde_json::to_value(manifest).expect("a manifest always serialises"))?;
    } else {
        let bytes = size(manifest.files.iter().map(|entry| entry.bytes).sum());
        let Manifest { last_sequence, commit, events_last_sequence, .. } = manifest;
        out.line(&format!(
            "{}: {} files, {bytes}, journal through {last_sequence}, released through at least {commit}, events through \
             {events_last_sequence}",
            what(),
            manifest.files.len()
        ))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The segments of a log up to the end that is found now. Only the last one is read for it.
fn parts(dir: &Path, kind: LogKind) -> Result<Vec<Part>, Failure> {
    if kind == LogKind::Events && segments(dir, kind)?.is_empty() {
        return Ok(Vec::new());
    }
    let end = scan_from(dir, kind, Sequence::new(u64::MAX), |_, _| {}, |_, _| true)?.checkpoint;
    let files = segments(dir, kind)?;
    // A log without a batch is its first segment, empty.
    let last = files.first().map_or(0, |first| end.segment.max(first.number));
    let part = |file: SegmentFile| {
        let used = if file.number == last { end.offset } else { file.len_bytes };
        Part { file, used }
    };
    Ok(files.into_iter().filter(|file| file.number <= last).map(part).collect())
}

/// Copies the first `used` bytes of a file; the rest of its length is zeros.
fn copy(from: &Path, to: &Path, used: u64, len: u64, progress: &ProgressBar) -> Result<Entry, Failure> {
    let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let path = to.join(&name);
    let mut source = File::open(from).map_err(|error| {
        Failure::Refused(format!("cannot read {}: {error}; if it was removed meanwhile, try again", from.display()))
    })?;
    let mut target = File::create_new(&path).map_err(failed("create", &path))?;
    let (mut hash, mut buffer, mut done) = (Xxh3::new(), vec![0; COPY_BYTES], 0);
    while done < len {
        let wanted = COPY_BYTES.min(usize::try_from(len - done).unwrap_or(COPY_BYTES));
        let piece = &mut buffer[..wanted];
        let from_source = wanted.min(usize::try_from(used.saturating_sub(done)).unwrap_or(wanted));
        source.read_exact(&mut piece[..from_source]).map_err(failed("read", from))?;
        piece[from_source..].fill(0);
        hash.update(piece);
        target.write_all(piece).map_err(failed("write", &path))?;
        done += wanted as u64;
        progress.inc(from_source as u64);
    }
    target.sync_all().map_err(failed("sync", &path))?;
    Ok(Entry { name, bytes: len, xxh3_128: format!("{:032x}", hash.digest128()) })
}

fn put(path: &Path, bytes: &[u8]) -> Result<Entry, Failure> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(failed("write", path))?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let xxh3_128 = format!("{:032x}", xxhash_rust::xxh3::xxh3_128(bytes));
    Ok(Entry { name, bytes: bytes.len() as u64, xxh3_128 })
}

/// Both logs of a copy from their start, and whose they are. A copy has no torn tail, and its events do not reach beyond its
/// commands.
fn check_logs(dir: &Path) -> Result<(VerifyReport, Option<VerifyReport>, String), Failure> {
    let check = |kind: LogKind| {
        let progress = bar("verifying");
        let report = verify(dir, kind, |done, total| {
            progress.set_length(total);
            progress.set_position(done);
        });
        progress.finish_and_clear();
        let report = report?;
        match &report.torn_tail_at {
            None => Ok(report),
            Some((file, offset)) => {
                Err(Failure::Damaged(format!("{}: left-overs at offset {offset} of the copy", file.display())))
            }
        }
    };
    let journal = check(LogKind::Journal)?;
    let events = if segments(dir, LogKind::Events)?.is_empty() { None } else { Some(check(LogKind::Events)?) };
    if events.as_ref().is_some_and(|events| events.last > journal.last) {
        let why = format!("the copied events reach beyond the copied journal, which ends at {}", journal.last);
        return Err(Failure::Damaged(why));
    }
    let mut cluster = None;
    tidegate_journal::scan(
        dir,
        LogKind::Journal,
        |_, _| {},
        |batch, _| {
            cluster = Some(batch.cluster);
            false
        },
    )?;
    let cluster = cluster.ok_or_else(|| format!("{}: the journal is empty", dir.display()))?;
    Ok((journal, events, format!("{:032x}", cluster.raw())))
}

fn read_manifest(dir: &Path) -> Result<Manifest, Failure> {
    let path = dir.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(|error| {
        format!(
            "cannot read {}: {error}; without it a folder is no backup, or one that was not finished",
            path.display()
        )
    })?;
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(&path, &error.to_string()))?;
    // Before the rest, which another format may have otherwise.
    if value["format"] != json!(MANIFEST_FORMAT) {
        return Err(wrong(&path, &format!("format {}, this program knows {MANIFEST_FORMAT}", value["format"])));
    }
    let manifest: Manifest = serde_json::from_value(value).map_err(|error| wrong(&path, &error.to_string()))?;
    let is_ours = |name: &str| {
        let is_segment = name.starts_with("journal-") || name.starts_with("events-");
        let is_snapshot = name.starts_with("snapshot-") && name.ends_with(".snap") && !name.contains('/');
        name == STATE_FILE || is_snapshot || (is_segment && name.ends_with(".seg") && !name.contains('/'))
    };
    match manifest.files.iter().find(|entry| !is_ours(&entry.name)) {
        Some(entry) => Err(wrong(&path, &format!("`{}` is no file of a data folder", entry.name))),
        None => Ok(manifest),
    }
}

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::Damaged(format!("{}: {why}", path.display()))
}

fn check_empty(dir: &Path) -> Result<(), Failure> {
    match fs::read_dir(dir) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Failure::Refused(format!("{}: is not empty; nothing was changed", dir.display()))),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("list", dir)(error)),
    }
}

fn sync_folder(dir: &Path) -> Result<(), Failure> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed("sync", dir))
}

fn failed(what: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Failure {
    let message = format!("cannot {what} {}", path.display());
    move |error| Failure::Refused(format!("{message}: {error}"))
}
