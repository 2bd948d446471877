//! TLS to Redis: rustls with ring.

use std::net::IpAddr;
use std::sync::Arc;

use fred::types::config::{HostMapping, TlsConfig, TlsHostMapping};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use crate::{BadServer, Tls};

pub(crate) fn config(tls: &Tls) -> Result<TlsConfig, BadServer> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| BadServer::Client(error.into()))?;
    let client = if tls.verify {
        builder.with_root_certificates(roots(tls)?).with_no_client_auth()
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(TakesAny(provider))).with_no_client_auth()
    };
    let mut config = TlsConfig::from(client);
    // Cluster nodes announce addresses; their certificates name hosts.
    config.hostnames = match &tls.servername {
        Some(name) => TlsHostMapping::Custom(Arc::new(OneName(name.clone()))),
        None => TlsHostMapping::DefaultHost,
    };
    Ok(config)
}

fn roots(tls: &Tls) -> Result<RootCertStore, BadServer> {
    let mut roots = RootCertStore::empty();
    if let Some(pem) = &tls.roots_pem {
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| BadServer::Roots(error.into()))?;
            roots.add(certificate).map_err(|error| BadServer::Roots(error.into()))?;
        }
    }
    // A broken certificate in the system's store must not keep the good ones out.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(BadServer::NothingTrusted) } else { Ok(roots) }
}

#[derive(Debug)]
struct OneName(String);

impl HostMapping for OneName {
    fn map(&self, _: &IpAddr, _: &str) -> Option<String> {
        Some(self.0.clone())
    }
}

/// Takes every certificate; the handshake's signatures are still checked, so the peer owns the key it shows.
#[derive(Debug)]
struct TakesAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakesAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
