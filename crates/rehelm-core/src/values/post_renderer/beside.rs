//! Objects that only today has: a post-renderer could add them, but Helm would then refuse to own what is there already, and
//! newer Helm would add them to its hooks as well. So they are written to a file of their own, to be applied beside the release.

use super::PatchFile;
use crate::object::Object;
use crate::server;
use crate::values::sides::Sides;
use crate::yaml;

/// Name of the file in the folder.
pub const BESIDE: &str = "only-today.yaml";

/// What is to be done with an object that the chart does not make, in one word; `rehelm-report` has the sentence.
pub fn fate(object: &Object) -> &'static str {
    const DATA: [&str; 2] = ["PersistentVolumeClaim", "PersistentVolume"];
    const CLUSTER: [&str; 12] = [
        "Namespace",
        "StorageClass",
        "ClusterRole",
        "ClusterRoleBinding",
        "IngressClass",
        "PriorityClass",
        "RuntimeClass",
        "APIService",
        "CSIDriver",
        "ValidatingWebhookConfiguration",
        "MutatingWebhookConfiguration",
        "CustomResourceDefinition",
    ];
    match object.kind() {
        "Secret" => "secret",
        kind if DATA.contains(&kind) => "data",
        kind if CLUSTER.contains(&kind) => "cluster",
        _ if server::stop(object).is_some() || matches!(object.kind(), "Job" | "Pod") => "workload",
        _ => "apply",
    }
}

/// The file with all that can be applied as it is; None when there is nothing.
pub fn beside(sides: &Sides) -> Option<PatchFile> {
    let objects: Vec<&Object> = sides.only_today().filter(|object| fate(object) == "apply").collect();
    if objects.is_empty() {
        return None;
    }
    let head = "# What runs today and the chart does not make. If it is still needed: kubectl apply -n NAMESPACE -f only-today.yaml\n";
    let texts: Vec<String> = objects.iter().map(|object| yaml::to_string(&object.0)).collect();
    Some(PatchFile {
        path: BESIDE.into(),
        content: format!("{head}{}", texts.join("---\n")),
        executable: false,
    })
}
