//! Times as people read them: `5s`, `3m20s`, `4h`, `12d`.

use std::time::Duration;

use crate::timeline::Time;

/// How long ago a timestamp was.
pub(super) fn since(timestamp: &str, now: Time) -> String {
    match parse(timestamp) {
        Some(then) if then.0 > now.0 + 1_000_000_000 => "<invalid>".to_owned(),
        Some(then) => human(now.since(then)),
        None => "<unknown>".to_owned(),
    }
}

/// A timestamp of the API.
pub(super) fn parse(timestamp: &str) -> Option<Time> {
    let moment: jiff::Timestamp = timestamp.parse().ok()?;
    i64::try_from(moment.as_nanosecond()).ok().map(Time)
}

/// A duration in at most two units, coarser the longer it is.
pub(super) fn human(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    let two = |major: u64, unit: char, minor: u64, small: char| match minor {
        0 => format!("{major}{unit}"),
        _ => format!("{major}{unit}{minor}{small}"),
    };
    match () {
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, 'm', seconds % 60, 's'),
        () if hours < 3 => format!("{minutes}m"),
        () if hours < 8 => two(hours, 'h', minutes % 60, 'm'),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, 'd', hours % 24, 'h'),
        () if days < 2 * 365 => format!("{days}d"),
        () if days < 8 * 365 => two(days / 365, 'y', days % 365, 'd'),
        () => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_is_coarser() {
        let of = |seconds: u64| human(Duration::from_secs(seconds));
        let shown = [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (135, "2m15s"),
            (700, "11m"),
            (3 * 3600, "3h"),
            (3 * 3600 + 120, "3h2m"),
            (9 * 3600 + 120, "9h"),
            (50 * 3600, "2d2h"),
            (20 * 86400, "20d"),
            (800 * 86400, "2y70d"),
        ];
        for (seconds, expected) in shown {
            assert_eq!(of(seconds), expected);
        }
        assert_eq!(since("", Time(0)), "<unknown>");
        assert_eq!(since("1970-01-01T00:00:00Z", Time(5_000_000_000)), "5s");
    }
}
