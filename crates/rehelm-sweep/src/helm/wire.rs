//! Helm's requests: a client that repeats nothing.

use std::sync::Arc;

use http::{Method, Request};
use rehelm_clients::kube::KubeCluster;
use rehelm_core::object::Object;
use rehelm_core::ports::{Cluster, PortError, PortResult};
use serde_json::{Value, json};

use crate::call::Actor;
use crate::process::Process;

/// Why a request failed.
#[derive(Debug)]
pub enum Failure {
    /// The server refused: status and message.
    Refused(u16, String),
    /// No answer.
    Silent(String),
    /// Helm itself was killed.
    Killed,
}

/// What Helm is told when it is killed; nothing else says so.
pub const KILLED: &str = "helm is killed here";

/// Helm's connection.
#[derive(Clone)]
pub struct Wire {
    client: kube::Client,
    kinds: Arc<KubeCluster>,
}

impl From<Failure> for PortError {
    fn from(failure: Failure) -> Self {
        Self::Other(match failure {
            Failure::Refused(code, message) => format!("helm: {message} ({code})"),
            Failure::Silent(why) => format!("helm: Kubernetes cluster unreachable: {why}"),
            Failure::Killed => "helm: signal: 9 (SIGKILL)".to_owned(),
        })
    }
}

impl Wire {
    /// Through the tap, in Helm's name; kinds are looked up as the tool does.
    pub fn new(process: &Process, kinds: Arc<KubeCluster>) -> Self {
        Self {
            client: process.as_actor(Actor::Helm).client(),
            kinds,
        }
    }

    /// Path of an object's collection.
    async fn collection(&self, object: &Object, namespace: &str) -> PortResult<(String, bool)> {
        let kind = self.kinds.kind(object.api_version(), object.kind()).await?;
        let api = object.api_version();
        let root = if api.contains('/') { "apis" } else { "api" };
        let within = if kind.namespaced {
            format!("namespaces/{}/", object.namespace().unwrap_or(namespace))
        } else {
            String::new()
        };
        Ok((format!("/{root}/{api}/{within}{}", kind.plural), kind.namespaced))
    }

    async fn send(&self, method: Method, path: String, body: Option<(&str, &Value)>) -> Result<Value, Failure> {
        let silent = |why: &dyn std::fmt::Display| Failure::Silent(why.to_string());
        let mut request = Request::builder().method(method).uri(path);
        let bytes = match body {
            Some((media, value)) => {
                request = request.header("Content-Type", media);
                value.to_string().into_bytes()
            }
            None => Vec::new(),
        };
        let request = request.body(bytes).map_err(|e| silent(&e))?;
        match self.client.request::<Value>(request).await {
            Ok(value) => Ok(value),
            Err(kube::Error::Api(status)) => Err(Failure::Refused(status.code, status.message.clone())),
            Err(other) => {
                let mut words = other.to_string();
                let mut cause = std::error::Error::source(&other);
                while let Some(deeper) = cause {
                    words = format!("{words}: {deeper}");
                    cause = deeper.source();
                }
                Err(if words.contains(KILLED) {
                    Failure::Killed
                } else {
                    Failure::Silent(words)
                })
            }
        }
    }

    /// The live object; None when it is not there.
    pub async fn get(&self, object: &Object, namespace: &str) -> Result<Option<Object>, Failure> {
        let (path, _) = self.place(object, namespace).await?;
        match self.send(Method::GET, format!("{path}/{}", object.name()), None).await {
            Ok(value) => Ok(Some(Object(value))),
            Err(Failure::Refused(404, _)) => Ok(None),
            Err(other) => Err(other),
        }
    }

    async fn place(&self, object: &Object, namespace: &str) -> Result<(String, bool), Failure> {
        let place = self.collection(object, namespace).await;
        place.map_err(|e| Failure::Silent(e.to_string()))
    }

    /// Creates.
    pub async fn create(&self, object: &Object, namespace: &str) -> Result<Object, Failure> {
        let (path, namespaced) = self.place(object, namespace).await?;
        let mut object = object.clone();
        if namespaced && object.namespace().is_none() {
            object.set_namespace(namespace);
        }
        let path = format!("{path}?fieldManager=helm");
        let made = self
            .send(Method::POST, path, Some(("application/json", &object.0)))
            .await?;
        Ok(Object(made))
    }

    /// Patches: strategically what is built in, plainly what is not.
    pub async fn patch(&self, object: &Object, namespace: &str) -> Result<(), Failure> {
        let (path, _) = self.place(object, namespace).await?;
        let group = object.api_version().split_once('/').map_or("", |(group, _)| group);
        let custom = group.contains('.') && !group.ends_with("k8s.io") || object.kind() == "CustomResourceDefinition";
        let media = if custom {
            "application/merge-patch+json"
        } else {
            "application/strategic-merge-patch+json"
        };
        let path = format!("{path}/{}?fieldManager=helm", object.name());
        self.send(Method::PATCH, path, Some((media, &object.0))).await.map(drop)
    }

    /// Replaces.
    pub async fn update(&self, object: &Object, namespace: &str) -> Result<(), Failure> {
        let (path, _) = self.place(object, namespace).await?;
        let path = format!("{path}/{}?fieldManager=helm", object.name());
        self.send(Method::PUT, path, Some(("application/json", &object.0)))
            .await
            .map(drop)
    }

    /// Deletes; fine when it is gone.
    pub async fn delete(&self, object: &Object, namespace: &str) -> Result<(), Failure> {
        let (path, _) = self.place(object, namespace).await?;
        let options = json!({"propagationPolicy": "Background"});
        let path = format!("{path}/{}", object.name());
        match self
            .send(Method::DELETE, path, Some(("application/json", &options)))
            .await
        {
            Ok(_) | Err(Failure::Refused(404, _)) => Ok(()),
            Err(other) => Err(other),
        }
    }
}
