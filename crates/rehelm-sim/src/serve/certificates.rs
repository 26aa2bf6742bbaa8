//! A certificate authority and a server certificate, made anew for every listener.

use std::net::IpAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

pub(super) struct Made {
    pub ca_pem: String,
    pub tls: Arc<rustls::ServerConfig>,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

pub(super) fn make(address: IpAddr) -> Result<Made, Failure> {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "simulated-cluster-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let ca_key = KeyPair::generate()?;
    let ca = params.self_signed(&ca_key)?;
    let issuer = Issuer::new(params, ca_key);

    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    if !names.contains(&address.to_string()) && !address.is_unspecified() {
        names.push(address.to_string());
    }
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "simulated-cluster");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;

    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let mut tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Made {
        ca_pem: ca.pem(),
        tls: Arc::new(tls),
    })
}

/// 32 hexadecimal digits that nobody can guess. The one thing of a simulation that differs each time; no object holds it.
pub(super) fn random_token() -> String {
    let mut bytes = [0_u8; 16];
    let random = rustls::crypto::ring::default_provider().secure_random;
    if random.fill(&mut bytes).is_err() {
        // Without randomness there is no TLS either; nobody gets as far as this.
        tracing::error!("the system gives no random bytes");
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
