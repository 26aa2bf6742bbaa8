//! What clients are told beside an answer: that something they use is on its way out. Words: `api/*/types`, `WarningsOnCreate`.

use serde_json::Value;

use crate::meta;
use crate::route::Call;
use crate::world::World;

const CLASS: &str = "volume.beta.kubernetes.io/storage-class";
const INGRESS_CLASS: &str = "kubernetes.io/ingress.class";

/// Of the kind, whatever is asked of it.
pub(crate) fn of_kind(world: &World, call: &Call<'_>) {
    if &*call.kind.id == "endpoints" && world.options.minor >= 33 {
        let text = "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice";
        call.asked.warn(vec![text.to_owned()]);
    }
}

/// Of an object that was created.
pub(super) fn of_new(call: &Call<'_>, object: &Value) {
    let text = match &*call.kind.id {
        "persistentvolumeclaims" | "persistentvolumes" if meta::annotation(object, CLASS).is_some() => {
            format!("metadata.annotations[{CLASS}]: deprecated since v1.8; use \"storageClassName\" attribute instead")
        }
        "ingresses.networking.k8s.io" if meta::annotation(object, INGRESS_CLASS).is_some() => {
            format!("annotation \"{INGRESS_CLASS}\" is deprecated, please use 'spec.ingressClassName' instead")
        }
        "secrets" if object["type"] == "kubernetes.io/tls" && !holds_pem(object) => {
            "tls: failed to find any PEM data in certificate input".to_owned()
        }
        _ => return,
    };
    call.asked.warn(vec![text]);
}

/// True when the certificate looks like one; the server parses it.
fn holds_pem(secret: &Value) -> bool {
    use base64::Engine as _;
    let text = secret["data"]["tls.crt"].as_str().unwrap_or_default();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap_or_default();
    bytes.windows(11).any(|window| window == b"-----BEGIN ")
}
