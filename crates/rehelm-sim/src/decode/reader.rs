//! JSON to a value, noting duplicate keys and unknown fields on the way.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::joined;
use crate::patch::typed::Type;

/// The value (of duplicate keys the last one) and what strict validation refuses, in the order of the body.
pub(super) fn read(of: &Type, bytes: &[u8]) -> Result<(Value, Vec<String>), serde_json::Error> {
    let faults = RefCell::new(Vec::new());
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let reader = Reader {
        of: of.clone(),
        path: String::new(),
        faults: &faults,
    };
    let value = reader.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok((value, faults.into_inner()))
}

struct Reader<'a> {
    of: Type,
    path: String,
    faults: &'a RefCell<Vec<String>>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let items = self.of.items();
        let mut values = Vec::new();
        loop {
            let item = Reader {
                of: items.clone(),
                path: format!("{}[{}]", self.path, values.len()),
                faults: self.faults,
            };
            match list.next_element_seed(item)? {
                Some(value) => values.push(value),
                None => return Ok(Value::Array(values)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let (path, of) = (joined(&self.path, &key), self.of.field(&key));
            if values.contains_key(&key) {
                self.faults.borrow_mut().push(format!("duplicate field {path:?}"));
            } else if matches!(of, Type::Unknown) && !matches!(self.of, Type::Unknown) {
                self.faults.borrow_mut().push(format!("unknown field {path:?}"));
            }
            let below = Reader {
                of,
                path,
                faults: self.faults,
            };
            let value = map.next_value_seed(below)?;
            values.insert(key, value);
        }
        Ok(Value::Object(values))
    }
}
