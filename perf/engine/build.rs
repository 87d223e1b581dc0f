//! Which commit and which compiler a program is built from: a figure means nothing without, and the folder that the program is started in
//! need not be a checkout, or may be that of another project.

use std::path::Path;
use std::process::Command;

/// Every folder whose change makes another program.
const SOURCES: [&str; 6] = ["engine", "gateway", "journal", "perf", "replicator", "tools"];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for source in SOURCES {
        // Those of a commit alone would call a changed folder clean.
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    let git = |arguments: &[&str]| said(Command::new("git").arg("-C").arg(&root).args(arguments));
    // In a worktree `.git` is a file that names another folder.
    if let Some(folder) = git(&["rev-parse", "--absolute-git-dir"]) {
        for file in ["HEAD", "index"] {
            println!("cargo::rerun-if-changed={folder}/{file}");
        }
    }
    let commit = git(&["describe", "--always", "--dirty", "--exclude=*"]);
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiler = said(Command::new(rustc).arg("--version"));
    println!("cargo::rustc-env=TIDEGATE_COMMIT={}", commit.as_deref().unwrap_or("unknown"));
    println!("cargo::rustc-env=TIDEGATE_COMPILER={}", compiler.as_deref().unwrap_or("unknown"));
}

fn said(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!text.is_empty()).then_some(text)
}
