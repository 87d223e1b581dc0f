//! Keys of a cluster: one certificate authority, one certificate per node, files with the right modes.
//!
//! ```text
//!   DIR/cluster-id          32 hex digits
//!   DIR/ca.pem  DIR/ca.key  the authority; the key is needed only to add a node, keep it off the nodes
//!   DIR/node-N.pem node-N.key  one pair per node, for `node-N.<cluster id>.tidegate`
//! ```
//!
//! Invariants: a private key is created with mode 0600 and refused when it is wider; nothing is ever overwritten; the
//! name in a certificate pins node and cluster, so a certificate works in one place only.
//! Owning thread: whoever calls; only at the start and in `keygen`.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tidegate_domain::{ClusterId, NodeId};

/// Bits of a mode that a private file must not have.
const MODE_TOO_WIDE: u32 = 0o177;
const PRIVATE_MODE: u32 = 0o600;
const PUBLIC_MODE: u32 = 0o644;
/// No PEM file of ours comes near it.
const PEM_LEN_BYTES_MAX: u64 = 1 << 20;

/// Why keys cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// A file could not be read or written.
    #[error("cannot {op} {}: {source}", path.display())]
    Io {
        /// What was tried.
        op: &'static str,
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A private key that others can read.
    #[error(
        "private key {} has mode {mode:04o}, allowed is 0600 or narrower: run `chmod 600 {}`",
        path.display(), path.display()
    )]
    TooWide {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Something is there already.
    #[error("{} exists and is not overwritten: choose an empty folder, or remove it if you are sure", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what its name says.
    #[error("{}: {why}", path.display())]
    BadFile {
        /// The file.
        path: PathBuf,
        /// What is wrong and what to do.
        why: String,
    },
    /// The list of nodes cannot be used.
    #[error("nodes: {0}")]
    BadNodes(String),
    /// The random source or the certificate library failed.
    #[error("cannot make keys: {0}")]
    Generate(String),
}

/// What a node shows and trusts on the link.
#[derive(Debug)]
pub struct NodeIdentity {
    /// The node that the certificate is for.
    pub node: NodeId,
    /// The cluster that the certificate is for.
    pub cluster: ClusterId,
    /// The node's certificate, then intermediates if any.
    pub chain: Vec<CertificateDer<'static>>,
    /// Its private key.
    pub key: PrivateKeyDer<'static>,
    /// The cluster's certificate authority, the only one trusted.
    pub authority: CertificateDer<'static>,
}

impl Clone for NodeIdentity {
    fn clone(&self) -> Self {
        Self {
            node: self.node,
            cluster: self.cluster,
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            authority: self.authority.clone(),
        }
    }
}

/// The name in a node's certificate.
#[must_use]
pub fn node_name(node: NodeId, cluster: ClusterId) -> String {
    format!("node-{node}.{:032x}.tidegate", cluster.raw())
}

/// Makes the keys of a new cluster in `dir`, which is created when it is missing.
///
/// # Errors
/// [`KeyError`]; nothing is written when one of the files is there already.
pub fn make_cluster(dir: &Path, nodes: &[NodeId]) -> Result<ClusterId, KeyError> {
    check_nodes(nodes)?;
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|source| io("create", dir, source))?;
    let names = ["cluster-id".to_owned(), "ca.pem".to_owned(), "ca.key".to_owned()];
    let node_files = nodes.iter().flat_map(|node| [format!("node-{node}.pem"), format!("node-{node}.key")]);
    for name in names.into_iter().chain(node_files) {
        let path = dir.join(name);
        if fs::symlink_metadata(&path).is_ok() {
            return Err(KeyError::Exists { path });
        }
    }

    let cluster = random_cluster_id()?;
    let authority = make_authority(cluster)?;
    write_new(&dir.join("ca.key"), PRIVATE_MODE, &authority.key().serialize_pem())?;
    write_new(&dir.join("ca.pem"), PUBLIC_MODE, &authority.pem())?;
    for node in nodes {
        let (certificate, key) = make_node(*node, cluster, &authority)?;
        write_new(&dir.join(format!("node-{node}.key")), PRIVATE_MODE, &key)?;
        write_new(&dir.join(format!("node-{node}.pem")), PUBLIC_MODE, &certificate)?;
    }
    // Last, so that a folder with it is complete.
    write_new(&dir.join("cluster-id"), PUBLIC_MODE, &format!("{:032x}\n", cluster.raw()))?;
    Ok(cluster)
}

