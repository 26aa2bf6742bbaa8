//! A real API server, reached as a kubeconfig with a CA file and a token says.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, HOST, HeaderValue};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::endpoint::{Answer, Endpoint, lines};

/// The server and how to reach it.
pub struct Live {
    kubeconfig: PathBuf,
    address: String,
    authorization: HeaderValue,
    tls: TlsConnector,
}

impl Live {
    /// As the kubeconfig's only cluster and user say.
    pub fn new(kubeconfig: &Path) -> Self {
        let text = std::fs::read_to_string(kubeconfig).expect("the kubeconfig");
        let config: Value = serde_saphyr::from_str(&text).expect("YAML");
        let text = |pointer: &str| config.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let mut roots = rustls::RootCertStore::empty();
        let authority = text("/clusters/0/cluster/certificate-authority");
        for certificate in CertificateDer::pem_file_iter(authority).expect("the CA's file") {
            roots.add(certificate.expect("a certificate")).expect("a CA");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("TLS")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let server = text("/clusters/0/cluster/server");
        let token = text("/users/0/user/token");
        Self {
            kubeconfig: kubeconfig.to_owned(),
            address: server.trim_start_matches("https://").trim_end_matches('/').to_owned(),
            authorization: HeaderValue::from_str(&format!("Bearer {token}")).expect("a token"),
            tls: TlsConnector::from(Arc::new(config)),
        }
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(&self.address).await.expect("the API server");
        let host = self.address.split(':').next().unwrap_or_default().to_owned();
        let name = ServerName::try_from(host).expect("a host");
        let stream = self.tls.connect(name, stream).await.expect("TLS");
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .expect("HTTP");
        tokio::spawn(connection);
        sender
    }

    async fn send(&self, mut request: Request<Full<Bytes>>) -> http::Response<hyper::body::Incoming> {
        request.headers_mut().insert(AUTHORIZATION, self.authorization.clone());
        let host = HeaderValue::from_str(&self.address).expect("a host");
        request.headers_mut().insert(HOST, host);
        self.connect().await.send_request(request).await.expect("an answer")
    }
}

#[async_trait]
impl Endpoint for Live {
    async fn ask(&self, request: Request<Full<Bytes>>) -> Answer {
        let response = self.send(request).await;
        let (code, warnings) = Answer::head(&response);
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        Answer {
            warnings,
            ..Answer::of(code, &body)
        }
    }

    async fn watch(&self, request: Request<Full<Bytes>>, count: usize) -> Answer {
        let response = self.send(request).await;
        let code = response.status().as_u16();
        lines(code, response.into_body(), count, Duration::from_secs(3)).await
    }

    async fn moment(&self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }

    async fn kubeconfig(&self) -> PathBuf {
        self.kubeconfig.clone()
    }

    fn patience(&self) -> usize {
        450
    }
}
