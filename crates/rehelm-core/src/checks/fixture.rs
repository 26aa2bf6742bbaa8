//! A small made-up install that passes every check, to be broken in one place by each test.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use serde_json::{Value, json};

use super::{Around, CODES, CheckInput, DatabaseLook, run};
use crate::finding::{Finding, Severity};
use crate::gather::{Gathered, Request};
use crate::inventory::{self, Claim, Observed, Places};
use crate::object::Object;
use crate::plan::Plan;
use crate::planner;
use crate::ports::{ChartFacts, DatabaseFacts, ReleaseSpec, ServerFacts};
use crate::profile::Profile;

pub(crate) struct Case {
    pub gathered: Gathered,
    pub profile: Profile,
    pub input: CheckInput,
}

/// Applies a change to the sound install; the check must say so with this severity. Gives what it said first.
#[track_caller]
pub(crate) fn breaks(code: &str, severity: Severity, change: impl FnOnce(&mut Case)) -> Finding {
    let mut case = Case::sound();
    change(&mut case);
    let said = case.said(code);
    assert_eq!(
        said.iter().map(|f| f.severity).max(),
        Some(severity),
        "{code}: {said:?}"
    );
    for finding in said.iter().filter(|f| f.severity > Severity::Ok && !f.is_unlooked()) {
        let lacks: Vec<&str> = wanted(code)
            .into_iter()
            .filter(|name| !finding.args.contains_key(*name) && !finding.args.contains_key(&format!("{name}_seconds")))
            .collect();
        assert!(lacks.is_empty(), "the sentence of {code} wants {lacks:?}: {finding:?}");
    }
    said.into_iter().find(|f| f.severity == severity).unwrap()
}

/// The facts that a check's sentence and its advice show, or choose by.
fn wanted(code: &str) -> BTreeSet<&'static str> {
    const WORDS: &str = include_str!("../../../rehelm-report/words/en/checks.ftl");
    let lines = WORDS.lines().skip_while(|line| !line.starts_with(&format!("{code} =")));
    let own = lines
        .enumerate()
        .take_while(|(at, line)| *at == 0 || line.starts_with(' '));
    own.flat_map(|(_, line)| line.split('$').skip(1))
        .map(|rest| {
            rest.split(|c: char| !c.is_alphanumeric() && !"-_".contains(c))
                .next()
                .unwrap_or_default()
        })
        .filter(|name| !["subject", "severity"].contains(name))
        .collect()
}

#[test]
fn what_a_sentence_shows_and_chooses_by_is_wanted() {
    assert_eq!(wanted("database-left"), BTreeSet::from(["from"]));
    assert_eq!(wanted("database-embedded"), BTreeSet::from(["hosts", "use"]));
}

pub(crate) fn object(value: Value) -> Object {
    Object::from_value(value).unwrap()
}

pub(crate) fn base64(text: &str) -> String {
    base64::engine::general_purpose::STANDARD.encode(text)
}

pub(crate) fn secret(namespace: &str, name: &str, data: &[(&str, &str)]) -> Object {
    let data: BTreeMap<&str, String> = data.iter().map(|(k, v)| (*k, base64(v))).collect();
    object(json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": name, "namespace": namespace}, "data": data}))
}

/// Everything of the install in one namespace, as Kustomize and the chart have it alike.
fn manifests(namespace: &str) -> Vec<Object> {
    let head = |name: &str| json!({"name": name, "namespace": namespace});
    [
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": head("api-main"), "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "api"}},
            "template": {"metadata": {"labels": {"app": "api"}}, "spec": {
                "serviceAccountName": "api",
                "imagePullSecrets": [{"name": "pull"}],
                "containers": [{
                    "name": "api", "image": "r.example/api:1.0",
                    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
                    "env": [{"name": "LEVEL", "value": "info"},
                        {"name": "PASS", "valueFrom": {"secretKeyRef": {"name": "mail", "key": "password"}}},
                        {"name": "HOST", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "host"}}}],
                    "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
                    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
                }],
                "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
            }},
        }}),
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": head("api")}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": head("settings"), "data": {"host": "a", "mode": "b"}}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": head("api-main"),
            "spec": {"selector": {"app": "api"}, "ports": [{"port": 80}]}}),
        json!({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": head("api-main"), "spec": {
            "ingressClassName": "edge", "tls": [{"secretName": "web-tls"}],
            "rules": [{"host": "api.example", "http": {"paths": [{"backend": {"service": {"name": "api-main"}}}]}}]}}),
        json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": head("data"), "spec": {
            "accessModes": ["ReadWriteOnce"], "storageClassName": "fast", "resources": {"requests": {"storage": "10Gi"}}}}),
    ]
    .map(object)
    .into()
}

