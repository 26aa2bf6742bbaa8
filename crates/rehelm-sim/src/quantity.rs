//! Quantities as Kubernetes writes them: `500m`, `1Gi`, `1e3`.

use std::cmp::Ordering;

/// How a quantity is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `Ki`, `Mi`, …
    Binary,
    /// `k`, `M`, … and `m`, `u`, `n`.
    Decimal,
    /// `e3`, `e6`, …
    Exponent,
}

/// An amount, exact down to a billionth (what is smaller is rounded up, as the API server does).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantity {
    nano: i128,
    form: Form,
}

const NANO: i128 = 1_000_000_000;
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL: [&str; 6] = ["k", "M", "G", "T", "P", "E"];

impl Quantity {
    pub const ZERO: Self = Self {
        nano: 0,
        form: Form::Decimal,
    };

    /// A whole number.
    pub fn whole(number: i64) -> Self {
        Self {
            nano: i128::from(number) * NANO,
            form: Form::Decimal,
        }
    }

    /// None when the text is no quantity.
    pub fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes().first()? {
            b'-' => (true, &text[1..]),
            b'+' => (false, &text[1..]),
            _ => (false, text),
        };
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return None;
        }
        let (form, multiplier, divisor) = scale(suffix)?;
        let digits: i128 = format!("{whole}{fraction}")
            .trim_start_matches('0')
            .parse()
            .or_else(|error: std::num::ParseIntError| {
                if *error.kind() == std::num::IntErrorKind::Empty {
                    Ok(0)
                } else {
                    Err(error)
                }
            })
            .ok()?;
        let below = 10_i128
            .checked_pow(u32::try_from(fraction.len()).ok()?)?
            .checked_mul(divisor)?;
        let over = digits.checked_mul(multiplier)?.checked_mul(NANO)?;
        let nano = over / below + i128::from(over % below != 0);
        Some(Self {
            nano: if negative { -nano } else { nano },
            form,
        })
    }

    /// A quantity in JSON: a text or a number.
    pub fn of(value: &serde_json::Value) -> Option<Self> {
        match value {
            serde_json::Value::String(text) => Self::parse(text),
            serde_json::Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    pub fn is_zero(self) -> bool {
        self.nano == 0
    }

    pub fn is_negative(self) -> bool {
        self.nano < 0
    }

    /// False for `500m`.
    pub fn is_whole(self) -> bool {
        self.nano % NANO == 0
    }

    /// Thousandths, rounded up.
    #[cfg(test)]
    pub fn milli(self) -> i64 {
        i64::try_from(self.nano.div_euclid(1_000_000) + i128::from(self.nano.rem_euclid(1_000_000) != 0))
            .unwrap_or(i64::MAX)
    }

    /// The sum, written as the first of both unless that is zero.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            nano: self.nano + other.nano,
            form: if self.nano == 0 { other.form } else { self.form },
        }
    }

    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        self.plus(Self {
            nano: -other.nano,
            ..other
        })
    }

    #[must_use]
    pub fn larger(self, other: Self) -> Self {
        if other > self { other } else { self }
    }
}

/// Form, multiplier and divisor of a suffix.
fn scale(suffix: &str) -> Option<(Form, i128, i128)> {
    if suffix.is_empty() {
        return Some((Form::Decimal, 1, 1));
    }
    if let Some(at) = BINARY.iter().position(|known| *known == suffix) {
        return Some((Form::Binary, 1 << (10 * (at + 1)), 1));
    }
    if let Some(at) = DECIMAL.iter().position(|known| *known == suffix) {
        return Some((Form::Decimal, 1000_i128.pow(u32::try_from(at).ok()? + 1), 1));
    }
    match suffix {
        "m" => return Some((Form::Decimal, 1, 1000)),
        "u" => return Some((Form::Decimal, 1, 1_000_000)),
        "n" => return Some((Form::Decimal, 1, NANO)),
        _ => {}
    }
    let exponent: i32 = suffix.strip_prefix(['e', 'E'])?.parse().ok()?;
    let power = 10_i128
        .checked_pow(exponent.unsigned_abs())
        .filter(|_| exponent.abs() <= 18)?;
    Some(if exponent < 0 {
        (Form::Exponent, 1, power)
    } else {
        (Form::Exponent, power, 1)
    })
}

impl std::fmt::Display for Quantity {
    /// The canonical form: the largest suffix that needs no fraction.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.nano == 0 {
            return out.write_str("0");
        }
        let whole = self.nano / NANO;
        if self.form == Form::Binary && self.is_whole() && whole.abs() >= 1024 {
            let (mut number, mut steps) = (whole, 0);
            while number % 1024 == 0 && steps < BINARY.len() {
                number /= 1024;
                steps += 1;
            }
            let suffix = if steps == 0 { "" } else { BINARY[steps - 1] };
            return write!(out, "{number}{suffix}");
        }
        let (mut number, mut steps) = (self.nano, -3_i32);
        while number % 1000 == 0 && steps < 6 {
            number /= 1000;
            steps += 1;
        }
        write!(out, "{number}")?;
        match (steps, self.form) {
            (0, _) => Ok(()),
            (steps, Form::Exponent) => write!(out, "e{}", 3 * steps),
            (-3, _) => out.write_str("n"),
            (-2, _) => out.write_str("u"),
            (-1, _) => out.write_str("m"),
            (steps, _) => out.write_str(DECIMAL[usize::try_from(steps - 1).unwrap_or(0)]),
        }
    }
}

impl PartialEq for Quantity {
    fn eq(&self, other: &Self) -> bool {
        self.nano == other.nano
    }
}

impl Eq for Quantity {}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Quantity {
    fn cmp(&self, other: &Self) -> Ordering {
        self.nano.cmp(&other.nano)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(text: &str) -> String {
        Quantity::parse(text).map_or_else(|| "none".to_owned(), |quantity| quantity.to_string())
    }

    #[test]
    fn quantities_are_written_canonically() {
        for (given, wanted) in [
            ("1024Mi", "1Gi"),
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("100", "100"),
            ("1000", "1k"),
            ("1e3", "1e3"),
            ("0.5Ki", "512"),
            ("1536", "1536"),
            ("0", "0"),
            ("-1Gi", "-1Gi"),
            ("1Mi", "1Mi"),
            ("x", "none"),
            ("1.2.3", "none"),
            ("1GiB", "none"),
            ("", "none"),
        ] {
            assert_eq!(canonical(given), wanted, "{given}");
        }
    }

    #[test]
    fn quantities_add_and_compare() {
        let sum = Quantity::parse("1Gi").and_then(|a| Some(a.plus(Quantity::parse("512Mi")?)));
        assert_eq!(sum.map(|sum| sum.to_string()).as_deref(), Some("1536Mi"));
        assert!(Quantity::parse("1G") < Quantity::parse("1Gi"));
        assert_eq!(Quantity::parse("1.5").map(Quantity::milli), Some(1500));
    }
}