/// Loads what `node` needs from `dir`; the authority's key is not among it.
///
/// # Errors
/// [`KeyError`]: a missing or malformed file, a private key wider than 0600, a certificate of another node or cluster.
pub fn load_identity(dir: &Path, node: NodeId) -> Result<NodeIdentity, KeyError> {
    let key_path = dir.join(format!("node-{node}.key"));
    check_private_file(&key_path)?;
    let cluster = read_cluster_id(&dir.join("cluster-id"))?;
    let authority_path = dir.join("ca.pem");
    let authority = read_certificates(&authority_path)?.swap_remove(0);
    let chain_path = dir.join(format!("node-{node}.pem"));
    let chain = read_certificates(&chain_path)?;
    let key = PrivateKeyDer::from_pem_slice(&read_small(&key_path)?)
        .map_err(|error| bad(&key_path, format!("is not a private key in PEM: {error:?}; make the keys again")))?;
    if !is_for(&chain[0], node, cluster) {
        let name = node_name(node, cluster);
        return Err(bad(&chain_path, format!("is not a certificate for {name}: use the file made for this node")));
    }
    Ok(NodeIdentity { node, cluster, chain, key, authority })
}

/// Refuses a private file that group or others can touch, or that is not a plain file.
///
/// # Errors
/// [`KeyError::TooWide`] names the file, its mode and what to run.
pub fn check_private_file(path: &Path) -> Result<(), KeyError> {
    let metadata = fs::metadata(path).map_err(|source| io("read", path, source))?;
    if !metadata.is_file() {
        return Err(bad(path, "is not a plain file".to_owned()));
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & MODE_TOO_WIDE != 0 {
        return Err(KeyError::TooWide { path: path.to_owned(), mode });
    }
    Ok(())
}

/// Whether a certificate names this node of this cluster. Says nothing about who signed it.
pub(crate) fn is_for(certificate: &CertificateDer<'_>, node: NodeId, cluster: ClusterId) -> bool {
    let Ok(parsed) = rustls::server::ParsedCertificate::try_from(certificate) else { return false };
    let Ok(name) = ServerName::try_from(node_name(node, cluster)) else { return false };
    rustls::client::verify_server_name(&parsed, &name).is_ok()
}

fn check_nodes(nodes: &[NodeId]) -> Result<(), KeyError> {
    if nodes.is_empty() {
        return Err(KeyError::BadNodes("the list is empty: name at least one node, such as 1".to_owned()));
    }
    let mut seen = BTreeSet::new();
    match nodes.iter().find(|node| !seen.insert(**node)) {
        Some(twice) => Err(KeyError::BadNodes(format!("node {twice} is named twice: name each node once"))),
        None => Ok(()),
    }
}

fn random_cluster_id() -> Result<ClusterId, KeyError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| KeyError::Generate(error.to_string()))?;
    Ok(ClusterId::new(u128::from_le_bytes(bytes)))
}

fn make_authority(cluster: ClusterId) -> Result<CertifiedIssuer<'static, KeyPair>, KeyError> {
    let mut params = CertificateParams::new(Vec::new()).map_err(generate)?;
    params.distinguished_name.push(DnType::CommonName, format!("Tidegate cluster {:032x}", cluster.raw()));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(generate)?).map_err(generate)
}

/// Certificate and private key of a node, in PEM.
fn make_node(
    node: NodeId,
    cluster: ClusterId,
    authority: &CertifiedIssuer<'static, KeyPair>,
) -> Result<(String, String), KeyError> {
    let name = node_name(node, cluster);
    let mut params = CertificateParams::new(vec![name.clone()]).map_err(generate)?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    // Each node both dials and listens.
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate().map_err(generate)?;
    let certificate = params.signed_by(&key, authority).map_err(generate)?;
    Ok((certificate.pem(), key.serialize_pem()))
}

fn generate(error: rcgen::Error) -> KeyError {
    KeyError::Generate(error.to_string())
}

/// Creates a file with its mode from the first moment, and puts it on disk.
fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), KeyError> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path).map_err(|source| {
        if source.kind() == std::io::ErrorKind::AlreadyExists {
            KeyError::Exists { path: path.to_owned() }
        } else {
            io("create", path, source)
        }
    })?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|source| io("write", path, source))
}

