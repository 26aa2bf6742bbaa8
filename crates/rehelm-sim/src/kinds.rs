//! Which kinds are served, and how: the tables of the posed minor, and the CRDs of the cluster.

mod crd;
mod order;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

pub(crate) use crd::{ScalePaths, names_conflict};
pub(crate) use order::by_priority;

use crate::schema::{Schema, Schemas};
use crate::tables::{ResourceFacts, Tables};

/// One resource in one version.
#[derive(Clone)]
pub(crate) struct Kind {
    pub facts: ResourceFacts,
    /// `plural.group`, or `plural` for the core group: the name that the store and all controllers use. Resources that are
    /// the same objects under two groups have one.
    pub id: Arc<str>,
    /// `group/version` in which the store keeps the resource.
    pub stored_as: String,
    pub schema: Option<Schema>,
    /// Name of the CRD that made it; None for built-in kinds.
    pub crd: Option<String>,
    /// A CRD's `additionalPrinterColumns`; None when it has none.
    pub columns: Option<Value>,
    /// Where a custom resource has its replicas; None for built-in kinds and for those without the subresource.
    pub scale: Option<ScalePaths>,
    /// A CRD's `openAPIV3Schema`, for clients that ask for OpenAPI.
    pub document: Option<Arc<Value>>,
}

impl Kind {
    /// `apps/v1`, or `v1`.
    pub fn api_version(&self) -> String {
        api_version(&self.facts.group, &self.facts.version)
    }

    /// `Deployment.apps`, or `Pod`: how validation errors name it.
    pub fn qualified(&self) -> String {
        if self.facts.group.is_empty() {
            self.facts.kind.clone()
        } else {
            format!("{}.{}", self.facts.kind, self.facts.group)
        }
    }

    /// True when the store keeps this version.
    pub fn is_stored(&self) -> bool {
        let (group, version) = self.stored_as.split_once('/').unwrap_or(("", &self.stored_as));
        group == self.facts.group && version == self.facts.version
    }

    pub fn has_subresource(&self, name: &str) -> bool {
        self.facts.subresources.iter().any(|sub| sub.name == name)
    }

    /// `FooList`, or what a CRD says.
    pub fn list_kind(&self) -> String {
        let own = Some(self.facts.list_kind.clone()).filter(|kind| !kind.is_empty());
        own.unwrap_or_else(|| format!("{}List", self.facts.kind))
    }
}

/// `group/version`, or the version alone for the core group.
pub(crate) fn api_version(group: &str, version: &str) -> String {
    if group.is_empty() {
        version.to_owned()
    } else {
        format!("{group}/{version}")
    }
}

/// `plural.group`, or `plural` for the core group.
pub(crate) fn id(group: &str, plural: &str) -> String {
    if group.is_empty() {
        plural.to_owned()
    } else {
        format!("{plural}.{group}")
    }
}

/// All kinds that the server serves now. Every look-up is one or two hashes.
#[derive(Clone)]
pub(crate) struct Kinds {
    schemas: Arc<Schemas>,
    builtin: Vec<Arc<Kind>>,
    /// Served versions of CRDs by group and plural, preferred one first.
    custom: BTreeMap<(String, String), Vec<Arc<Kind>>>,
    /// `group/version/plural` → kind.
    paths: HashMap<String, Arc<Kind>>,
    /// `group/version` and kind → kind.
    names: HashMap<(String, String), Arc<Kind>>,
    /// Id → the kind in the version that the store keeps, served or not.
    stored: HashMap<Arc<str>, Arc<Kind>>,
}

impl Kinds {
    /// The built-in kinds of a server.
    pub fn new(tables: &Tables) -> Self {
        let mut kinds = Self {
            schemas: tables.schemas.clone(),
            builtin: Vec::new(),
            custom: BTreeMap::new(),
            paths: HashMap::new(),
            names: HashMap::new(),
            stored: HashMap::new(),
        };
        for resource in &tables.resources {
            let facts = &resource.facts;
            let kind = Arc::new(Kind {
                id: resource.id.as_str().into(),
                stored_as: resource.stored_as.clone(),
                schema: Schema::named(&tables.schemas, &facts.schema),
                crd: None,
                columns: None,
                scale: None,
                document: None,
                facts: facts.clone(),
            });
            if kind.is_stored() {
                kinds.stored.insert(kind.id.clone(), kind.clone());
            }
            if resource.served {
                kinds.serve(&kind);
                kinds.builtin.push(kind);
            }
        }
        kinds
    }

