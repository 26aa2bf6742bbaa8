//! Cron's calendar: five fields with lists, ranges and steps, names of months and days, and `@daily` and the like.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::timeline::Time;

/// A schedule, each field as the set of its values.
#[derive(Debug)]
pub(super) struct Schedule {
    minutes: u64,
    hours: u64,
    days: u64,
    months: u64,
    weekdays: u64,
    /// A day has to fit one of both fields when neither begins with `*`, else both.
    either: bool,
    zone: TimeZone,
}

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const WEEKDAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

impl Schedule {
    /// None when it cannot be read. An unknown time zone is taken as UTC.
    pub fn parse(text: &str, zone: &str) -> Option<Self> {
        let text = match text.trim() {
            "@yearly" | "@annually" => "0 0 1 1 *",
            "@monthly" => "0 0 1 * *",
            "@weekly" => "0 0 * * 0",
            "@daily" | "@midnight" => "0 0 * * *",
            "@hourly" => "0 * * * *",
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minutes, hours, days, months, weekdays] = fields.as_slice() else {
            return None;
        };
        let any = |field: &str| field.starts_with('*') || field.starts_with('?');
        let mut weekday_set = set(weekdays, 0, 7, &WEEKDAYS, 0)?;
        if weekday_set & (1 << 7) != 0 {
            weekday_set |= 1;
        }
        Some(Self {
            minutes: set(minutes, 0, 59, &[], 0)?,
            hours: set(hours, 0, 23, &[], 0)?,
            days: set(days, 1, 31, &[], 0)?,
            months: set(months, 1, 12, &MONTHS, 1)?,
            weekdays: weekday_set,
            either: !any(days) && !any(weekdays),
            zone: TimeZone::get(zone).unwrap_or(TimeZone::UTC),
        })
    }

    /// The first date after a moment; None when there is none within five years.
    pub fn next(&self, after: Time) -> Option<Time> {
        let moment = Timestamp::from_nanosecond(i128::from(after.0)).ok()?;
        let begin = moment.to_zoned(self.zone.clone()).datetime();
        let mut day = begin.date();
        for step in 0..(5 * 366) {
            if self.has_day(day) {
                for hour in bits(self.hours) {
                    for minute in bits(self.minutes) {
                        let date = day.at(hour, minute, 0, 0);
                        if step == 0 && date <= begin {
                            continue;
                        }
                        let date = date.to_zoned(self.zone.clone()).ok()?.timestamp();
                        let time = Time(i64::try_from(date.as_nanosecond()).ok()?);
                        if time > after {
                            return Some(time);
                        }
                    }
                }
            }
            day = day.checked_add(1.day()).ok()?;
        }
        None
    }

    fn has_day(&self, day: jiff::civil::Date) -> bool {
        let has = |set: u64, value: i8| set & (1 << value) != 0;
        let by_day = has(self.days, day.day());
        let by_weekday = has(self.weekdays, day.weekday().to_sunday_zero_offset());
        let fits = if self.either {
            by_day || by_weekday
        } else {
            by_day && by_weekday
        };
        has(self.months, day.month()) && fits
    }
}

fn bits(set: u64) -> impl Iterator<Item = i8> {
    (0..60).filter(move |value| set & (1 << value) != 0)
}

fn set(field: &str, low: u32, high: u32, names: &[&str], first: u32) -> Option<u64> {
    let number = |text: &str| -> Option<u32> {
        let text = text.to_lowercase();
        let named = names.iter().position(|name| *name == text);
        match named {
            Some(at) => Some(u32::try_from(at).ok()? + first),
            None => text.parse().ok(),
        }
    };
    let mut set = 0;
    for part in field.split(',') {
        let (range, step) = part
            .split_once('/')
            .map_or((part, None), |(range, step)| (range, Some(step)));
        let step: u32 = step.map_or(Some(1), |step| step.parse().ok())?;
        let (from, to) = match range.split_once('-') {
            _ if range == "*" || range == "?" => (low, high),
            Some((from, to)) => (number(from)?, number(to)?),
            // `5/15` runs to the end.
            None if part.contains('/') => (number(range)?, high),
            None => (number(range)?, number(range)?),
        };
        if from < low || to > high || from > to || step == 0 {
            return None;
        }
        for value in (from..=to).step_by(usize::try_from(step).ok()?) {
            set |= 1 << value;
        }
    }
    Some(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_as_cron_has_them() {
        let from: Timestamp = "2026-01-01T00:00:30Z".parse().expect("a time");
        let from = Time(i64::try_from(from.as_nanosecond()).expect("small"));
        for (text, wanted) in [
            ("* * * * *", "2026-01-01T00:01:00Z"),
            ("*/10 * * * *", "2026-01-01T00:10:00Z"),
            ("0 3 * * *", "2026-01-01T03:00:00Z"),
            ("0 0 1 * *", "2026-02-01T00:00:00Z"),
            ("30 4 1,15 * 5", "2026-01-01T04:30:00Z"),
            ("0 12 * * mon-wed", "2026-01-05T12:00:00Z"),
            ("@yearly", "2027-01-01T00:00:00Z"),
            ("0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ] {
            let schedule = Schedule::parse(text, "").expect("a schedule");
            let next = schedule.next(from).map(Time::rfc3339);
            assert_eq!(next.as_deref(), Some(wanted), "{text}");
        }
        for wrong in ["", "* * * *", "61 * * * *", "a * * * *", "*/0 * * * *"] {
            assert!(Schedule::parse(wrong, "").is_none(), "{wrong}");
        }
    }
}
