//! Before-images: whatever is changed was on disk before, as it was.

use rehelm_core::object::Object;
use rehelm_core::server;
use rehelm_core::world::World;

use super::Broken;
use super::known::Known;
use crate::call::Call;
use crate::files::MemFiles;

/// A write to something that was there at the beginning and whose image is not on disk, or is not what it was.
pub fn missing(known: &Known, call: &Call, files: &MemFiles) -> Option<Broken> {
    // The lock is made by runs; what owners of secrets have is compared by content.
    if call.resource.starts_with("leases") || call.resource == "secrets" || call.verb == "create" {
        return None;
    }
    let original = Object((**known.original(call)?).clone());
    let path = World::before_path(&original.reference());
    let Some(bytes) = files.get(path.as_str()) else {
        return Some(("no-image", format!("{call}: there is no {path}")));
    };
    let image = serde_json::from_slice(&bytes)
        .map(Object)
        .unwrap_or_else(|_| Object(serde_json::Value::Null));
    let same = server::without_owned(&image).0 == server::without_owned(&original).0;
    (!same).then(|| ("no-image", format!("{call}: {path} is not the object as it was")))
}
