//! What the server calls the resources of kinds that form their plural in a way of their own: rights are asked for, and
//! given, by that name.

use std::collections::{BTreeMap, BTreeSet};

use crate::object::{self, ObjRef, Object};
use crate::ports::{Cluster, PortError, PortResult};
use crate::steps::plural;

/// Kinds (`Mouse.example.com`) whose plural (`mice`) is not the one that built-in kinds would have, as the server serves them,
/// else as a definition among `definitions` says.
///
/// # Errors
/// When the cluster does not answer.
pub(super) async fn odd(
    cluster: &dyn Cluster,
    names: &[ObjRef],
    definitions: &[&Object],
) -> PortResult<BTreeMap<String, String>> {
    let kinds: BTreeSet<(&str, &str)> = names
        .iter()
        .map(|o| (o.api_version.as_str(), o.kind.as_str()))
        .collect();
    let mut odd = BTreeMap::new();
    for (api_version, kind) in kinds {
        let group = object::group(api_version);
        let said = match cluster.kind(api_version, kind).await {
            Ok(served) => Some(served.plural),
            Err(PortError::NotFound(_)) => definitions.iter().find_map(|d| defined(d, group, kind)),
            Err(other) => return Err(other),
        };
        if let Some(said) = said.filter(|said| *said != plural(kind)) {
            odd.insert(format!("{kind}.{group}").trim_end_matches('.').to_owned(), said);
        }
    }
    Ok(odd)
}

/// The plural in a CustomResourceDefinition of that kind.
fn defined(definition: &Object, group: &str, kind: &str) -> Option<String> {
    let of_it = definition.kind() == "CustomResourceDefinition"
        && definition.str("/spec/group") == Some(group)
        && definition.str("/spec/names/kind") == Some(kind);
    of_it.then(|| definition.str("/spec/names/plural").map(str::to_owned))?
}
