//! Types that JSON writes in ways of their own.

use base64::Engine as _;
use serde_json::Value;

use super::wire::{Reader, Wire};
use crate::schema::Schema;
use crate::timeline::Time;

/// A value of such a type; the outer None when the type is an ordinary one, the inner when the bytes make no sense.
pub(super) fn read(schema: &Schema, bytes: &[u8]) -> Option<Option<Value>> {
    let name = schema
        .name()
        .strip_prefix("io.k8s.apimachinery.pkg.")
        .unwrap_or_default();
    Some(match name {
        "apis.meta.v1.Time" => time(bytes, Time::rfc3339),
        "apis.meta.v1.MicroTime" => time(bytes, Time::rfc3339_micro),
        "apis.meta.v1.Duration" => Some(duration(number(bytes, 1)?)),
        "apis.meta.v1.FieldsV1" | "runtime.RawExtension" => json(text(bytes, 1)?),
        "api.resource.Quantity" => Some(string(text(bytes, 1)?)),
        "util.intstr.IntOrString" if number(bytes, 1)? == 1 => Some(string(text(bytes, 3)?)),
        "util.intstr.IntOrString" => Some(number(bytes, 2)?.into()),
        _ if schema.text("format") == "byte" => Some(base64::engine::general_purpose::STANDARD.encode(bytes).into()),
        _ if schema.text("format") == "date-time" => time(bytes, Time::rfc3339),
        _ => return None,
    })
}

fn string(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn json(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice(bytes).ok()
}

fn time(bytes: &[u8], write: fn(Time) -> String) -> Option<Value> {
    if bytes.is_empty() {
        return Some(Value::Null);
    }
    let nanoseconds = number(bytes, 1)?
        .checked_mul(1_000_000_000)?
        .checked_add(number(bytes, 2)?)?;
    Some(write(Time(nanoseconds)).into())
}

fn duration(nanoseconds: i64) -> Value {
    let seconds = nanoseconds / 1_000_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours}h{minutes}m{}s", seconds % 60).into()
}

/// A number of the message; 0 when absent.
fn number(bytes: &[u8], wanted: u64) -> Option<i64> {
    let mut found = 0;
    for field in Reader(bytes) {
        if let (number, Wire::Number(value)) = field?
            && number == wanted
        {
            found = value.cast_signed();
        }
    }
    Some(found)
}

/// Bytes of the message; empty when absent.
fn text(bytes: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut found = &[][..];
    for field in Reader(bytes) {
        if let (number, Wire::Bytes(value)) = field?
            && number == wanted
        {
            found = value;
        }
    }
    Some(found)
}
