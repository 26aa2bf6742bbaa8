//! Reads everything that a plan is made from. Only reads; the order of reading does not matter to the result.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use serde_json::{Map, Value, json};

use crate::finding::Finding;
use crate::inventory::{Claim, Observed, Places};
use crate::object::{ObjKey, ObjRef, Object};
use crate::plan::{Fill, FillFrom, ValuesFile};
use crate::ports::{Cluster, Helm, PortError, PortResult, ReleaseSpec, Select};
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
    let declared = with_namespaces(&request.declared, cluster, &places.source, &mut findings).await?;
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
    let mut fills = volume_fills(profile, &claims, &request.user_values, &mut findings);
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
        let more = secret_fills(profile, &rendered.objects, &converted);
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
    let all = list_kinds(cluster, &names).await?;
    let undeclared = undeclared_objects(&all, &declared, &places.source);
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
    };
    Ok(Gathered { observed, fills })
}

/// A Namespace object's reference.
pub fn namespace_ref(name: &str) -> ObjRef {
    ObjRef::new("v1", "Namespace", None, name)
}

/// A Namespace object.
pub fn namespace(name: &str) -> Object {
    Object(json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
}

async fn with_namespaces(
    objects: &[Object],
    cluster: &dyn Cluster,
    namespace: &str,
    findings: &mut Vec<Finding>,
) -> PortResult<Vec<Object>> {
    let mut scopes: BTreeMap<(String, String), bool> = BTreeMap::new();
    let mut out = Vec::with_capacity(objects.len());
    for object in objects {
        let key = (object.api_version().to_owned(), object.kind().to_owned());
        let namespaced = match scopes.get(&key) {
            Some(known) => *known,
            None => {
                let namespaced = match cluster.kind(&key.0, &key.1).await {
                    Ok(kind) => kind.namespaced,
                    Err(PortError::NotFound(_)) => {
                        let subject = object.reference().to_string();
                        findings.push(Finding::error("kind-unknown", subject).arg("api", object.api_version()));
                        true
                    }
                    Err(other) => return Err(other),
                };
                scopes.insert(key, namespaced);
                namespaced
            }
        };
        let mut object = object.clone();
        if namespaced && object.namespace().is_none() {
            object.set_namespace(namespace);
        } else if !namespaced {
            object.metadata_mut().shift_remove("namespace");
        }
        out.push(object);
    }
    Ok(out)
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

fn volume_fills(profile: &Profile, claims: &[Claim], user: &Value, findings: &mut Vec<Finding>) -> Vec<Fill> {
    let mut fills = Vec::new();
    for rule in &profile.volumes.values {
        let Some(volume) = claims
            .iter()
            .find(|c| c.name() == rule.claim)
            .and_then(|c| c.volume.as_ref())
        else {
            continue;
        };
        let read = rule.from.iter().find_map(|field| {
            let text = volume.str(&field.field)?;
            let end = text.find(|c| field.until.contains(c)).unwrap_or(text.len());
            text.starts_with(&field.prefix).then(|| text[..end].to_owned())
        });
        let Some(text) = read else { continue };
        match value_at(user, &rule.value).and_then(Value::as_str) {
            Some(have) if have == text => {}
            Some(have) if !have.is_empty() => findings.push(
                Finding::error("volume-value-differs", format!("values {}", rule.value))
                    .arg("have", have)
                    .arg("want", &text)
                    .arg("claim", &rule.claim),
            ),
            _ => fills.push(Fill {
                value: rule.value.clone(),
                from: FillFrom::Volume {
                    claim: rule.claim.clone(),
                    text,
                },
            }),
        }
    }
    fills
}

/// Values for the secrets that the render would overwrite with other content, where the profile knows the value.
fn secret_fills(profile: &Profile, rendered: &[Object], converted: &[Object]) -> Vec<Fill> {
    overwritten(rendered, converted)
        .into_iter()
        .filter_map(|(secret, key)| {
            let rule = profile
                .values
                .from_secrets
                .iter()
                .find(|r| r.secret == secret && r.key == key)?;
            Some(Fill {
                value: rule.value.clone(),
                from: FillFrom::Secret { secret, key },
            })
        })
        .collect()
}

/// Secret and key of everything that the render would write over a converted secret with other content.
pub fn overwritten(rendered: &[Object], converted: &[Object]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    for secret in converted {
        let key = secret.reference().key();
        for chart in rendered.iter().filter(|r| r.reference().key() == key) {
            let data = chart_data(chart);
            for (name, content) in &data {
                if secret.0.get("data").and_then(|d| d.get(name)).and_then(Value::as_str) != Some(content) {
                    out.push((secret.name().to_owned(), name.clone()));
                }
            }
        }
    }
    out.sort();
    out.dedup();
    out
}

/// `data` of a secret in base64, `stringData` included.
pub fn chart_data(secret: &Object) -> BTreeMap<String, String> {
    use base64::Engine as _;
    let texts = |field: &str| {
        let map = secret
            .0
            .get(field)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        map.into_iter()
            .map(|(k, v)| (k, v.as_str().unwrap_or_default().to_owned()))
            .collect::<Vec<_>>()
    };
    let mut data: BTreeMap<String, String> = texts("data").into_iter().collect();
    for (key, text) in texts("stringData") {
        data.insert(key, base64::engine::general_purpose::STANDARD.encode(text));
    }
    data
}

/// The values document of all fills. Contents of secrets are taken from the converted secrets.
pub fn private_values(fills: &[Fill], converted: &[Object]) -> Option<Value> {
    use base64::Engine as _;
    let mut root = Value::Object(Map::new());
    for fill in fills {
        let text = match &fill.from {
            FillFrom::Volume { text, .. } => Some(text.clone()),
            FillFrom::Secret { secret, key } => converted
                .iter()
                .find(|c| c.name() == secret)
                .and_then(|c| c.0.get("data")?.get(key)?.as_str())
                .and_then(|b64| base64::engine::general_purpose::STANDARD.decode(b64).ok())
                .and_then(|bytes| String::from_utf8(bytes).ok()),
        };
        if let Some(text) = text {
            set_value(&mut root, &fill.value, Value::String(text));
        }
    }
    (!fills.is_empty()).then_some(root)
}

/// A value by its dotted path.
pub fn value_at<'a>(values: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(values, |at, part| at.get(part))
}

fn set_value(root: &mut Value, path: &str, value: Value) {
    let (parents, last) = path.rsplit_once('.').map_or((None, path), |(p, l)| (Some(p), l));
    let mut at = root;
    for part in parents.into_iter().flat_map(|p| p.split('.')) {
        if !at.get(part).is_some_and(Value::is_object) {
            at[part] = Value::Object(Map::new());
        }
        at = &mut at[part];
    }
    at[last] = value;
}

/// Live objects by identity, of all that are named. Every kind is listed once a namespace instead of reading object by
/// object.
///
/// # Errors
/// When the cluster does not answer.
pub async fn live_by_reference(cluster: &dyn Cluster, names: &[ObjRef]) -> PortResult<BTreeMap<ObjKey, Object>> {
    let wanted: BTreeSet<ObjKey> = names.iter().map(ObjRef::key).collect();
    let all = list_kinds(cluster, names)
        .await?
        .into_iter()
        .map(|o| (o.reference().key(), o));
    Ok(all.filter(|(key, _)| wanted.contains(key)).collect())
}

async fn list_kinds(cluster: &dyn Cluster, names: &[ObjRef]) -> PortResult<Vec<Object>> {
    let lists: BTreeSet<(&str, &str, Option<&str>)> = names
        .iter()
        .map(|o| (o.api_version.as_str(), o.kind.as_str(), o.namespace.as_deref()))
        .collect();
    let answers = try_join_all(lists.into_iter().map(|(api, kind, namespace)| async move {
        let select = Select {
            namespace: namespace.map(str::to_owned),
            ..Select::default()
        };
        cluster.list(api, kind, &select).await
    }))
    .await?;
    Ok(answers.into_iter().flatten().collect())
}

/// Objects of the old namespace that nobody declared; what a controller or the server makes itself is left out.
fn undeclared_objects(all: &[Object], declared: &[Object], namespace: &str) -> Vec<Object> {
    let known: BTreeSet<ObjKey> = declared.iter().map(|d| d.reference().key()).collect();
    let mut seen = BTreeSet::new();
    all.iter()
        .filter(|o| o.namespace() == Some(namespace) && !known.contains(&o.reference().key()))
        .filter(|o| o.get("/metadata/ownerReferences").is_none())
        .filter(|o| !(o.kind() == "ConfigMap" && o.name() == "kube-root-ca.crt"))
        .filter(|o| seen.insert(o.reference().key()))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(name: &str, data: Value) -> Object {
        Object(
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "namespace": "n"}, "data": data}),
        )
    }

    #[test]
    fn a_chart_that_would_empty_a_password_is_found() {
        let converted = [secret("mail", json!({"password": "c2VjcmV0", "other": "eA=="}))];
        let rendered = [secret("mail", json!({"password": ""}))];
        assert_eq!(
            overwritten(&rendered, &converted),
            [("mail".to_owned(), "password".to_owned())]
        );
        assert!(overwritten(&converted, &converted).is_empty());
    }

    #[test]
    fn fills_become_nested_values() {
        let fills = [
            Fill {
                value: "a.b".into(),
                from: FillFrom::Secret {
                    secret: "mail".into(),
                    key: "password".into(),
                },
            },
            Fill {
                value: "a.c".into(),
                from: FillFrom::Volume {
                    claim: "x".into(),
                    text: "fs-1".into(),
                },
            },
        ];
        let values = private_values(&fills, &[secret("mail", json!({"password": "c2VjcmV0"}))]);
        assert_eq!(values, Some(json!({"a": {"b": "secret", "c": "fs-1"}})));
        assert_eq!(private_values(&[], &[]), None);
    }
}