fn read_small(path: &Path) -> Result<Vec<u8>, KeyError> {
    let len = fs::metadata(path).map_err(|source| io("read", path, source))?.len();
    if len > PEM_LEN_BYTES_MAX {
        return Err(bad(path, format!("has {len} bytes, more than the {PEM_LEN_BYTES_MAX} allowed for a key file")));
    }
    fs::read(path).map_err(|source| io("read", path, source))
}

fn read_cluster_id(path: &Path) -> Result<ClusterId, KeyError> {
    let bytes = read_small(path)?;
    let text = std::str::from_utf8(&bytes).unwrap_or_default().trim();
    let hex = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let raw = if hex { u128::from_str_radix(text, 16).ok() } else { None };
    raw.map(ClusterId::new)
        .ok_or_else(|| bad(path, "does not hold 32 hex digits: copy it from the first node".to_owned()))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, KeyError> {
    let bytes = read_small(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let list = read.map_err(|error| bad(path, format!("is not a certificate in PEM: {error:?}")))?;
    if list.is_empty() {
        return Err(bad(path, "holds no certificate: make the keys again".to_owned()));
    }
    Ok(list)
}

fn io(op: &'static str, path: &Path, source: std::io::Error) -> KeyError {
    KeyError::Io { op, path: path.to_owned(), source }
}

fn bad(path: &Path, why: String) -> KeyError {
    KeyError::BadFile { path: path.to_owned(), why }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const NODES: [NodeId; 2] = [NodeId::new(1), NodeId::new(2)];

    #[test]
    fn a_cluster_that_was_made_can_be_loaded_by_each_node() {
        let dir = tempfile::tempdir().unwrap();
        let cluster = make_cluster(dir.path(), &NODES).unwrap();
        for node in NODES {
            let identity = load_identity(dir.path(), node).unwrap();
            assert_eq!((identity.node, identity.cluster), (node, cluster));
        }
        for private in ["ca.key", "node-1.key", "node-2.key"] {
            let mode = fs::metadata(dir.path().join(private)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{private}");
        }
        assert_eq!(fs::read_to_string(dir.path().join("cluster-id")).unwrap(), format!("{:032x}\n", cluster.raw()));
    }

    #[test]
    fn nothing_is_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("node-2.key"), "precious").unwrap();
        let error = make_cluster(dir.path(), &NODES).unwrap_err();
        assert!(matches!(&error, KeyError::Exists { path } if path.ends_with("node-2.key")), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_wide_private_key_is_refused_by_name_mode_and_remedy() {
        let dir = tempfile::tempdir().unwrap();
        make_cluster(dir.path(), &NODES).unwrap();
        let path = dir.path().join("node-1.key");
        for mode in [0o640, 0o604, 0o644, 0o700, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let text = load_identity(dir.path(), NODES[0]).unwrap_err().to_string();
            assert!(text.contains("node-1.key") && text.contains(&format!("{mode:04o}")), "{text}");
            assert!(text.contains("chmod 600"), "{text}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(load_identity(dir.path(), NODES[0]).is_ok());
    }

    #[test]
    fn a_certificate_of_another_node_is_refused_when_it_is_loaded() {
        let dir = tempfile::tempdir().unwrap();
        make_cluster(dir.path(), &NODES).unwrap();
        fs::copy(dir.path().join("node-2.pem"), dir.path().join("node-1.pem")).unwrap();
        let text = load_identity(dir.path(), NODES[0]).unwrap_err().to_string();
        assert!(text.contains("node-1.pem") && text.contains("is not a certificate for node-1."), "{text}");
    }

    #[test]
    fn a_malformed_cluster_id_and_bad_node_lists_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(make_cluster(dir.path(), &[]), Err(KeyError::BadNodes(_))));
        assert!(matches!(make_cluster(dir.path(), &[NODES[0], NODES[0]]), Err(KeyError::BadNodes(_))));
        make_cluster(dir.path(), &NODES).unwrap();
        for text in ["", "12", "+123456789012345678901234567890aa", "zz345678901234567890123456789012"] {
            fs::write(dir.path().join("cluster-id"), text).unwrap();
            assert!(load_identity(dir.path(), NODES[0]).is_err(), "{text:?}");
        }
    }
}
