//! The text of `Timestamp` (RFC 3339) and `Duration`, within the ranges that their .proto files give. Knows nothing of
//! wire bytes or JSON.

/// 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
const TIMESTAMP_SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;
/// 10,000 years; a fraction of a second may come on top.
const DURATION_SECONDS_MAX: u64 = 315_576_000_000;
const NANOS_PER_SECOND: i32 = 1_000_000_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Seconds and nanoseconds, as both messages hold them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    pub(crate) nanos: i32,
}

/// Why a text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTime {
    Syntax,
    OutOfRange,
}

impl Time {
    /// `2026-11-23T10:00:00.123Z`, any offset, at most nine digits of a second; no leap second.
    pub(crate) fn from_timestamp(text: &str) -> Result<Self, NotTime> {
        let (date_time, rest) = text.as_bytes().split_at_checked(19).ok_or(NotTime::Syntax)?;
        let local = seconds_of(date_time).ok_or(NotTime::Syntax)?;
        let zone = rest
            .iter()
            .position(|byte| matches!(byte, b'Z' | b'+' | b'-'))
            .ok_or(NotTime::Syntax)?;
        let (fraction, zone) = rest.split_at(zone);
        let nanos = match fraction.split_first() {
            None => 0,
            Some((b'.', digits)) => nanos_of(digits).ok_or(NotTime::Syntax)?,
            Some(_) => return Err(NotTime::Syntax),
        };
        let seconds = local - offset_seconds(zone).ok_or(NotTime::Syntax)?;
        match TIMESTAMP_SECONDS.contains(&seconds) {
            true => Ok(Self { seconds, nanos }),
            false => Err(NotTime::OutOfRange),
        }
    }

    /// `1.5s`, `-3s`: at most nine digits of a second.
    pub(crate) fn from_duration(text: &str) -> Result<Self, NotTime> {
        let text = text.strip_suffix('s').ok_or(NotTime::Syntax)?;
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (whole, fraction) = text
            .split_once('.')
            .map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        if whole.is_empty() || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotTime::Syntax);
        }
        let nanos = match fraction {
            None => 0,
            Some(digits) => nanos_of(digits.as_bytes()).ok_or(NotTime::Syntax)?,
        };
        let Ok(seconds) = whole.parse::<i64>() else {
            return Err(NotTime::OutOfRange);
        };
        let time = match is_negative {
            true => Self {
                seconds: -seconds,
                nanos: -nanos,
            },
            false => Self { seconds, nanos },
        };
        match time.is_duration() {
            true => Ok(time),
            false => Err(NotTime::OutOfRange),
        }
    }

    /// Appends the timestamp in UTC with 0, 3, 6 or 9 digits of a second; false when it is out of range.
    pub(crate) fn put_timestamp(self, out: &mut Vec<u8>) -> bool {
        if !TIMESTAMP_SECONDS.contains(&self.seconds) || !(0..NANOS_PER_SECOND).contains(&self.nanos) {
            return false;
        }
        let (year, month, day) = civil(self.seconds.div_euclid(SECONDS_PER_DAY));
        let second = low(self.seconds.rem_euclid(SECONDS_PER_DAY));
        let mut text = *b"0000-00-00T00:00:00";
        set_digits(&mut text[0..4], year);
        set_digits(&mut text[5..7], month);
        set_digits(&mut text[8..10], day);
        set_digits(&mut text[11..13], second / 3600);
        set_digits(&mut text[14..16], second / 60 % 60);
        set_digits(&mut text[17..19], second % 60);
        out.extend_from_slice(&text);
        put_fraction(out, self.nanos);
        out.push(b'Z');
        true
    }

    /// Appends the duration with 0, 3, 6 or 9 digits of a second; false when it is out of range.
    pub(crate) fn put_duration(self, out: &mut Vec<u8>) -> bool {
        if !self.is_duration() {
            return false;
        }
        if self.seconds < 0 || self.nanos < 0 {
            out.push(b'-');
        }
        out.extend_from_slice(self.seconds.unsigned_abs().to_string().as_bytes());
        put_fraction(out, self.nanos);
        out.push(b's');
        true
    }

    fn is_duration(self) -> bool {
        let signs_agree = self.seconds.signum() as i32 * self.nanos.signum() >= 0;
        signs_agree
            && self.nanos.unsigned_abs() < NANOS_PER_SECOND.unsigned_abs()
            && self.seconds.unsigned_abs() <= DURATION_SECONDS_MAX
    }
}

/// `YYYY-MM-DDTHH:MM:SS` as seconds since 1970, as if it were UTC.
fn seconds_of(text: &[u8]) -> Option<i64> {
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        o1,
        o2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        m1,
        m2,
        b':',
        s1,
        s2,
    ] = text
    else {
        return None;
    };
    let year = decimal(&[*y1, *y2, *y3, *y4])?;
    let month = decimal(&[*o1, *o2])?;
    let day = decimal(&[*d1, *d2])?;
    let (hour, minute, second) = (
        decimal(&[*h1, *h2])?,
        decimal(&[*m1, *m2])?,
        decimal(&[*s1, *s2])?,
    );
    if !(1..=12).contains(&month) || day < 1 || day > days_in(year, month) {
        return None;
    }
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_before(year, month, day) * SECONDS_PER_DAY + hour * 3600 + minute * 60 + second)
}

fn offset_seconds(zone: &[u8]) -> Option<i64> {
    let (sign, h1, h2, m1, m2) = match zone {
        b"Z" => return Some(0),
        [b'+', h1, h2, b':', m1, m2] => (1, h1, h2, m1, m2),
        [b'-', h1, h2, b':', m1, m2] => (-1, h1, h2, m1, m2),
        _ => return None,
    };
    let (hours, minutes) = (decimal(&[*h1, *h2])?, decimal(&[*m1, *m2])?);
    (hours <= 23 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
}

/// One to nine digits of a second.
fn nanos_of(digits: &[u8]) -> Option<i32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let mut nanos = decimal(digits)?;
    for _ in digits.len()..9 {
        nanos *= 10;
    }
    i32::try_from(nanos).ok()
}

fn decimal(digits: &[u8]) -> Option<i64> {
    let mut value = 0;
    for digit in digits {
        value = value * 10 + i64::from(char::from(*digit).to_digit(10)?);
    }
    Some(value)
}

fn days_in(year: i64, month: i64) -> i64 {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if is_leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar, by eras of 400 years that begin in March
/// (Howard Hinnant, "chrono-compatible low-level date algorithms").
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    year.div_euclid(400) * 146_097 + day_of_era - 719_468
}

/// The inverse, for days not before year 0: year, month and day.
fn civil(days: i64) -> (u32, u32, u32) {
    let days = low(days + 719_468);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = (shifted + 2) % 12 + 1;
    (year_of_era + era * 400 + u32::from(month <= 2), month, day)
}

fn low(value: i64) -> u32 {
    u32::try_from(value).expect("days and seconds within the range of a timestamp are small and not negative")
}

fn put_fraction(out: &mut Vec<u8>, nanos: i32) {
    let nanos = nanos.unsigned_abs();
    let length = match nanos {
        0 => return,
        _ if nanos.is_multiple_of(1_000_000) => 4,
        _ if nanos.is_multiple_of(1_000) => 7,
        _ => 10,
    };
    let mut text = *b".000000000";
    set_digits(&mut text[1..], nanos);
    out.extend_from_slice(&text[..length]);
}

/// A number with leading zeros.
#[inline]
fn set_digits(text: &mut [u8], value: u32) {
    let mut rest = value;
    for digit in text.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
}