    fn serve(&mut self, kind: &Arc<Kind>) {
        let facts = &kind.facts;
        self.paths
            .insert(path(&facts.group, &facts.version, &facts.plural), kind.clone());
        self.names
            .insert((kind.api_version(), facts.kind.clone()), kind.clone());
    }

    /// The kind behind a path.
    pub fn at(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        self.paths.get(&path(group, version, plural)).cloned()
    }

    /// True when a version of a group has any kind.
    pub fn has_version(&self, group: &str, version: &str) -> bool {
        self.all()
            .any(|kind| kind.facts.group == group && kind.facts.version == version)
    }

    /// The kind of an object.
    pub fn of(&self, api_version: &str, kind: &str) -> Option<Arc<Kind>> {
        self.names.get(&(api_version.to_owned(), kind.to_owned())).cloned()
    }

    /// The kind of an object from elsewhere: it may be in the store's version where this server does not serve that.
    pub fn of_loaded(&self, api_version: &str, kind: &str) -> Option<Arc<Kind>> {
        let unserved = || {
            let mut stored = self.stored.values();
            stored
                .find(|known| known.stored_as == api_version && known.facts.kind == kind)
                .cloned()
        };
        self.of(api_version, kind).or_else(unserved)
    }

    /// A resource by its `plural.group`, in the version that the store keeps.
    pub fn by_id(&self, id: &str) -> Option<Arc<Kind>> {
        self.stored.get(id).cloned()
    }

    /// The same resource in the version that the store keeps.
    pub fn stored(&self, kind: &Kind) -> Option<Arc<Kind>> {
        self.stored.get(&kind.id).cloned()
    }

    /// Every kind in every served version: built-in ones first, then those of CRDs by group and plural.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.builtin.iter().chain(self.custom.values().flatten())
    }

    /// Schemas of the built-in kinds.
    pub fn schemas(&self) -> &Arc<Schemas> {
        &self.schemas
    }

    /// Serves the versions of a CRD, in place of those that it had. What is no CRD is passed over.
    pub fn add_crd(&mut self, crd: &Value) {
        let Some(found) = crd::versions(&self.schemas, crd) else {
            return;
        };
        self.drop_crd(crate::meta::name(crd));
        for kind in &found.served {
            self.serve(kind);
        }
        self.stored.insert(found.stored.id.clone(), found.stored.clone());
        let facts = &found.stored.facts;
        self.custom
            .insert((facts.group.clone(), facts.plural.clone()), found.served);
    }

    /// Serves a CRD no more.
    pub fn drop_crd(&mut self, name: &str) {
        let keep = |kind: &Arc<Kind>| kind.crd.as_deref() != Some(name);
        let Some((plural, group)) = name.split_once('.') else {
            return;
        };
        let Some(gone) = self.custom.remove(&(group.to_owned(), plural.to_owned())) else {
            return;
        };
        for kind in gone {
            let facts = &kind.facts;
            self.paths.remove(&path(&facts.group, &facts.version, &facts.plural));
            self.names.remove(&(kind.api_version(), facts.kind.clone()));
        }
        if self.stored.get(name).is_some_and(|kind| !keep(kind)) {
            self.stored.remove(name);
        }
    }
}

