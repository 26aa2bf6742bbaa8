//! A picture of a cluster: every object that may be read, the shapes of its databases, and facts about the server.
//!
//! Taking it only reads. It holds no document of a database, and secrets only as they are told to be kept: as they are
//! (for the memory of one process), as stand-ins ([`redact`]), or for a writer that encrypts them.
//!
//! What may not be read is named in [`Meta::unread`] and as a finding; it never stops a snapshot.

pub mod redact;
mod release;
mod stand_in;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::finding::Finding;
use crate::object::group;
use crate::parallel::side_by_side;
use crate::ports::{Cluster, DatabaseFacts, DatabaseOutline, Databases, ListedKind, PortError, PortResult, Select};

/// Version of the format.
pub const FORMAT: u32 = 1;

/// Resource of the objects that are secret.
pub const SECRETS: &str = "secrets";

/// Groups of kinds that are computed and not kept, or are shown a second time under another group.
const COMPUTED: [&str; 3] = ["metrics.k8s.io", "custom.metrics.k8s.io", "external.metrics.k8s.io"];

/// Groups whose kinds other groups serve as well; they come last, so that those of the others are kept.
const DOUBLES: [&str; 2] = ["extensions", "events.k8s.io"];

/// How secrets are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", rename_all = "kebab-case")]
pub enum Secrecy {
    /// As they are; never in a file.
    Plain,
    /// Every value is a stand-in.
    Redacted,
    /// Encrypted with age, for public keys (`age1…`) or, when there are none, with a passphrase.
    Encrypted {
        /// Who can read them.
        recipients: Vec<String>,
    },
}

/// One kind of objects in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Resource {
    /// `deployments.apps`, or `pods` in the core group.
    pub resource: String,
    /// Version in which they were read.
    pub api_version: String,
    /// `Deployment`, …
    pub kind: String,
    /// How many.
    pub objects: usize,
}

/// A kind that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// `deployments.apps`, …
    pub resource: String,
    /// What the server said.
    pub why: String,
}

/// Everything about a snapshot but its content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Meta {
    /// [`FORMAT`].
    pub format: u32,
    /// When it was begun.
    pub taken: Timestamp,
    /// Who took it, and where.
    pub by: String,
    /// Context of the kubeconfig.
    pub context: String,
    /// `gitVersion` of the server.
    pub version: String,
    /// uid of the namespace `kube-system`.
    pub cluster_uid: String,
    /// `group/version` and `group/version/Kind` of everything served.
    pub api_versions: Vec<String>,
    /// How secrets are kept.
    pub secrets: Secrecy,
    /// What was read.
    pub resources: Vec<Resource>,
    /// What was not.
    pub unread: Vec<Unread>,
}

/// The database server of a snapshot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatabaseShapes {
    /// Version and topology.
    pub server: DatabaseFacts,
    /// Databases by name.
    pub databases: BTreeMap<String, DatabaseOutline>,
}

/// A cluster as it was.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// About it.
    pub meta: Meta,
    /// Objects by resource, in the server's order.
    pub objects: BTreeMap<String, Vec<Value>>,
    /// Databases, when the configuration says how to reach them.
    pub databases: Option<DatabaseShapes>,
}

/// What a snapshot is asked for.
#[derive(Clone, Debug)]
pub struct About {
    /// When.
    pub now: Timestamp,
    /// Who and where.
    pub by: String,
    /// Context of the kubeconfig.
    pub context: String,
    /// Take events along.
    pub events: bool,
}

/// Reads a whole cluster. `progress(resource, kinds read, of how many)`.
///
/// # Errors
/// When the server's version, discovery or identity cannot be read, or it stops answering.
pub async fn take(
    cluster: &dyn Cluster,
    databases: Option<&dyn Databases>,
    about: &About,
    progress: &(dyn for<'a> Fn(&'a str, usize, usize) + Send + Sync),
) -> PortResult<(Snapshot, Vec<Finding>)> {
    let (facts, kinds) = futures::try_join!(cluster.facts(), cluster.listed_kinds())?;
    let wanted: Vec<ListedKind> = kinds.into_iter().filter(|kind| is_kept(kind, about.events)).collect();
    let of = wanted.len();
    let done = std::sync::atomic::AtomicUsize::new(0);
    let lists = wanted.iter().enumerate().map(|(order, kind)| {
        let done = &done;
        async move {
            let answer = match cluster.list(&kind.api_version, &kind.kind, &Select::default()).await {
                Err(PortError::Unavailable(why)) => return Err(PortError::Unavailable(why)),
                answer => answer.map_err(|why| why.to_string()),
            };
            let read = done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1;
            progress(&kind.plural, read, of);
            Ok((order, kind, answer))
        }
    });
    let mut lists = side_by_side(lists).await?;
    let is_double = |kind: &ListedKind| DOUBLES.contains(&group(&kind.api_version));
    lists.sort_by_key(|(order, kind, _)| (is_double(kind), *order));
    let mut objects = BTreeMap::new();
    let (mut resources, mut unread, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    let mut seen = BTreeSet::new();
    for (_, kind, answer) in lists {
        let resource = resource_id(kind);
        let items = match answer {
            Ok(items) => items,
            Err(why) => {
                findings.push(Finding::warning("snapshot-unread", resource.clone()).arg("why", &why));
                unread.push(Unread { resource, why });
                continue;
            }
        };
        // What is kept has a uid; the same object under two groups has one.
        let kept = items
            .into_iter()
            .filter(|o| !o.uid().is_empty() && seen.insert(o.uid().to_owned()));
        let kept: Vec<Value> = kept.map(|o| o.0).collect();
        if kept.is_empty() {
            continue;
        }
        resources.push(Resource {
            resource: resource.clone(),
            api_version: kind.api_version.clone(),
            kind: kind.kind.clone(),
            objects: kept.len(),
        });
        objects.insert(resource, kept);
    }
    resources.sort_by(|a, b| a.resource.cmp(&b.resource));
    let databases = match databases {
        Some(server) => Some(shapes(server).await?),
        None => None,
    };
    let meta = Meta {
        format: FORMAT,
        taken: about.now,
        by: about.by.clone(),
        context: about.context.clone(),
        version: facts.version,
        cluster_uid: facts.cluster_uid,
        api_versions: facts.api_versions,
        secrets: Secrecy::Plain,
        resources,
        unread,
    };
    let snapshot = Snapshot {
        meta,
        objects,
        databases,
    };
    Ok((snapshot, findings))
}

impl Snapshot {
    /// How many objects there are.
    pub fn count(&self) -> usize {
        self.objects.values().map(Vec::len).sum()
    }
}

fn resource_id(kind: &ListedKind) -> String {
    match group(&kind.api_version) {
        "" => kind.plural.clone(),
        group => format!("{}.{group}", kind.plural),
    }
}

fn is_kept(kind: &ListedKind, events: bool) -> bool {
    !COMPUTED.contains(&group(&kind.api_version)) && (events || kind.kind != "Event")
}

async fn shapes(server: &dyn Databases) -> PortResult<DatabaseShapes> {
    let names = server.list().await?;
    let mut databases = BTreeMap::new();
    for name in names {
        if ["admin", "config", "local"].contains(&name.as_str()) {
            continue;
        }
        let outline = server.outline(&name).await?;
        databases.insert(name, outline);
    }
    Ok(DatabaseShapes {
        server: server.facts().await?,
        databases,
    })
}
