//! Which kinds the server serves, and under which plural: read once, read again when a kind is missed.
//!
//! Everything is read in two requests where the server aggregates its discovery (1.26 and later), one request per group
//! version otherwise. A group whose own server is down is left out, as kubectl does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use http::{Method, header};
use rehelm_core::ports::{ApiKind, ListedKind, PortError, PortResult};
use serde_json::Value;
use tokio::sync::RwLock;

use super::http::{Repeat, Wire, request};
use super::path;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

/// One served resource or subresource.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Resource {
    kind: String,
    /// Plural; `deployments/scale` for a subresource.
    name: String,
    namespaced: bool,
    lists: bool,
}

/// Group version (`v1`, `apps/v1`) → what it serves.
type Served = BTreeMap<String, Vec<Resource>>;

/// What is known of the server's kinds.
#[derive(Default)]
pub(crate) struct Discovery {
    known: RwLock<Option<Arc<Served>>>,
}

impl Discovery {
    /// Where a kind is served; asks the server again when it is not known yet.
    pub async fn kind(&self, wire: &Wire, api_version: &str, kind: &str) -> PortResult<ApiKind> {
        if self.known.read().await.is_none() {
            self.refresh(wire).await?;
        }
        if let Some(found) = self.find(api_version, kind).await {
            return Ok(found);
        }
        self.refresh_version(wire, api_version).await?;
        self.find(api_version, kind)
            .await
            .ok_or_else(|| PortError::NotFound(format!("kind {kind} of {api_version} on this server")))
    }

    /// `group/version` and `group/version/Kind` of everything, as Helm lists its capabilities; always read anew.
    pub async fn api_versions(&self, wire: &Wire) -> PortResult<Vec<String>> {
        let served = self.refresh(wire).await?;
        let mut names = BTreeSet::new();
        for (version, resources) in served.iter() {
            names.insert(version.clone());
            names.extend(resources.iter().map(|r| format!("{version}/{}", r.kind)));
        }
        Ok(names.into_iter().collect())
    }

    /// Every kind that can be listed, each in the version of its group that the server names first and that has it.
    pub async fn listed(&self, wire: &Wire) -> PortResult<Vec<ListedKind>> {
        let (order, served) = self.read(wire).await?;
        let mut seen = BTreeSet::new();
        let mut kinds = Vec::new();
        for version in order {
            let group = version.split_once('/').map_or("", |(group, _)| group);
            for resource in served.get(&version).into_iter().flatten() {
                if !resource.lists || resource.name.contains('/') || !seen.insert((group.to_owned(), &resource.name)) {
                    continue;
                }
                kinds.push(ListedKind {
                    api_version: version.clone(),
                    kind: resource.kind.clone(),
                    plural: resource.name.clone(),
                    namespaced: resource.namespaced,
                });
            }
        }
        Ok(kinds)
    }

    async fn find(&self, api_version: &str, kind: &str) -> Option<ApiKind> {
        let known = self.known.read().await;
        let resources = known.as_ref()?.get(api_version)?;
        let found = resources.iter().find(|r| r.kind == kind && !r.name.contains('/'))?;
        Some(ApiKind {
            plural: found.name.clone(),
            namespaced: found.namespaced,
        })
    }

    async fn refresh(&self, wire: &Wire) -> PortResult<Arc<Served>> {
        Ok(self.read(wire).await?.1)
    }

    /// Group versions in the order in which the server prefers them, and what each serves.
    async fn read(&self, wire: &Wire) -> PortResult<(Vec<String>, Arc<Served>)> {
        let (core, groups) = futures::try_join!(root(wire, "/api"), root(wire, "/apis"))?;
        let mut served = Served::new();
        let (mut order, mut singly) = (Vec::new(), Vec::new());
        for answer in [core, groups] {
            if answer["kind"] == "APIGroupDiscoveryList" {
                order.extend(aggregated(&answer, &mut served));
            } else {
                let versions = versions(&answer);
                order.extend(versions.iter().cloned());
                singly.extend(versions);
            }
        }
        let fetched: Vec<(String, Option<Vec<Resource>>)> = stream::iter(singly)
            .map(|version| async move {
                let resources = single(wire, &version).await?;
                PortResult::Ok((version, resources))
            })
            .buffered(8)
            .try_collect()
            .await?;
        served.extend(fetched.into_iter().filter_map(|(version, r)| Some((version, r?))));
        let served = Arc::new(served);
        *self.known.write().await = Some(Arc::clone(&served));
        Ok((order, served))
    }

