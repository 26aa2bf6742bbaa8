//! Kubernetes quantities (`100m`, `1.5Gi`, `1e3`) in thousandths, exact, rounded up as the API server does.
//!
//! Source: the API reference of `resource.Quantity`.

use serde_json::Value;

/// A quantity in thousandths of its unit; None when the text is none.
pub fn milli(text: &str) -> Option<i128> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '+' | '-')))
        .unwrap_or(text.len());
    let (number, suffix) = text.split_at(end);
    let (numerator, denominator) = match suffix {
        "n" => (1, 1_000_000),
        "u" => (1, 1_000),
        "m" => (1, 1),
        "" => (1_000, 1),
        "k" => (power(10, 6)?, 1),
        "M" => (power(10, 9)?, 1),
        "G" => (power(10, 12)?, 1),
        "T" => (power(10, 15)?, 1),
        "P" => (power(10, 18)?, 1),
        "E" => (power(10, 21)?, 1),
        "Ki" => (1_000 << 10, 1),
        "Mi" => (1_000 << 20, 1),
        "Gi" => (1_000 << 30, 1),
        "Ti" => (1_000 << 40, 1),
        "Pi" => (1_000 << 50, 1),
        "Ei" => (1_000 << 60, 1),
        exponent => {
            let n: i32 = exponent.strip_prefix(['e', 'E'])?.parse().ok()?;
            match u32::try_from(n) {
                Ok(n) => (power(10, n.checked_add(3)?)?, 1),
                Err(_) => (1_000, power(10, n.unsigned_abs())?),
            }
        }
    };
    let (sign, digits) = match number.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, number.strip_prefix('+').unwrap_or(number)),
    };
    if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return None;
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all: i128 = format!("{whole}{fraction}").parse().ok()?;
    let scaled = all.checked_mul(numerator)?;
    let below = power(10, u32::try_from(fraction.len()).ok()?)?.checked_mul(denominator)?;
    // Rounded away from zero: what is asked for is never less than what was written.
    let up = scaled.checked_add(below - 1)? / below;
    Some(sign * up)
}

/// A quantity in a manifest: a text or a number.
pub fn of(value: &Value) -> Option<i128> {
    match value {
        Value::String(text) => milli(text),
        Value::Number(number) => milli(&number.to_string()),
        _ => None,
    }
}

/// Thousandths for people: whole numbers where it is one.
pub fn show(milli: i128) -> String {
    if milli % 1_000 != 0 {
        return format!("{milli}m");
    }
    let whole = milli / 1_000;
    for (unit, size) in [("Gi", 1_i128 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)] {
        if whole != 0 && whole % size == 0 {
            return format!("{}{unit}", whole / size);
        }
    }
    whole.to_string()
}

fn power(base: i128, exponent: u32) -> Option<i128> {
    base.checked_pow(exponent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_quantities_are_equal() {
        for (a, b) in [
            ("1", "1000m"),
            ("0.5", "500m"),
            ("1Gi", "1024Mi"),
            ("1e3", "1k"),
            ("1E", "1e18"),
            ("2e-3", "2m"),
        ] {
            assert_eq!(milli(a), milli(b), "{a} {b}");
            assert!(milli(a).is_some(), "{a}");
        }
        assert_eq!(of(&json!(2)), Some(2_000));
        assert_eq!(of(&json!(0.5)), Some(500));
        assert_eq!(milli("1n"), Some(1));
        for none in ["", "x", "1x", "1.2.3", "-", "1e", "e3", "1 Gi"] {
            assert_eq!(milli(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn showing_and_reading_agree(n in -1_000_000_000_000i128..1_000_000_000_000) {
            prop_assert_eq!(milli(&show(n)), Some(n));
        }

        #[test]
        fn reading_never_panics(text in ".{0,30}") {
            let _ = milli(&text);
        }
    }
}
