//! Durations as people write them: `7d`, `1h`, `5s`, `1h30m`.

use std::time::Duration;

/// Ten years: far beyond any sensible clock, and safe to add to any time.
const MAX: Duration = Duration::from_hours(10 * 365 * 24);
/// From the longest: each may stand once, in this order.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Whole numbers, each with its unit, from the longest to the shortest; more than nothing, and ten years at most.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let mut units = UNITS.into_iter();
    let mut seconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: u64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let (_, factor) = units.by_ref().find(|(name, _)| *name == unit)?;
        seconds = seconds.checked_add(number.checked_mul(factor)?)?;
        rest = &rest[digits + unit.len_utf8()..];
    }
    let duration = Duration::from_secs(seconds);
    (!duration.is_zero() && duration <= MAX).then_some(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("5s", 5),
            ("90s", 90),
            ("1h", 3_600),
            ("1h30m", 5_400),
            ("7d", 604_800),
            ("1d1h1m1s", 90_061),
        ] {
            assert_eq!(parse(text), Some(Duration::from_secs(seconds)), "{text}");
        }
    }

    #[test]
    fn what_is_ambiguous_or_endless_is_refused() {
        for text in [
            "",
            "5",
            "s",
            "0s",
            "-5s",
            "+5s",
            "1.5h",
            "30m1h",
            "1h1h",
            "1 h",
            "5x",
            "1hé",
            "3651d",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