fn profile() -> Profile {
    let files = [
        (
            "profile.yaml",
            "name: shop\ntitle: Shop\nsource-namespace: old\nnamespace: new\nrelease: shop\nchart: shop\n\
             chart-versions: '>=2.0.0-0'\nkubernetes: '>=1.21.0-0 <1.24.0-0'\nclient-os: [linux]\n\
             confirmations: [snapshots]\n",
        ),
        (
            "databases.yaml",
            "renames: [{from: orders, to: orders-new, secret: orders, key: uri}]\nconnection-string-key: uri\n\
             embedded-server: Deployment/database\n",
        ),
        (
            "ingress.yaml",
            "singletons: [{api-version: example.org/v1, kind: Options, name: default}]\n",
        ),
        (
            "secrets.yaml",
            "classes: [{name: all, secrets: {mail: {}, orders: {}, token: {since: 2.1.0}}}]\n",
        ),
        (
            "values.yaml",
            "from-secrets: [{secret: mail, key: password, value: mail.password}]\n",
        ),
    ];
    let files: BTreeMap<String, String> = files.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    Profile::from_files(&files).unwrap()
}

impl Case {
    pub fn sound() -> Self {
        let places = Places {
            source: "old".into(),
            target: "new".into(),
            release: "shop".into(),
        };
        let declared = manifests("old");
        let mut rendered = manifests("new");
        rendered.push(secret("new", "pull", &[(".dockerconfigjson", "{}")]));
        rendered.push(secret("new", "web-tls", &[("tls.crt", "x"), ("tls.key", "y")]));
        let live = declared.iter().map(|d| {
            let mut live = d.clone();
            live.metadata_mut()
                .insert("uid".into(), json!(format!("uid-{}-{}", d.kind(), d.name())));
            (d.reference().key(), live)
        });
        let live: BTreeMap<_, _> = live.collect();
        let mut claim = live
            .values()
            .find(|o| o.kind() == "PersistentVolumeClaim")
            .unwrap()
            .clone();
        claim.0["spec"]["volumeName"] = json!("vol-1");
        claim.0["status"] = json!({"phase": "Bound"});
        let volume = object(
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "vol-1", "uid": "v1"},
            "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "10Gi"}, "storageClassName": "fast",
                "persistentVolumeReclaimPolicy": "Retain", "csi": {"driver": "d", "volumeHandle": "h-1"},
                "claimRef": {"namespace": "old", "name": "data", "uid": claim.uid()}},
            "status": {"phase": "Bound"}}),
        );
        let uri = "mongodb://orders:geheim@db-0.db.data.svc/orders";
        let secrets = vec![
            secret("old", "mail", &[("password", "p")]),
            secret("old", "orders", &[("uri", uri)]),
        ];
        let converted = vec![
            secret("new", "mail", &[("password", "p")]),
            secret("new", "orders", &[("uri", uri)]),
        ];
        let pod = object(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "api-main-1", "namespace": "old", "labels": {"app": "api"}},
            "spec": declared[0].0["spec"]["template"]["spec"], "status": {"phase": "Running"}}));
        let named = |api: &str, kind: &str, name: &str, spec: Value| {
            object(json!({"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}))
        };
        let mut node = named("v1", "Node", "n1", json!({}));
        node.0["status"] = json!({"conditions": [{"type": "Ready", "status": "True"}],
            "allocatable": {"cpu": "8", "memory": "32Gi", "pods": "110"}});
        let api_versions = rendered
            .iter()
            .map(|o| format!("{}/{}", o.api_version(), o.kind()))
            .collect();
        let observed = Observed {
            places,
            facts: ServerFacts {
                version: "v1.23.4+k3s1".into(),
                api_versions,
                cluster_uid: "c".into(),
                url: String::new(),
            },
            declared,
            rendered,
            crds: vec![],
            chart: ChartFacts {
                name: "shop".into(),
                version: "2.0.3".into(),
                kube_version: Some(">=v1.19.0-0,<v1.24.0-0".into()),
                digest: String::new(),
            },
            live,
            undeclared: vec![],
            secrets,
            target_secrets: vec![],
            carried: vec![],
            converted,
            claims: vec![Claim {
                claim,
                volume: Some(volume.clone()),
            }],
            volumes: vec![volume],
            classes: vec![named("storage.k8s.io/v1", "StorageClass", "fast", json!({}))],
            pods: vec![pod],
            autoscalers: vec![],
            quotas: vec![],
            ingress_classes: vec![named(
                "networking.k8s.io/v1",
                "IngressClass",
                "edge",
                json!({"controller": "example.org/edge"}),
            )],
            nodes: vec![node],
            release: None,
            target_exists: false,
            helm_version: "v3.17.2".into(),
            findings: vec![],
            index: Default::default(),
        };
        let input = CheckInput {
            client_os: "linux".into(),
            kubectl_version: Some("v1.24.1".into()),
            confirmed: vec!["snapshots".into()],
            databases: Some(Ok(DatabaseLook {
                facts: DatabaseFacts {
                    version: "5.0".into(),
                    replica_set: vec!["a".into(), "b".into(), "c".into()],
                    user: None,
                },
                names: vec!["orders".into()],
            })),
            around: Around {
                source_namespace: Some(crate::gather::namespace("old")),
                ..Around::default()
            },
        };
        let gathered = Gathered {
            observed,
            fills: vec![],
            plurals: Default::default(),
        };
        Self {
            gathered,
            profile: profile(),
            input,
        }
    }

    pub fn plan(&self) -> Plan {
        let observed = &self.gathered.observed;
        let request = Request {
            places: observed.places.clone(),
            context: "test".into(),
            kustomize: vec![],
            declared: observed.declared.clone(),
            release: ReleaseSpec {
                release: "shop".into(),
                namespace: "new".into(),
                chart: "shop".into(),
                version: None,
                values: vec![],
                private_values: None,
                flags: vec![],
            },
            values: vec![],
            user_values: json!({}),
            secret_groups: vec![],
            fill_secrets: false,
            accepted: vec![],
            confirmed: vec![],
            recipients: vec![],
        };
        let (entries, findings) = inventory::join(observed, &self.profile);
        let view = planner::DatabaseView::default();
        planner::plan(&request, &self.gathered, &self.profile, &view, entries, findings)
    }

    pub fn run(&self) -> Vec<Finding> {
        let (entries, _) = inventory::join(&self.gathered.observed, &self.profile);
        run(&self.gathered, &entries, &self.profile, &self.input)
    }

    /// Findings of one check; whatever any check says must be in the list of checks.
    pub fn said(&self, code: &str) -> Vec<Finding> {
        let all = self.run();
        for finding in &all {
            assert!(
                CODES.iter().any(|(_, id)| *id == finding.code),
                "{} is not listed",
                finding.code
            );
            assert!(
                !format!("{finding:?}").contains("geheim"),
                "a secret's content: {finding:?}"
            );
        }
        all.into_iter().filter(|f| f.code == code).collect()
    }

    pub fn observed(&mut self) -> &mut Observed {
        &mut self.gathered.observed
    }

    pub fn declared(&mut self, kind: &str, name: &str) -> &mut Value {
        find(&mut self.gathered.observed.declared, kind, name)
    }

    pub fn rendered(&mut self, kind: &str, name: &str) -> &mut Value {
        find(&mut self.gathered.observed.rendered, kind, name)
    }

    pub fn live(&mut self, kind: &str, name: &str) -> &mut Value {
        let mut all = self.gathered.observed.live.values_mut();
        &mut all.find(|o| o.kind() == kind && o.name() == name).unwrap().0
    }

    /// A container of the release's workload.
    pub fn container(&mut self) -> &mut Value {
        &mut self.rendered("Deployment", "api-main")["spec"]["template"]["spec"]["containers"][0]
    }

    /// The pod spec of the release's workload.
    pub fn pod(&mut self) -> &mut Value {
        &mut self.rendered("Deployment", "api-main")["spec"]["template"]["spec"]
    }

    pub fn volume(&mut self) -> &mut Value {
        &mut self.gathered.observed.claims[0].volume.as_mut().unwrap().0
    }

    /// Declares an object, which lives too.
    pub fn declare(&mut self, value: Value) {
        let declared = object(value);
        let mut live = declared.clone();
        let uid = json!(format!("uid-{}-{}", live.kind(), live.name()));
        live.metadata_mut().insert("uid".into(), uid);
        self.observed().live.insert(declared.reference().key(), live);
        self.observed().declared.push(declared);
    }

    pub fn render(&mut self, value: Value) {
        let rendered = object(value);
        let served = format!("{}/{}", rendered.api_version(), rendered.kind());
        self.observed().facts.api_versions.push(served);
        self.observed().rendered.push(rendered);
    }
}

fn find<'a>(objects: &'a mut [Object], kind: &str, name: &str) -> &'a mut Value {
    &mut objects
        .iter_mut()
        .find(|o| o.kind() == kind && o.name() == name)
        .unwrap()
        .0
}
