//! `tidegate keygen`: the cluster's certificates and clients' Ed25519 keys.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use ed25519_dalek::SigningKey;
use tidegate_domain::NodeId;

use crate::{CommandResult, print_json};

/// What to make.
#[derive(Subcommand)]
pub enum KeygenCommand {
    /// A certificate authority and one certificate for each node of a new cluster
    Cluster {
        /// Folder to write to; existing files are never overwritten
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// The nodes' numbers
        #[arg(long, value_delimiter = ',', default_value = "1,2", value_name = "N,N")]
        nodes: Vec<u32>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// A client's key: the private half goes to a file, the public half to `admin key create`
    Client {
        /// File to write the private key to; never overwritten, readable by its owner only
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// Makes keys.
///
/// # Errors
/// Names the file that exists or cannot be written.
pub fn run(command: &KeygenCommand) -> CommandResult {
    match command {
        KeygenCommand::Cluster { out, nodes, json } => {
            let nodes: Vec<NodeId> = nodes.iter().copied().map(NodeId::new).collect();
            let cluster = tidegate_replicator::make_cluster(out, &nodes).map_err(|error| error.to_string())?;
            let cluster = format!("{:032x}", cluster.raw());
            if *json {
                print_json(&serde_json::json!({ "cluster": cluster, "folder": out }));
            } else {
                println!(
                    "cluster {cluster}\nkeys in {}: give each node ca.pem and its own node-N.pem and node-N.key",
                    out.display()
                );
            }
        }
        KeygenCommand::Client { out, json } => {
            let public_key = make_client_key(out)?;
            if *json {
                print_json(&serde_json::json!({ "public_key": public_key, "private_key_file": out }));
            } else {
                println!("public key {public_key}\nprivate key in {}", out.display());
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes a client's key, writes the private half to `file` (0600, never overwritten) and returns the public half in
/// hexadecimal.
///
/// # Errors
/// Names the file.
pub fn make_client_key(file: &Path) -> Result<String, String> {
    let mut secret = [0; 32];
    getrandom::fill(&mut secret).map_err(|error| format!("no random numbers from the system: {error}"))?;
    let public = SigningKey::from_bytes(&secret).verifying_key();
    let mut options = std::fs::OpenOptions::new();
    let write =
        || options.write(true).create_new(true).mode(0o600).open(file)?.write_all(hex::encode(secret).as_bytes());
    let mut write = write;
    write().map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    Ok(hex::encode(public.as_bytes()))
}

/// Reads a client's private key.
///
/// # Errors
/// When the file is readable by others, or not 64 hexadecimal digits.
pub fn read_client_key(file: &Path) -> Result<[u8; 32], String> {
    tidegate_replicator::check_private_file(file).map_err(|error| error.to_string())?;
    let text = std::fs::read_to_string(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let bytes = hex::decode(text.trim()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| {
        format!("{} is not a client key: 64 hexadecimal digits, from `tidegate keygen client`", file.display())
    })
}
