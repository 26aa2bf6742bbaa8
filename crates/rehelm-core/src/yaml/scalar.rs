//! What a plain scalar means. YAML 1.1 left room, and its readers use it differently.

use serde_json::{Number, Value};

use super::Dialect;

/// Resolves a scalar without quotes and tag. What JSON cannot hold (infinities, integers beyond 64 bits) stays text.
pub(super) fn plain(text: &str, dialect: Dialect) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Value::Bool(true),
        "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => return Value::Bool(false),
        "y" | "Y" if dialect == Dialect::Kubernetes => return Value::Bool(true),
        "n" | "N" if dialect == Dialect::Kubernetes => return Value::Bool(false),
        _ => {}
    }
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return Value::String(text.to_owned());
    }
    let number = match dialect {
        Dialect::Kubernetes => go_int(text).or_else(|| go_float(text)),
        Dialect::Python => python_int(text).or_else(|| python_float(text)),
    };
    number.map_or_else(|| Value::String(text.to_owned()), Value::Number)
}

/// go-yaml drops underscores and takes Go's prefixes: `0x`, `0o`, `0b`, and `0` for octal.
fn go_int(text: &str) -> Option<Number> {
    let text = text.replace('_', "");
    let (negative, digits) = sign(&text);
    let radix = |prefix: &str| {
        let lower = digits.get(..2)?.eq_ignore_ascii_case(prefix);
        lower.then(|| &digits[2..])
    };
    let (radix, digits) = match (radix("0x"), radix("0o"), radix("0b")) {
        (Some(rest), _, _) => (16, rest),
        (_, Some(rest), _) => (8, rest),
        (_, _, Some(rest)) => (2, rest),
        _ if digits.len() > 1 && digits.starts_with('0') => (8, &digits[1..]),
        _ => (10, digits),
    };
    integer(negative, digits, radix)
}

/// go-yaml's floats; whole ones become integers, as they do on the way through JSON.
fn go_float(text: &str) -> Option<Number> {
    // It drops underscores only where a digit or a sign comes first.
    let text = match text.starts_with('.') {
        true => text.to_owned(),
        false => text.replace('_', ""),
    };
    let rest = sign(&text).1;
    let (whole, rest) = split_digits(rest);
    let (fraction, rest) = rest.strip_prefix('.').map_or((None, rest), |rest| {
        let (fraction, rest) = split_digits(rest);
        (Some(fraction), rest)
    });
    if whole.is_empty() && fraction.is_none_or(str::is_empty) {
        return None;
    }
    if !rest.is_empty() {
        let exponent = rest.strip_prefix(['e', 'E'])?;
        let digits = sign(exponent).1;
        if digits.is_empty() || !split_digits(digits).1.is_empty() {
            return None;
        }
    }
    let float: f64 = text.parse().ok()?;
    // 2^53: up to here every whole number is one float.
    if float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 {
        return format!("{float:.0}").parse::<i64>().ok().map(Number::from);
    }
    Number::from_f64(float)
}

/// PyYAML's integers: `0b`, `0x`, `0` for octal, base 60 with colons.
fn python_int(text: &str) -> Option<Number> {
    let (negative, digits) = sign(text);
    let only = |digits: &str, radix: u32| {
        let digits_only: String = digits.chars().filter(|c| *c != '_').collect();
        integer(negative, &digits_only, radix)
    };
    if let Some(rest) = digits.strip_prefix("0b") {
        return only(rest, 2);
    }
    if let Some(rest) = digits.strip_prefix("0x") {
        return only(rest, 16);
    }
    if let Some(rest) = digits.strip_prefix('0') {
        // `0_` is zero.
        return only(&format!("0{rest}"), 8);
    }
    let Some((first, _)) = digits.split_once(':') else {
        return digits
            .starts_with(|c: char| c.is_ascii_digit())
            .then(|| only(digits, 10))?;
    };
    let is_first =
        first.starts_with(|c: char| c.is_ascii_digit()) && first.chars().all(|c| c.is_ascii_digit() || c == '_');
    if !is_first {
        return None;
    }
    let mut parts = digits.split(':');
    let mut value: i64 = parts.next()?.replace('_', "").parse().ok()?;
    for part in parts {
        value = value.checked_mul(60)?.checked_add(sixtieth(part)?)?;
    }
    Some(Number::from(if negative { -value } else { value }))
}

/// PyYAML's floats: a dot is needed, an exponent needs its sign; `1:30.5` is base 60.
fn python_float(text: &str) -> Option<Number> {
    let (negative, unsigned) = sign(text);
    let is_run = |s: &str| s.chars().all(|c| c.is_ascii_digit() || c == '_');
    let starts_with_digit = |s: &str| s.starts_with(|c: char| c.is_ascii_digit());
    let (whole, rest) = unsigned.split_once('.')?;
    if whole.contains(':') {
        let mut parts = whole.split(':');
        let first = parts.next()?;
        if !starts_with_digit(first) || !is_run(first) || !is_run(rest) {
            return None;
        }
        let mut value: f64 = first.replace('_', "").parse().ok()?;
        let rest: Vec<&str> = parts.collect();
        let (last, middle) = rest.split_last()?;
        for part in middle {
            value = value * 60.0 + f64::from(u8::try_from(sixtieth(part)?).ok()?);
        }
        sixtieth(last)?;
        let fraction: f64 = unsigned.rsplit(':').next()?.replace('_', "").parse().ok()?;
        let value = value * 60.0 + fraction;
        return Number::from_f64(if negative { -value } else { value });
    }
    let (fraction, exponent) = match rest.split_once(['e', 'E']) {
        Some((fraction, exponent)) => (fraction, Some(exponent)),
        None => (rest, None),
    };
    let has_whole = starts_with_digit(whole) && is_run(whole);
    // Without digits before the dot PyYAML takes no sign.
    let bare = whole.is_empty() && unsigned.len() == text.len() && starts_with_digit(fraction);
    let exponent_ok = exponent.is_none_or(|e| {
        let digits = e.strip_prefix(['+', '-']).unwrap_or_default();
        !digits.is_empty() && split_digits(digits).1.is_empty()
    });
    if !(has_whole || bare) || !is_run(fraction) || !exponent_ok {
        return None;
    }
    Number::from_f64(text.replace('_', "").parse().ok()?)
}

fn sign(text: &str) -> (bool, &str) {
    match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// One or two digits below 60.
fn sixtieth(part: &str) -> Option<i64> {
    let is_digits = (1..=2).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    is_digits.then(|| part.parse().ok())?.filter(|value| *value < 60)
}

fn integer(negative: bool, digits: &str, radix: u32) -> Option<Number> {
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    if negative {
        return i64::from_str_radix(&format!("-{digits}"), radix).ok().map(Number::from);
    }
    u64::from_str_radix(digits, radix).ok().map(Number::from)
}
