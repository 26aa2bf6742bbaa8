//! TLS before a server: certificates made for the occasion, and a front that takes the encryption off.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use crate::{Error, Result};

/// A TLS front on loopback; it ends when it is dropped.
pub struct TlsFront {
    port: u16,
    /// The authority that clients have to trust, as PEM.
    pub ca: String,
    /// A client's certificate and key in one, as PEM.
    pub client: String,
    runtime: Option<Runtime>,
}

fn bad(error: impl std::fmt::Display) -> Error {
    Error::Data(format!("a certificate: {error}"))
}

impl TlsFront {
    /// Starts a front for the server at `port`, with a certificate for these names and no others; clients must show the
    /// certificate that was made for them.
    pub fn start(port: u16, names: &[&str]) -> Result<Self> {
        let mut authority = CertificateParams::new(Vec::new()).map_err(bad)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().map_err(bad)?).map_err(bad)?;
        let ca = authority.as_ref().pem();

        let own = KeyPair::generate().map_err(bad)?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).map_err(bad)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&own, &authority).map_err(bad)?;

        let theirs = KeyPair::generate().map_err(bad)?;
        let mut params = CertificateParams::new(vec!["a-client".to_owned()]).map_err(bad)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let client = params.signed_by(&theirs, &authority).map_err(bad)?;
        let client = format!("{}{}", client.pem(), theirs.serialize_pem());

        let mut roots = RootCertStore::empty();
        roots.add(authority.as_ref().der().clone()).map_err(bad)?;
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(bad)?;
        let key = own.serialize_der().try_into().map_err(bad)?;
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(bad)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(vec![certificate.der().clone()], key)
            .map_err(bad)?;

        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("tls-front")
            .enable_all()
            .build()?;
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        listener.set_nonblocking(true)?;
        let listening = listener.local_addr()?.port();
        let listener = {
            let _guard = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let behind = SocketAddr::from(([127, 0, 0, 1], port));
        runtime.spawn(serve(listener, TlsAcceptor::from(Arc::new(config)), behind));
        Ok(Self {
            port: listening,
            ca,
            client,
            runtime: Some(runtime),
        })
    }

    /// Where it listens on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor, behind: SocketAddr) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let _ = stream.set_nodelay(true);
            let Ok(mut near) = acceptor.accept(stream).await else {
                return;
            };
            if let Ok(mut far) = TcpStream::connect(behind).await {
                let _ = far.set_nodelay(true);
                let _ = copy_bidirectional(&mut near, &mut far).await;
            }
        });
    }
}
