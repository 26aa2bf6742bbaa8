//! A Kubernetes API server behind [`Cluster`].
//!
//! Objects stay JSON; the kinds come from the server's discovery. Every write carries the field manager `rehelm` and
//! its preconditions, so that the server decides whether the object is still the one that was planned for. There is no
//! client-side throttle: how many requests run side by side is the caller's business.

mod access;
mod discovery;
mod error;
mod http;
mod inside;
mod list;
mod patch;
mod path;
mod proxy;
mod reader;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use async_trait::async_trait;
use kube::Client;
use rehelm_core::object::{ObjRef, Object};
use rehelm_core::ports::{
    Access, ApiKind, Clock, Cluster, Executed, ListedKind, PatchKind, PortError, PortResult, Precondition, Select,
    ServerFacts,
};
use serde_json::{Value, json};

pub use self::access::{ContextFacts, KubeAccess};
use self::discovery::Discovery;
use self::http::{Repeat, Wire, request};
pub(crate) use self::inside::Spoken;
use self::path::Query;
pub(crate) use self::path::version as version_path;
pub(crate) use self::reader::Reader;
use crate::clock::{Limit, SystemClock};

/// Field manager of every write.
pub const FIELD_MANAGER: &str = "rehelm";

/// One API server, as one identity.
pub struct KubeCluster {
    wire: Wire,
    discovery: Discovery,
    facts: ContextFacts,
}

impl KubeCluster {
    /// Reads the kubeconfig and prepares a client; nothing is sent yet.
    pub async fn open(access: &KubeAccess) -> PortResult<Self> {
        let (config, facts, time_limit) = access::load(access, &access::Environment::of_process()).await?;
        let client = Client::try_from(config).map_err(|e| error::from_client("the client", &e))?;
        Ok(Self::with_client(client, facts, time_limit))
    }

    /// Takes a client as it is, such as one over a simulated API. `time_limit` is for one request.
    pub fn with_client(client: Client, facts: ContextFacts, time_limit: Duration) -> Self {
        Self {
            wire: Wire {
                client,
                time_limit,
                patience: http::PATIENCE,
                clock: Arc::new(SystemClock),
            },
            discovery: Discovery::default(),
            facts,
        }
    }

    /// Waits on another clock than the machine's, such as a simulated cluster's.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.wire.clock = clock;
        self
    }

    /// Context, user, namespace, server and certificate authority, as chosen.
    pub fn context(&self) -> &ContextFacts {
        &self.facts
    }

    /// For the proxy through which Helm reads.
    pub(crate) fn reader(&self) -> Reader {
        Reader(self.wire.clone())
    }

    async fn kind_within(&self, api_version: &str, kind: &str, limit: &Limit<'_>) -> PortResult<ApiKind> {
        let found = limit.within(self.kind(api_version, kind)).await;
        found.unwrap_or_else(|_| {
            Err(PortError::Timeout {
                what: format!("the server's discovery of {kind}"),
                waited: limit.passed(),
            })
        })
    }

    async fn url(&self, object: &ObjRef, subresource: Option<&str>, query: &Query) -> PortResult<String> {
        let kind = self.kind(&object.api_version, &object.kind).await?;
        let namespace = object.namespace.as_deref();
        path::object(&object.api_version, &kind, namespace, &object.name, subresource, query)
    }
}

fn parsed(value: Value, what: &str) -> PortResult<Object> {
    Object::from_value(value).map_err(|why| PortError::Unavailable(format!("{what}: the answer's {why}")))
}

#[async_trait]
impl Cluster for KubeCluster {
    async fn facts(&self) -> PortResult<ServerFacts> {
        let system = ObjRef::new("v1", "Namespace", None, "kube-system");
        let (version, api_versions, system) = futures::try_join!(
            self.wire.get("/version", "the server's version"),
            self.discovery.api_versions(&self.wire),
            self.get(&system),
        )?;
        let system = system.ok_or_else(|| PortError::NotFound("namespace kube-system".to_owned()))?;
        Ok(ServerFacts {
            version: version["gitVersion"].as_str().unwrap_or_default().to_owned(),
            api_versions,
            cluster_uid: system.uid().to_owned(),
            url: self.facts.url.clone(),
        })
    }

    async fn kind(&self, api_version: &str, kind: &str) -> PortResult<ApiKind> {
        self.discovery.kind(&self.wire, api_version, kind).await
    }

    async fn listed_kinds(&self) -> PortResult<Vec<ListedKind>> {
        self.discovery.listed(&self.wire).await
    }

