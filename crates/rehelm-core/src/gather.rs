//! Reads everything that a plan is made from. Only reads; the order of reading does not matter to the result.

mod fills;
mod live;
mod plurals;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

pub use fills::{chart_data, overwritten, private_values, value_at};
pub use live::live_by_reference;

use crate::finding::Finding;
use crate::inventory::{Claim, Observed, Places};
use crate::object::{ObjKey, ObjRef, Object};
use crate::plan::{Fill, ValuesFile};
use crate::ports::{Cluster, Helm, PortResult, ReleaseSpec, Select};
use crate::profile::Profile;
use crate::secrets::{self, ConvertOptions, ConvertedSecret, SourceSecret};
use crate::steps::secrets::CarriedSecret;

/// What a person asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where.
    pub places: Places,
    /// kubeconfig context, for the plan's words.
    pub context: String,
    /// Kustomize folders as configured, for the plan's words.
    pub kustomize: Vec<String>,
    /// The built manifests, as they came.
    pub declared: Vec<Object>,
    /// The chart and the user's values; `private_values` is empty.
    pub release: ReleaseSpec,
    /// The user's values files with their hashes.
    pub values: Vec<ValuesFile>,
    /// All values files of the user merged.
    pub user_values: Value,
    /// Groups of secrets that were switched on.
    pub secret_groups: Vec<String>,
    /// Consent to fill values from secrets where the chart would overwrite them.
    pub fill_secrets: bool,
    /// Codes of errors that were waived.
    pub accepted: Vec<String>,
    /// Documented preconditions that a person confirmed.
    pub confirmed: Vec<String>,
    /// age recipients of the backup.
    pub recipients: Vec<String>,
}

/// What was read, and the values that rehelm would add.
#[derive(Debug)]
pub struct Gathered {
    /// Everything.
    pub observed: Observed,
    /// Values to be added.
    pub fills: Vec<Fill>,
    /// Plurals that are not formed as the built-in kinds form theirs, by kind and group (`Mouse.example.com`).
    pub plurals: BTreeMap<String, String>,
}

/// Reads cluster, chart and secrets.
///
/// # Errors
/// When the cluster or Helm does not answer; odd content becomes findings instead.
pub async fn gather(
    request: &Request,
    cluster: &dyn Cluster,
    helm: &dyn Helm,
    profile: &Profile,
) -> PortResult<Gathered> {
    let places = &request.places;
    let mut findings = Vec::new();
    let (facts, helm_version, chart) =
        futures::try_join!(cluster.facts(), helm.version(), helm.chart(&request.release))?;
    let declared = live::with_namespaces(&request.declared, cluster, &places.source, &mut findings).await?;
    let all = |api: &'static str, kind: &'static str, namespace: Option<&str>| {
        let select = Select {
            namespace: namespace.map(str::to_owned),
            ..Select::default()
        };
        async move { cluster.list(api, kind, &select).await }
    };
    let source = Some(places.source.as_str());
    let target = Some(places.target.as_str());
    let (secrets, target_secrets, claims, volumes, classes, pods) = futures::try_join!(
        all("v1", "Secret", source),
        all("v1", "Secret", target),
        all("v1", "PersistentVolumeClaim", source),
        all("v1", "PersistentVolume", None),
        all("storage.k8s.io/v1", "StorageClass", None),
        all("v1", "Pod", source),
    )?;
    let (autoscalers, mut quotas, limits, ingress_classes, nodes) = futures::try_join!(
        all("autoscaling/v1", "HorizontalPodAutoscaler", source),
        all("v1", "ResourceQuota", target),
        all("v1", "LimitRange", target),
        all("networking.k8s.io/v1", "IngressClass", None),
        all("v1", "Node", None),
    )?;
    quotas.extend(limits);
    let target_exists = cluster.get(&namespace_ref(&places.target)).await?.is_some();
    let claims: Vec<Claim> = claims
        .into_iter()
        .map(|claim| {
            let volume = volumes
                .iter()
                .find(|v| Some(v.name()) == claim.str("/spec/volumeName"))
                .cloned();
            Claim { claim, volume }
        })
        .collect();

    let carried = convert(request, profile, &secrets, &mut findings);
    let converted: Vec<Object> = carried.iter().map(|c| c.object.clone()).collect();
    let mut fills = fills::volume_fills(profile, &claims, &request.user_values, &mut findings);
    let mut planned = converted.clone();
    if !target_exists {
        planned.push(namespace(&places.target));
    }
    let render = async |fills: &[Fill]| {
        let mut spec = request.release.clone();
        spec.private_values = private_values(fills, &converted);
        helm.render(&spec, &planned).await
    };
    let mut rendered = render(&fills).await?;
    if request.fill_secrets {
        let more = fills::secret_fills(profile, &rendered.objects, &converted);
        if !more.is_empty() {
            fills.extend(more);
            rendered = render(&fills).await?;
        }
    }
    let names: Vec<ObjRef> = declared
        .iter()
        .chain(&rendered.objects)
        .chain(&rendered.crds)
        .map(Object::reference)
        .collect();
    let definitions: Vec<&Object> = declared.iter().chain(&rendered.objects).chain(&rendered.crds).collect();
    let plurals = plurals::odd(cluster, &names, &definitions).await?;
    let all = live::list_kinds(cluster, &names).await?;
    let undeclared = live::undeclared_objects(&all, &declared, &places.source);
    let wanted: BTreeSet<ObjKey> = names.iter().map(ObjRef::key).collect();
    let by_key = all.into_iter().map(|o| (o.reference().key(), o));
    let live: BTreeMap<ObjKey, Object> = by_key.filter(|(key, _)| wanted.contains(key)).collect();
    let release = helm.release(&places.target, &places.release).await?;
    let observed = Observed {
        places: places.clone(),
        facts,
        declared,
        rendered: rendered.objects,
        crds: rendered.crds,
        chart,
        live,
        undeclared,
        secrets,
        target_secrets,
        carried: carried
            .into_iter()
            .map(|c| CarriedSecret {
                from: c.source_name,
                to: c.object.name().to_owned(),
                class: c.class,
            })
            .collect(),
        converted,
        claims,
        volumes,
        classes,
        pods,
        autoscalers,
        quotas,
        ingress_classes,
        nodes,
        release,
        target_exists,
        helm_version,
        findings,
        index: Default::default(),
    };
    Ok(Gathered {
        observed,
        fills,
        plurals,
    })
}

/// A Namespace object's reference.
pub fn namespace_ref(name: &str) -> ObjRef {
    ObjRef::new("v1", "Namespace", None, name)
}

/// A Namespace object.
pub fn namespace(name: &str) -> Object {
    Object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
}

fn convert(
    request: &Request,
    profile: &Profile,
    secrets: &[Object],
    findings: &mut Vec<Finding>,
) -> Vec<ConvertedSecret> {
    let wanted: BTreeSet<&str> = profile.secrets.rules().map(|r| r.name).collect();
    let inputs = secrets
        .iter()
        .filter(|s| wanted.contains(s.name()))
        .cloned()
        .map(SourceSecret::live)
        .collect();
    let options = ConvertOptions {
        namespace: request.places.target.clone(),
        release: request.places.release.clone(),
        groups: request.secret_groups.iter().cloned().collect(),
        keep_server_fields: false,
    };
    let (converted, said) = secrets::convert(inputs, &profile.secrets, &options);
    findings.extend(said);
    converted
}
