//! The checks on the vendor's own manifests, as an install that runs exactly as declared: the known differences between
//! both sides must be found, and nothing else. The reference is no part of the project: found through
//! `REHELM_REFERENCE` or beside the checkout, and skipped, with a line on stderr, when absent.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use rehelm_core::checks::{self, Around, CheckInput, DatabaseLook};
use rehelm_core::finding::{Finding, Severity};
use rehelm_core::gather::{self, Gathered};
use rehelm_core::inventory::{self, Claim, Observed, Places};
use rehelm_core::object::Object;
use rehelm_core::ports::{ChartFacts, DatabaseFacts, ServerFacts};
use rehelm_core::profile::Profile;
use rehelm_core::secrets::{ConvertOptions, convert_files};
use rehelm_core::yaml;
use serde_json::json;

const SOURCE: &str = "default";
const TARGET: &str = "cognigy-ai";

fn reference() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let beside = ["../shared", "../../shared"].map(|up| root.join(up).join("reference/cognigy-4.38.0"));
    let named = std::env::var_os("REHELM_REFERENCE").map(PathBuf::from);
    let found = named.into_iter().chain(beside).find(|path| path.is_dir());
    if found.is_none() {
        let _ = std::io::Write::write_all(
            &mut std::io::stderr(),
            b"skipped: no reference folder (REHELM_REFERENCE)\n",
        );
    }
    found
}

fn texts(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap().map(|e| e.unwrap().path());
    entries
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

/// The charts of the reference have no logic: a namespace and a few values, which are empty by default.
fn render(chart: &Path) -> Vec<Object> {
    let mut objects = Vec::new();
    for (name, text) in texts(&chart.join("templates")) {
        let mut out = String::new();
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after.split_once("}}").unwrap();
            out.push_str(before);
            out.push_str(if inside.contains(".Release.Namespace") {
                TARGET
            } else {
                "\"\""
            });
            rest = after;
        }
        out.push_str(rest);
        objects.extend(yaml::parse_objects(&out, &name).unwrap().0);
    }
    objects.into_iter().flat_map(|o| in_namespace(o, TARGET)).collect()
}

/// Flat, with the namespace filled in; what is cluster-scoped is known by its kind here.
fn in_namespace(object: Object, namespace: &str) -> Vec<Object> {
    if object.kind() == "List" {
        let items = object.0["items"].as_array().cloned().unwrap_or_default();
        return items
            .into_iter()
            .flat_map(|i| in_namespace(Object(i), namespace))
            .collect();
    }
    let mut object = object;
    let wide = [
        "ClusterRole",
        "ClusterRoleBinding",
        "StorageClass",
        "IngressClass",
        "PersistentVolume",
    ];
    if !wide.contains(&object.kind()) && object.kind() != "CustomResourceDefinition" && object.namespace().is_none() {
        object.set_namespace(namespace);
    }
    vec![object]
}

fn case(reference: &Path, overlay: &str, chart: &str) -> (Gathered, Profile) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let profile = Profile::from_files(&texts(&root.join("profiles/cognigy-ai"))).unwrap();
    let built = fs::read_to_string(reference.join("overlays").join(overlay).join("built.yaml")).unwrap();
    let declared: Vec<Object> = yaml::parse_objects(&built, "built.yaml")
        .unwrap()
        .0
        .into_iter()
        .flat_map(|o| in_namespace(o, SOURCE))
        .collect();
    let chart = reference.join("charts").join(chart);
    let rendered = render(&chart);
    let (crds, _) = yaml::parse_objects(&fs::read_to_string(chart.join("crds/crds.yaml")).unwrap(), "crds").unwrap();
    let live = declared.iter().map(|d| {
        let mut live = d.clone();
        let uid = json!(d.reference().to_string());
        live.metadata_mut().insert("uid".into(), uid);
        (d.reference().key(), live)
    });
    let live: BTreeMap<_, _> = live.collect();
    let claims: Vec<Claim> = live
        .values()
        .filter(|o| o.kind() == "PersistentVolumeClaim")
        .map(|claim| {
            let name = format!("pv-{}", claim.name());
            let mut claim = claim.clone();
            claim.0["spec"]["volumeName"] = json!(name);
            let volume = Object(json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name},
                "spec": {"accessModes": claim.0["spec"]["accessModes"], "capacity": claim.0["spec"]["resources"]["requests"],
                    "storageClassName": inventory::claim_class(&claim), "persistentVolumeReclaimPolicy": "Delete",
                    "claimRef": {"namespace": SOURCE, "name": claim.name(), "uid": claim.uid()}}}));
            Claim {
                claim,
                volume: Some(volume),
            }
        })
        .collect();
    let options = ConvertOptions {
        namespace: TARGET.into(),
        release: TARGET.into(),
        ..ConvertOptions::default()
    };
    let files: Vec<_> = texts(&reference.join("secrets/secrets")).into_iter().collect();
    let secrets: Vec<Object> = files
        .iter()
        .flat_map(|(name, text)| yaml::parse_objects(text, name).unwrap().0)
        .collect();
    let (converted, _) = convert_files(&files, &profile.secrets, &options);
    let api_versions = rendered
        .iter()
        .map(|o| format!("{}/{}", o.api_version(), o.kind()))
        .collect();
    let classes = declared
        .iter()
        .filter(|o| o.kind() == "StorageClass")
        .cloned()
        .collect();
    let observed = Observed {
        places: Places {
            source: SOURCE.into(),
            target: TARGET.into(),
            release: TARGET.into(),
        },
        facts: ServerFacts {
            version: "v1.23.17".into(),
            api_versions,
            cluster_uid: "c".into(),
            url: String::new(),
        },
        chart: ChartFacts {
            name: "cognigy.ai".into(),
            version: "4.38.0".into(),
            kube_version: Some(">=v1.19.0-0,<v1.24.0-0".into()),
            digest: String::new(),
        },
        volumes: claims.iter().filter_map(|c| c.volume.clone()).collect(),
        nodes: vec![Object(
            json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"},
            "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
        )],
        converted: converted.into_iter().map(|c| c.object).collect(),
        ingress_classes: declared
            .iter()
            .filter(|o| o.kind() == "IngressClass")
            .cloned()
            .collect(),
        declared,
        rendered,
        crds,
        live,
        undeclared: vec![],
        secrets,
        target_secrets: vec![],
        carried: vec![],
        claims,
        classes,
        pods: vec![],
        autoscalers: vec![],
        quotas: vec![],
        release: None,
        target_exists: false,
        helm_version: "v3.17.2".into(),
        findings: vec![],
        index: Default::default(),
    };
    let gathered = Gathered {
        observed,
        fills: vec![],
        plurals: Default::default(),
    };
    (gathered, profile)
}

