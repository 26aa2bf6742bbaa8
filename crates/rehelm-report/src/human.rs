//! Sizes and lengths of time as people say them.

use std::time::Duration;

/// `512 B`, `1.8 GiB`, `12 MiB`.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 || value >= 9.95 {
        format!("{value:.0} {}", UNITS[unit])
    } else {
        format!("{value:.1} {}", UNITS[unit])
    }
}

/// `0.8 s`, `34 s`, `6 min`, `6 min 20 s`, `2 h 5 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let total = seconds.round() as u64;
    match (total / 3600, total / 60 % 60, total % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// `3 min`, `6–9 min`, `40–90 s`, `12 s – 7 min`: an estimate in seconds, in the units that suit its ends.
pub fn range(from: u32, to: u32) -> String {
    if from < 60 && to >= 120 {
        return format!("{from} s – {} min", to.div_ceil(60));
    }
    let (divisor, unit) = if to >= 120 { (60, "min") } else { (1, "s") };
    let (from, to) = (from / divisor, to.div_ceil(divisor));
    if from == to {
        format!("{to} {unit}")
    } else {
        format!("{from}–{to} {unit}")
    }
}

/// `0:07`, `12:34`, `1:02:03`: a running clock.
pub fn clock(time: Duration) -> String {
    let total = time.as_secs();
    match (total / 3600, total / 60 % 60, total % 60) {
        (0, m, s) => format!("{m}:{s:02}"),
        (h, m, s) => format!("{h}:{m:02}:{s:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let cases = [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_932_735_283, "1.8 GiB"),
            (12 << 20, "12 MiB"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
        assert_eq!(size((1 << 20) - 1), "1.0 MiB");
    }

    #[test]
    fn lengths_of_time() {
        let cases = [
            (800, "0.8 s"),
            (34_000, "34 s"),
            (360_000, "6 min"),
            (380_000, "6 min 20 s"),
            (7_500_000, "2 h 5 min"),
        ];
        for (millis, text) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }

    #[test]
    fn estimates_and_clocks() {
        assert_eq!(range(360, 540), "6–9 min");
        assert_eq!(range(30, 90), "30–90 s");
        assert_eq!(range(12, 400), "12 s – 7 min");
        assert_eq!(range(180, 180), "3 min");
        assert_eq!(clock(Duration::from_secs(3723)), "1:02:03");
        assert_eq!(clock(Duration::from_secs(7)), "0:07");
    }
}