fn path(group: &str, version: &str, plural: &str) -> String {
    [group, version, plural].join("/")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tables;
    use serde_json::json;

    #[test]
    fn kinds_are_found_by_path_name_and_id() {
        let kinds = Kinds::new(&tables::newest());
        assert_eq!(
            kinds.at("apps", "v1", "deployments").expect("at").facts.kind,
            "Deployment"
        );
        assert_eq!(&*kinds.of("v1", "Pod").expect("of").id, "pods");
        let hpa = kinds.by_id("horizontalpodautoscalers.autoscaling").expect("id");
        assert_eq!(hpa.api_version(), "autoscaling/v2");
        assert!(kinds.at("apps", "v1beta1", "deployments").is_none());
    }

    #[test]
    fn old_servers_have_what_they_had() {
        let of = |minor| Kinds::new(&tables::of(minor));
        let serves = |minor, api: &str, kind: &str| of(minor).of(api, kind).is_some();
        for (api, kind, from, until) in [
            ("policy/v1beta1", "PodDisruptionBudget", 21, 24),
            ("policy/v1beta1", "PodSecurityPolicy", 21, 24),
            ("autoscaling/v2", "HorizontalPodAutoscaler", 23, 35),
            ("autoscaling/v2beta2", "HorizontalPodAutoscaler", 21, 25),
            ("extensions/v1beta1", "Ingress", 21, 21),
            ("networking.k8s.io/v1", "Ingress", 21, 35),
            ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", 26, 31),
            ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy", 30, 35),
            ("resource.k8s.io/v1", "DeviceClass", 34, 35),
        ] {
            for minor in 21..=35 {
                let expected = (from..=until).contains(&minor);
                assert_eq!(serves(minor, api, kind), expected, "{api} {kind} in 1.{minor}");
            }
        }
        let old = of(21);
        let hpa = old.by_id("horizontalpodautoscalers.autoscaling").expect("stored");
        assert_eq!(hpa.api_version(), "autoscaling/v2");
        assert_eq!(
            old.of("extensions/v1beta1", "Ingress").expect("of").id,
            old.of("networking.k8s.io/v1", "Ingress").expect("of").id
        );
        assert!(old.by_id("deviceclasses.resource.k8s.io").is_none());
        let job = old
            .by_id("jobs.batch")
            .and_then(|kind| kind.schema.clone())
            .and_then(|s| s.property("spec"))
            .expect("spec");
        assert!(!job.has_property("podReplacementPolicy") && job.has_property("backoffLimit"));
    }

    #[test]
    fn a_crd_comes_changes_and_goes() {
        let mut kinds = Kinds::new(&tables::newest());
        let crd = |versions: Value| {
            json!({"metadata": {"name": "widgets.example.com"}, "spec": {
                "group": "example.com", "scope": "Namespaced",
                "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
                "versions": versions}})
        };
        let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object",
            "properties": {"replicas": {"type": "integer", "default": 3}}}}}});
        kinds.add_crd(&crd(json!([
            {"name": "v1beta1", "served": true, "storage": false, "schema": schema},
            {"name": "v1", "served": true, "storage": true, "schema": schema,
             "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}}},
        ])));
        let served: Vec<_> = kinds
            .all()
            .filter(|k| k.crd.is_some())
            .map(|k| k.api_version())
            .collect();
        assert_eq!(served, ["example.com/v1", "example.com/v1beta1"]);
        let kind = kinds.by_id("widgets.example.com").expect("stored");
        assert!(kind.has_subresource("scale") && kind.facts.singular == "widget" && kind.list_kind() == "WidgetList");
        let spec = kind.schema.as_ref().and_then(|s| s.property("spec")).expect("spec");
        assert_eq!(spec.defaults(), [("replicas".to_owned(), json!(3))]);

        kinds.add_crd(&crd(json!([
            {"name": "v1beta1", "served": true, "storage": true, "schema": schema},
            {"name": "v1", "served": false, "storage": false, "schema": schema},
        ])));
        assert!(kinds.of("example.com/v1", "Widget").is_none());
        assert_eq!(
            kinds.by_id("widgets.example.com").expect("stored").facts.version,
            "v1beta1"
        );

        kinds.drop_crd("widgets.example.com");
        assert!(kinds.by_id("widgets.example.com").is_none() && kinds.of("example.com/v1beta1", "Widget").is_none());
    }
}
