//! The TLS settings, made once.
//!
//! A client that is made for one thread or one process should cost microseconds. Reading the system's root certificates
//! takes milliseconds, so they are read at the first handshake that needs them, once for the whole process: a client that
//! only ever speaks plain HTTP never reads them, and works where there are none.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature,
};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;

/// The settings that every client starts from. Cloning them copies a few pointers.
pub(crate) fn settings() -> Result<ClientConfig, Error> {
    static SETTINGS: OnceLock<Result<ClientConfig, Error>> = OnceLock::new();
    SETTINGS.get_or_init(build).clone()
}

fn build() -> Result<ClientConfig, Error> {
    let provider = Arc::new(ring::default_provider());
    let roots = SystemRoots {
        algorithms: provider.signature_verification_algorithms,
        provider: Arc::clone(&provider),
        verifier: OnceLock::new(),
    };
    let mut settings = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        // "Dangerous" is any verifier but the built-in one. This one is the platform's, only later.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(roots))
        .with_no_client_auth();
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(settings)
}

/// The platform's verifier, made when the first certificate is to be verified.
#[derive(Debug)]
struct SystemRoots {
    algorithms: WebPkiSupportedAlgorithms,
    provider: Arc<CryptoProvider>,
    /// Written once, read by every handshake; a second handshake at the same moment waits for the first one's reading.
    verifier: OnceLock<Result<Verifier, Error>>,
}

impl ServerCertVerifier for SystemRoots {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verifier = self.verifier.get_or_init(|| Verifier::new(Arc::clone(&self.provider)));
        let verifier = verifier.as_ref().map_err(Clone::clone)?;
        verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
