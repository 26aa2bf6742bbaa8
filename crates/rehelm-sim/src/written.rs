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
