//! What a schema says of merging: which values are leaves, and how the items of a list are told apart.
//!
//! Facts as the API server has them: a list without list type is one leaf, a mapping is not; what no schema describes
//! has lists as leaves and mappings that are merged.

use serde_json::Value;

use super::fieldset::{Element, Scalar};
use crate::kinds::Kind;
use crate::schema::{ListType, Schema};

/// The type of one value.
#[derive(Clone)]
pub(crate) enum Type {
    Schema(Schema),
    /// Nothing is known: lists are leaves, mappings are merged.
    Deduced,
    /// Anything, as a whole: `RawExtension` and what is below it.
    Untyped,
    /// No schema names the field.
    Unknown,
}

/// How a value takes part in merging.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    /// As a whole.
    Leaf,
    Map,
    /// A list of scalars, each at most once.
    Set,
    /// A list of mappings, told apart by these keys.
    Keyed(Vec<String>),
}

/// The type of a kind's objects; `zeros` says whether the server holds them as structs, whose plain fields always exist.
pub(crate) struct Root {
    pub of: Type,
    pub zeros: bool,
}

impl Root {
    pub fn of(kind: &Kind) -> Self {
        Self {
            of: kind.schema.clone().map_or(Type::Deduced, Type::Schema),
            zeros: kind.crd.is_none(),
        }
    }
}

impl Type {
    fn of(schema: Schema) -> Self {
        // A node that says nothing takes anything.
        if schema.type_name().is_empty() && schema.preserves_unknown() && schema.json().get("oneOf").is_none() {
            return Self::Deduced;
        }
        Self::Schema(schema)
    }

    /// Type of a field.
    pub fn field(&self, name: &str) -> Self {
        match self {
            Self::Schema(schema) => match schema.field(name) {
                Some(field) => Self::of(field),
                None if schema.preserves_unknown() => Self::Deduced,
                None => Self::Unknown,
            },
            Self::Deduced => Self::Deduced,
            Self::Untyped => Self::Untyped,
            Self::Unknown => Self::Unknown,
        }
    }

    /// The schema names the field (and not only "any").
    pub fn names(&self, field: &str) -> bool {
        matches!(self, Self::Schema(schema) if schema.has_property(field))
    }

    /// Type of a list's items.
    pub fn items(&self) -> Self {
        match self {
            Self::Schema(schema) => schema.items().map_or(Self::Untyped, Self::of),
            _ => Self::Untyped,
        }
    }

    /// Type at an element below this one.
    pub fn below(&self, element: &Element) -> Self {
        match element {
            Element::Field(name) => self.field(name),
            _ => self.items(),
        }
    }

    /// How a value of this type is merged; a null is what its type says.
    pub fn atom(&self, value: &Value) -> Atom {
        match self {
            Self::Schema(schema) => schema_atom(schema, value),
            Self::Deduced if value.is_object() => Atom::Map,
            _ => Atom::Leaf,
        }
    }

    /// What a plain struct field is when nobody set it; None when it is then absent.
    pub fn zero(&self, field: &str) -> Option<Value> {
        let Self::Schema(schema) = self else { return None };
        if !schema.has_property(field) {
            return None;
        }
        if let Some((_, default)) = schema.defaults().iter().find(|(name, _)| name == field) {
            return Some(default.clone());
        }
        let required = schema.json().get("required").and_then(Value::as_array)?;
        required.iter().any(|name| name == field).then_some(Value::Null)
    }
}

fn schema_atom(schema: &Schema, value: &Value) -> Atom {
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::Null => schema.type_name(),
        _ => return Atom::Leaf,
    };
    match (kind, schema.type_name()) {
        ("object", "object" | "") if !schema.is_atomic_map() => Atom::Map,
        ("array", "array") => match schema.list_type() {
            ListType::Atomic => Atom::Leaf,
            ListType::Set => Atom::Set,
            ListType::Map(keys) => Atom::Keyed(keys),
        },
        _ => Atom::Leaf,
    }
}

/// The element that names an item of a set or of a keyed list. Errors are the server's words.
pub(crate) fn item_element(list: &Type, atom: &Atom, item: &Value) -> Result<Element, String> {
    let Atom::Keyed(keys) = atom else {
        return match item {
            Value::Object(_) => Err("associative list without keys has an element that's a map type".to_owned()),
            Value::Array(_) => Err("not supported: associative list with lists as elements".to_owned()),
            Value::Null => Err("associative list without keys has an element that's an explicit null".to_owned()),
            scalar => Scalar::of(scalar).map(Element::Value).ok_or_else(String::new),
        };
    };
    let map = match item {
        Value::Null => return Err("associative list with keys may not have a null element".to_owned()),
        Value::Object(map) => map,
        _ => return Err("associative list with keys may not have non-map elements".to_owned()),
    };
    let mut found = Vec::with_capacity(keys.len());
    for key in keys {
        let scalar = match map.get(key) {
            Some(value) => Scalar::of(value),
            None => key_default(list, key).as_ref().and_then(Scalar::of),
        };
        if let Some(scalar) = scalar {
            found.push((key.as_str().into(), scalar));
        }
    }
    if found.is_empty() {
        let names: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
        return Err(format!(
            "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
            names.join(" ")
        ));
    }
    found.sort();
    Ok(Element::Key(found.into()))
}

fn key_default(list: &Type, key: &str) -> Option<Value> {
    let Type::Schema(schema) = list.items() else {
        return None;
    };
    let found = schema.defaults().iter().find(|(name, _)| name == key);
    found.map(|(_, default)| default.clone())
}