fn check(gathered: &Gathered, profile: &Profile) -> Vec<Finding> {
    let input = CheckInput {
        client_os: "linux".into(),
        kubectl_version: Some("v1.23.1".into()),
        confirmed: vec!["snapshots".into()],
        databases: Some(Ok(DatabaseLook {
            facts: DatabaseFacts {
                version: "5.0".into(),
                replica_set: vec!["a".into(), "b".into(), "c".into()],
                user: None,
            },
            names: profile.databases.renames.iter().map(|r| r.from.clone()).collect(),
        })),
        around: Around {
            source_namespace: Some(gather::namespace(SOURCE)),
            ..Around::default()
        },
    };
    let (entries, _) = inventory::join(&gathered.observed, profile);
    checks::run(gathered, &entries, profile, &input)
}

/// Codes of everything that did not pass and is more than a note, with how often.
fn loud(findings: &[Finding]) -> BTreeMap<&str, usize> {
    let mut out = BTreeMap::new();
    for finding in findings.iter().filter(|f| f.severity > Severity::Info) {
        *out.entry(finding.code.as_str()).or_default() += 1;
    }
    out
}

fn of<'a>(findings: &'a [Finding], code: &str) -> &'a Finding {
    findings
        .iter()
        .find(|f| f.code == code && f.severity != Severity::Ok)
        .unwrap()
}

#[test]
fn a_stock_install_shows_the_known_differences_and_nothing_else() {
    let Some(reference) = reference() else { return };
    let (gathered, profile) = case(&reference, "a-aws-stock", "aws");
    let findings = check(&gathered, &profile);
    let errors: BTreeSet<&str> = findings
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .map(|f| f.code.as_str())
        .collect();
    assert_eq!(errors, BTreeSet::from(["secret-overwritten"]));
    let known = [
        ("config-differs", 2),
        ("config-lost", 1),
        ("env-lost", 1),
        ("host-lost", 7),
        ("replicas-differ", 1),
        ("resources-differ", 1),
        ("resources-null", 1),
        ("secret-overwritten", 3),
        ("service-type-differs", 1),
    ];
    assert_eq!(loud(&findings), BTreeMap::from(known), "{findings:#?}");
    assert_eq!(
        of(&findings, "resources-differ").args["workloads"],
        "service-http, service-insights-ui"
    );
    assert_eq!(
        of(&findings, "resources-null").args["workloads"],
        "service-analytics-conversations"
    );
    assert_eq!(of(&findings, "replicas-differ").args["count"], "33");
    assert_eq!(findings, check(&gathered, &profile));
}

#[test]
fn what_a_tuned_install_would_lose_comes_with_its_values() {
    let Some(reference) = reference() else { return };
    let (gathered, profile) = case(&reference, "b-azure-tuned", "azure");
    let findings = check(&gathered, &profile);
    let lost = of(&findings, "workload-lost");
    assert_eq!(
        lost.args["values"],
        "serviceNlpScoreDe: {\"enabled\":true}\nserviceNlpTrainDe: {\"enabled\":true}"
    );
    assert_eq!(
        of(&findings, "scheduling-differs").args["fields"],
        "nodeSelector, tolerations"
    );
    assert_eq!(of(&findings, "mount-lost").args["workloads"], "service-ui");
    assert_eq!(of(&findings, "image-registry-differs").severity, Severity::Warning);
}
