//! Objects as the server writes them: what did not change is not written again.
//!
//! Clients that wait ask for the same lists again and again, and most of what they get is what they got before.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};
use serde_json::Value;

use crate::convert;
use crate::kinds::Kind;
use crate::shape;

/// Objects that are remembered at most.
const MOST: usize = 5_000;

/// Where an object and its kind are in memory, and whether it stands in a list.
type Place = (usize, usize, bool);

/// Bytes by object and kind; both are held, so that their places in memory are nobody else's.
#[derive(Default)]
pub(crate) struct Written(HashMap<Place, (Arc<Value>, Arc<Kind>, Bytes)>);

impl Written {
    /// An object by itself.
    pub fn object(&mut self, kind: &Arc<Kind>, object: &Arc<Value>) -> Bytes {
        self.bytes(kind, object, false).clone()
    }

    /// A list; `head` is what it says beside its items.
    pub fn list(&mut self, kind: &Arc<Kind>, mut head: Value, items: &[Arc<Value>]) -> Bytes {
        shape::head(kind, &mut head);
        let mut list = BytesMut::from(&*json(&head));
        // The closing brace comes after the items.
        list.truncate(list.len().saturating_sub(1));
        list.put_slice(b",\"items\":[");
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                list.put_u8(b',');
            }
            list.put_slice(self.bytes(kind, item, true));
        }
        list.put_slice(b"]}");
        list.freeze()
    }

    fn bytes(&mut self, kind: &Arc<Kind>, object: &Arc<Value>, in_list: bool) -> &Bytes {
        let place = (Arc::as_ptr(object).addr(), Arc::as_ptr(kind).addr(), in_list);
        if self.0.len() >= MOST && !self.0.contains_key(&place) {
            self.0.clear();
        }
        let written = self.0.entry(place).or_insert_with(|| {
            let mut shown = convert::to_version(kind, (**object).clone());
            if in_list {
                shape::item(kind, &mut shown);
            }
            (object.clone(), kind.clone(), json(&shown).into())
        });
        &written.2
    }
}

fn json(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::accept::Wanted;
    use crate::kinds::Kinds;
    use crate::tables;
    use crate::timeline::Time;

    /// A built-in kind in the store's version and in another one, and a custom one.
    fn kinds() -> Vec<Arc<Kind>> {
        let mut kinds = Kinds::new(&tables::of(25));
        kinds.add_crd(&json!({"metadata": {"name": "widgets.example.com"}, "spec": {
            "group": "example.com", "scope": "Namespaced", "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}));
        let names = [
            ("v1", "ConfigMap"),
            ("autoscaling/v2", "HorizontalPodAutoscaler"),
            ("autoscaling/v1", "HorizontalPodAutoscaler"),
            ("example.com/v1", "Widget"),
        ];
        names.map(|(api, kind)| kinds.of(api, kind).expect("a kind")).to_vec()
    }

    fn object(stored_as: &str, kind: &Kind, content: &str) -> Arc<Value> {
        Arc::new(
            json!({"apiVersion": stored_as, "kind": kind.facts.kind, "metadata": {"name": "one", "namespace": "n"},
            "data": {"content": content}}),
        )
    }

    #[test]
    fn bytes_are_those_of_the_whole_value_and_never_those_of_an_older_one() {
        let mut written = Written::default();
        for kind in kinds() {
            let stored_as = kinds().iter().find(|k| k.id == kind.id).expect("a kind").api_version();
            for content in ["a", "\"b\"", "\"b\"", "c"] {
                let item = object(&stored_as, &kind, content);
                for count in [0, 1, 2] {
                    let items = vec![item.clone(); count];
                    let head = json!({"kind": kind.list_kind(), "apiVersion": kind.api_version(),
                        "metadata": {"resourceVersion": "1"}});
                    let mut whole = head.clone();
                    let shown = |item: &Arc<Value>| convert::to_version(&kind, (**item).clone());
                    whole["items"] = items.iter().map(shown).collect();
                    let plain = shape::list(&kind, whole, &Wanted::default(), Time::default());
                    assert_eq!(written.list(&kind, head, &items), json(&plain));
                }
                let shown = convert::to_version(&kind, (*item).clone());
                assert_eq!(written.object(&kind, &item), json(&shown));
            }
        }
    }

    #[test]
    fn not_everything_is_remembered() {
        let kind = kinds().remove(0);
        let mut written = Written::default();
        for number in 0..=MOST {
            written.object(&kind, &object("v1", &kind, &number.to_string()));
        }
        assert_eq!(written.0.len(), 1);
        assert_eq!(written.0.values().next().expect("one").2, {
            let last = object("v1", &kind, &MOST.to_string());
            json(&last)
        });
    }
}