    async fn refresh_version(&self, wire: &Wire, api_version: &str) -> PortResult<()> {
        let resources = single(wire, api_version).await?;
        let mut known = self.known.write().await;
        let mut served = known.as_deref().cloned().unwrap_or_default();
        match resources {
            Some(resources) => served.insert(api_version.to_owned(), resources),
            None => served.remove(api_version),
        };
        *known = Some(Arc::new(served));
        Ok(())
    }
}

async fn root(wire: &Wire, path: &str) -> PortResult<Value> {
    let mut asked = request(Method::GET, path, None, "discovery")?;
    asked
        .headers_mut()
        .insert(header::ACCEPT, header::HeaderValue::from_static(AGGREGATED));
    wire.json(asked, "discovery", Repeat::Always).await
}

/// What one group version serves; None when it is unknown or its server does not answer.
async fn single(wire: &Wire, version: &str) -> PortResult<Option<Vec<Resource>>> {
    if version.split('/').count() > 2 || version.contains(['?', '#', '%', ' ']) {
        return Ok(None);
    }
    // Asked once only: a broken extension server would cost the whole patience for kinds that nobody may want.
    let asked = request(Method::GET, &path::version(version), None, "discovery")?;
    match wire.json(asked, "discovery", Repeat::WhenNotApplied).await {
        Ok(answer) => Ok(Some(listed(&answer))),
        Err(PortError::NotFound(_)) => Ok(None),
        Err(PortError::Unavailable(why)) => {
            tracing::warn!(version, why, "left out of discovery");
            Ok(None)
        }
        Err(e) => Err(e),
    }
}

fn texts<'a>(list: &'a Value, field: &str) -> Vec<&'a Value> {
    list[field]
        .as_array()
        .map(|items| items.iter().collect())
        .unwrap_or_default()
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_default().to_owned()
}

/// Group versions of an `APIVersions` or `APIGroupList` answer.
fn versions(answer: &Value) -> Vec<String> {
    let core = texts(answer, "versions")
        .into_iter()
        .filter_map(|v| v.as_str().map(str::to_owned));
    let groups = texts(answer, "groups")
        .into_iter()
        .flat_map(|group| texts(group, "versions"));
    core.chain(groups.map(|v| text(v, "groupVersion"))).collect()
}

/// Resources of an `APIResourceList` answer.
fn listed(answer: &Value) -> Vec<Resource> {
    let one = |r: &Value| Resource {
        kind: text(r, "kind"),
        name: text(r, "name"),
        namespaced: r["namespaced"] == true,
        lists: lists(r),
    };
    texts(answer, "resources").into_iter().map(one).collect()
}

fn lists(resource: &Value) -> bool {
    texts(resource, "verbs").contains(&&Value::from("list"))
}

/// Reads everything; gives the group versions in their order.
fn aggregated(answer: &Value, served: &mut Served) -> Vec<String> {
    let mut order = Vec::new();
    for group in texts(answer, "items") {
        let group_name = group["metadata"]["name"].as_str().unwrap_or_default();
        for version in texts(group, "versions") {
            let version_name = text(version, "version");
            let name = if group_name.is_empty() {
                version_name
            } else {
                format!("{group_name}/{version_name}")
            };
            let mut resources = Vec::new();
            for resource in texts(version, "resources") {
                let plural = text(resource, "resource");
                let namespaced = resource["scope"] == "Namespaced";
                let subresources = texts(resource, "subresources").into_iter().map(|sub| Resource {
                    kind: text(&sub["responseKind"], "kind"),
                    name: format!("{plural}/{}", text(sub, "subresource")),
                    namespaced,
                    lists: false,
                });
                let subresources: Vec<Resource> = subresources.filter(|r| !r.kind.is_empty()).collect();
                resources.push(Resource {
                    kind: text(&resource["responseKind"], "kind"),
                    name: plural,
                    namespaced,
                    lists: lists(resource),
                });
                resources.extend(subresources);
            }
            order.push(name.clone());
            served.insert(name, resources);
        }
    }
    order
}
