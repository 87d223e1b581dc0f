//! TLS and transport settings: mutual, TLS 1.3 only, one authority, one name on each side.
//!
//! Invariants: a node accepts exactly one certificate name, its peer's, both when it dials and when it listens; no early
//! data and no resumption, so every link begins with both certificates; the protocol name is pinned.
//! Owning thread: none, built once.

use std::sync::Arc;
use std::time::Duration;

use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{ClientConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};
use rustls::client::Resumption;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::CryptoProvider;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, UnixTime};
use tidegate_domain::{ClusterId, NodeId};

use crate::keys::{NodeIdentity, is_for};
use crate::quic::{LinkConfig, LinkError};
use crate::wire::explain;

/// The application protocol; another version is another name.
const ALPN: &[u8] = b"tidegate-replication/1";
/// A first guess, so that the first packets are repeated soon while the peer is starting; measured at once afterwards.
const INITIAL_RTT: Duration = Duration::from_millis(20);

/// Settings for the one endpoint of a node.
pub(crate) fn endpoint_configs(config: &LinkConfig) -> Result<(ServerConfig, ClientConfig), LinkError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let transport = Arc::new(transport(config)?);

    let mut server = ServerConfig::with_crypto(Arc::new(server_crypto(config, &provider)?));
    server.transport_config(Arc::clone(&transport));
    let mut client = ClientConfig::new(Arc::new(client_crypto(&config.identity, &provider)?));
    client.transport_config(transport);
    Ok((server, client))
}

fn transport(config: &LinkConfig) -> Result<TransportConfig, LinkError> {
    let idle = IdleTimeout::try_from(config.idle_timeout).map_err(|error| LinkError::Tls(explain(&error)))?;
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(Some(idle))
        .keep_alive_interval(Some(config.heartbeat))
        .initial_rtt(INITIAL_RTT)
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None);
    Ok(transport)
}

fn server_crypto(config: &LinkConfig, provider: &Arc<CryptoProvider>) -> Result<QuicServerConfig, LinkError> {
    let identity = &config.identity;
    let roots = Arc::new(roots(identity)?);
    let chain = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
        .build()
        .map_err(|error| LinkError::Tls(explain(&error)))?;
    let verifier = Arc::new(PeerVerifier { chain, peer: config.peer_node, cluster: identity.cluster });
    let mut crypto = rustls::ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(tls)?
        .with_client_cert_verifier(verifier)
        .with_single_cert(identity.chain.clone(), identity.key.clone_key())
        .map_err(tls)?;
    crypto.alpn_protocols = vec![ALPN.to_vec()];
    crypto.send_tls13_tickets = 0;
    QuicServerConfig::try_from(crypto).map_err(|error| LinkError::Tls(explain(&error)))
}

fn client_crypto(identity: &NodeIdentity, provider: &Arc<CryptoProvider>) -> Result<QuicClientConfig, LinkError> {
    let mut crypto = rustls::ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(tls)?
        .with_root_certificates(roots(identity)?)
        .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
        .map_err(tls)?;
    crypto.alpn_protocols = vec![ALPN.to_vec()];
    crypto.resumption = Resumption::disabled();
    QuicClientConfig::try_from(crypto).map_err(|error| LinkError::Tls(explain(&error)))
}

fn roots(identity: &NodeIdentity) -> Result<RootCertStore, LinkError> {
    let mut roots = RootCertStore::empty();
    roots.add(identity.authority.clone()).map_err(tls)?;
    Ok(roots)
}

fn tls(error: rustls::Error) -> LinkError {
    LinkError::Tls(error.to_string())
}

/// The usual checks of a client's certificate, and that it is the peer's.
#[derive(Debug)]
struct PeerVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    peer: NodeId,
    cluster: ClusterId,
}

impl ClientCertVerifier for PeerVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        if !is_for(end_entity, self.peer, self.cluster) {
            return Err(CertificateError::NotValidForName.into());
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
