//! `/openapi/v2` and `/openapi/v3`, made from the tables and the cluster's CRDs, without descriptions.
//!
//! Enough for clients to look things up in: schemas with all of Kubernetes' extensions, and operations with the
//! parameters by which clients learn what the server can do (`dryRun`, `fieldValidation`).

mod document;
mod gnostic;
mod paths;
mod swagger;

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock, Mutex};

use bytes::Bytes;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::kinds::Kind;
use crate::route::Answer;
use crate::tables;
use crate::world::World;

const PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/// What operations look like depends on the minor that the server poses as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub minor: u32,
}

impl Style {
    /// The server validates fields itself when it is asked to.
    pub fn validates_fields(self) -> bool {
        self.minor >= 25
    }

    /// OpenAPI v3 is served.
    fn has_v3(self) -> bool {
        self.minor >= 24
    }

    fn version(self) -> String {
        format!("v1.{}.0", self.minor)
    }
}

/// The answer of an OpenAPI path; None when it is none. `accept` is the header of that name.
pub(crate) fn answer(world: &World, path: &str, accept: &str) -> Option<Answer> {
    let style = Style {
        minor: world.options.minor,
    };
    let path = path.trim_matches('/');
    if path == "openapi/v2" {
        return Some(v2(world, style, accept));
    }
    let rest = path.strip_prefix("openapi/v3").filter(|_| style.has_v3())?;
    if rest.is_empty() {
        return Some(Answer::Object(200, index(world, style)));
    }
    let place = rest.trim_start_matches('/');
    let kinds = group_versions(world).remove(place)?;
    let custom = kinds.iter().any(|kind| kind.crd.is_some());
    let make = || {
        let document = document::of(world.kinds.schemas(), &kinds, style);
        Bytes::from(serde_json::to_vec(&document).unwrap_or_default())
    };
    let bytes = if custom { make() } else { kept(style, place, make) };
    Some(Answer::Raw("application/json".to_owned(), bytes))
}

/// Documents of built-in kinds are made once for each minor.
fn kept(style: Style, place: &str, make: impl FnOnce() -> Bytes) -> Bytes {
    static KEPT: LazyLock<Mutex<HashMap<(u32, String), Bytes>>> = LazyLock::new(Mutex::default);
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    kept.entry((style.minor, place.to_owned())).or_insert_with(make).clone()
}

/// Kinds by `api/v1` or `apis/GROUP/VERSION`.
fn group_versions(world: &World) -> BTreeMap<String, Vec<Arc<Kind>>> {
    let mut places: BTreeMap<String, Vec<Arc<Kind>>> = BTreeMap::new();
    for kind in world.kinds.all() {
        let place = paths::root(kind).trim_start_matches('/').to_owned();
        places.entry(place).or_default().push(kind.clone());
    }
    places
}

/// Which documents there are. The hash in an address changes whenever the document does, for clients that cache.
fn index(world: &World, style: Style) -> Value {
    let mut paths = serde_json::Map::new();
    for (place, kinds) in group_versions(world) {
        let mut hash = Sha256::new();
        hash.update(tables::fingerprint());
        hash.update(style.minor.to_be_bytes());
        for kind in kinds {
            hash.update(kind.facts.plural.as_bytes());
            if let Some(document) = &kind.document {
                hash.update(document.to_string());
                hash.update(format!("{:?}", kind.facts));
            }
        }
        let hash = hash.finalize().iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02X}");
            text
        });
        let address = format!("/openapi/v3/{place}?hash={hash}");
        paths.insert(place, json!({"serverRelativeURL": address}));
    }
    json!({"paths": paths})
}

fn v2(world: &World, style: Style, accept: &str) -> Answer {
    let protobuf = accept.contains("proto-openapi.spec.v2");
    let custom = world.kinds.all().any(|kind| kind.crd.is_some());
    let make = || {
        let kinds: Vec<Arc<Kind>> = world.kinds.all().cloned().collect();
        let document = swagger::of(world.kinds.schemas(), &kinds, style);
        if protobuf {
            gnostic::encode(&document).into()
        } else {
            Bytes::from(serde_json::to_vec(&document).unwrap_or_default())
        }
    };
    let media = if protobuf { PROTOBUF } else { "application/json" };
    let bytes = if custom { make() } else { kept(style, media, make) };
    Answer::Raw(media.to_owned(), bytes)
}

#[cfg(test)]
mod tests;