    async fn get(&self, object: &ObjRef) -> PortResult<Option<Object>> {
        let what = object.to_string();
        let url = match self.url(object, None, &Query::new()).await {
            Err(PortError::NotFound(_)) => return Ok(None),
            url => url?,
        };
        match self.wire.get(&url, &what).await {
            Ok(value) => parsed(value, &what).map(Some),
            Err(PortError::NotFound(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    async fn list(&self, api_version: &str, kind: &str, select: &Select) -> PortResult<Vec<Object>> {
        let served = match self.kind(api_version, kind).await {
            Err(PortError::NotFound(_)) => return Ok(Vec::new()),
            served => served?,
        };
        let (items, _) = list::all(&self.wire, api_version, kind, &served, select).await?;
        Ok(items)
    }

    async fn create(&self, object: &Object, dry_run: bool) -> PortResult<Object> {
        let what = object.reference().to_string();
        let kind = self.kind(object.api_version(), object.kind()).await?;
        if kind.namespaced && object.namespace().is_none() {
            return Err(PortError::Invalid(what, "a namespace is needed".to_owned()));
        }
        let query = Query::new().with("fieldManager", FIELD_MANAGER).dry_run(dry_run);
        let url = path::collection(object.api_version(), &kind, object.namespace(), &query)?;
        let asked = request(Method::POST, &url, Some(("application/json", &object.0)), &what)?;
        parsed(self.wire.json(asked, &what, Repeat::WhenNotApplied).await?, &what)
    }

    async fn patch(
        &self,
        object: &ObjRef,
        kind: PatchKind,
        patch: &Value,
        precondition: &Precondition,
        dry_run: bool,
    ) -> PortResult<Object> {
        let what = object.to_string();
        let body = patch::body(object, kind, patch, precondition)?;
        let force = (kind == PatchKind::Apply).then_some("true");
        let query = Query::new()
            .with("fieldManager", FIELD_MANAGER)
            .maybe("force", force)
            .dry_run(dry_run);
        let url = self.url(object, None, &query).await?;
        let asked = request(Method::PATCH, &url, Some((patch::content_type(kind), &body)), &what)?;
        match self.wire.json(asked, &what, Repeat::WhenNotApplied).await {
            Ok(value) => parsed(value, &what),
            Err(PortError::Invalid(_, why)) if kind == PatchKind::Json => {
                let live = self.get(object).await?;
                match live.and_then(|live| patch::failed_test(&live.0, &body)) {
                    Some(changed) => Err(PortError::Conflict(what, changed)),
                    None => Err(PortError::Invalid(what, why)),
                }
            }
            Err(e) => Err(e),
        }
    }

    async fn delete(&self, object: &ObjRef, precondition: &Precondition, dry_run: bool) -> PortResult<()> {
        let what = object.to_string();
        let url = match self.url(object, None, &Query::new()).await {
            Err(PortError::NotFound(_)) => return Ok(()),
            url => url?,
        };
        let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"});
        if dry_run {
            options["dryRun"] = json!(["All"]);
        }
        if let Some(uid) = &precondition.uid {
            options["preconditions"]["uid"] = json!(uid);
        }
        if let Some(version) = &precondition.resource_version {
            options["preconditions"]["resourceVersion"] = json!(version);
        }
        let asked = request(Method::DELETE, &url, Some(("application/json", &options)), &what)?;
        match self.wire.json(asked, &what, Repeat::WhenNotApplied).await {
            Ok(_) | Err(PortError::NotFound(_)) => Ok(()),
            Err(e) => Err(e),
        }
    }

    async fn scale(&self, object: &ObjRef, replicas: i32) -> PortResult<()> {
        let what = object.to_string();
        let query = Query::new().with("fieldManager", FIELD_MANAGER);
        let url = self.url(object, Some("scale"), &query).await?;
        let patch = json!({"spec": {"replicas": replicas}});
        let asked = request(
            Method::PATCH,
            &url,
            Some((patch::content_type(PatchKind::Merge), &patch)),
            &what,
        )?;
        // A replica count set twice is the same count.
        self.wire.json(asked, &what, Repeat::Always).await.map(drop)
    }

    async fn wait(
        &self,
        object: &ObjRef,
        timeout: Duration,
        until: &(dyn for<'a> Fn(Option<&'a Object>) -> bool + Send + Sync),
    ) -> PortResult<Option<Object>> {
        let limit = Limit::of(&*self.wire.clock, timeout);
        let kind = self.kind_within(&object.api_version, &object.kind, &limit).await?;
        let select = Select {
            namespace: object.namespace.clone(),
            labels: None,
            fields: Some(format!("metadata.name={}", object.name)),
        };
        let awaited = watch::Awaited {
            wire: &self.wire,
            api_version: &object.api_version,
            kind_name: &object.kind,
            kind: &kind,
            select: &select,
            until: &|items| until(items.first()),
        };
        let mut items = watch::wait(&awaited, &object.to_string(), &limit).await?;
        Ok(items.pop())
    }

    async fn wait_list(
        &self,
        api_version: &str,
        kind: &str,
        select: &Select,
        timeout: Duration,
        until: &(dyn for<'a> Fn(&'a [Object]) -> bool + Send + Sync),
    ) -> PortResult<Vec<Object>> {
        let limit = Limit::of(&*self.wire.clock, timeout);
        let served = self.kind_within(api_version, kind, &limit).await?;
        let awaited = watch::Awaited {
            wire: &self.wire,
            api_version,
            kind_name: kind,
            kind: &served,
            select,
            until,
        };
        watch::wait(&awaited, &served.plural, &limit).await
    }

    async fn can_i(&self, access: &Access) -> PortResult<bool> {
        let (resource, subresource) = access.resource.split_once('/').unwrap_or((&access.resource, ""));
        let spec = if access.resource.starts_with('/') {
            json!({"nonResourceAttributes": {"verb": access.verb, "path": access.resource}})
        } else {
            json!({"resourceAttributes": {
                "verb": access.verb,
                "group": access.group,
                "resource": resource,
                "subresource": subresource,
                "namespace": access.namespace.as_deref().unwrap_or_default(),
                "name": access.name.as_deref().unwrap_or_default(),
            }})
        };
        let kind = "SelfSubjectAccessReview";
        let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec});
        let url = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let asked = request(
            Method::POST,
            url,
            Some(("application/json", &review)),
            "an access review",
        )?;
        let answer = self.wire.json(asked, "an access review", Repeat::Always).await?;
        Ok(answer["status"]["allowed"] == true)
    }

    async fn exec(&self, pod: &ObjRef, container: Option<&str>, command: &[String]) -> PortResult<Option<Executed>> {
        self.run_inside(pod, container, command).await
    }
}

#[cfg(test)]
mod tests;
