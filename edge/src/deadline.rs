//! How long a call may take: `X-Server-Timeout` of REST callers, `grpc-timeout` of the others.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

const SERVER_TIMEOUT: HeaderName = HeaderName::from_static("x-server-timeout");

const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Seconds looked at; more than eleven days are as good as that.
const SECONDS_MAX: f64 = 1_000_000.0;

/// A header that says no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid;

/// The seconds of `X-Server-Timeout`, such as `30` or `1.5`. Zero is none: nothing can be done in it.
pub(crate) fn of_rest(headers: &HeaderMap) -> Result<Option<Duration>, Invalid> {
    only(headers, &SERVER_TIMEOUT, seconds)
}

/// `grpc-timeout`: up to eight digits and a unit (gRPC over HTTP/2).
pub(crate) fn of_grpc(headers: &HeaderMap) -> Result<Option<Duration>, Invalid> {
    only(headers, &GRPC_TIMEOUT, with_unit)
}

/// The time as `grpc-timeout` says it: at most eight digits and a unit.
pub(crate) fn to_grpc(timeout: Duration) -> HeaderValue {
    let milliseconds = timeout.as_millis();
    let text = match milliseconds {
        0..=99_999_999 => format!("{milliseconds}m"),
        _ => format!("{}S", timeout.as_secs().min(99_999_999)),
    };
    HeaderValue::try_from(text).expect("digits and a letter are a header value")
}

/// What the one header of that name says.
fn only(
    headers: &HeaderMap,
    name: &HeaderName,
    read: impl Fn(&HeaderValue) -> Option<Duration>,
) -> Result<Option<Duration>, Invalid> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => read(value).map(Some).ok_or(Invalid),
        _ => Err(Invalid),
    }
}

fn with_unit(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(count * 3_600)),
        "M" => Some(Duration::from_secs(count * 60)),
        "S" => Some(Duration::from_secs(count)),
        "m" => Some(Duration::from_millis(count)),
        "u" => Some(Duration::from_micros(count)),
        "n" => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

fn seconds(value: &HeaderValue) -> Option<Duration> {
    let text = value.to_str().ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) {
        return None;
    }
    let seconds: f64 = text.parse().ok()?;
    let timeout = Duration::from_secs_f64(seconds.min(SECONDS_MAX));
    (timeout >= Duration::from_millis(1)).then_some(timeout)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, text: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(text))])
    }

    #[test]
    fn seconds_may_have_a_fraction_and_nothing_else() {
        for (text, milliseconds) in [
            ("30", Some(30_000)),
            ("1.5", Some(1_500)),
            ("0.001", Some(1)),
            ("99999999999999999999", Some(1_000_000_000)),
            ("0", None),
            ("0.0", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1.", None),
            (".5", None),
            ("inf", None),
            ("5s", None),
            ("", None),
        ] {
            let expected = milliseconds.map(Duration::from_millis).map(Some).ok_or(Invalid);
            assert_eq!(of_rest(&headers(SERVER_TIMEOUT, text)), expected, "{text}");
        }
        assert_eq!(of_rest(&HeaderMap::new()), Ok(None));
        let mut twice = headers(SERVER_TIMEOUT, "1");
        twice.append(SERVER_TIMEOUT, HeaderValue::from_static("2"));
        assert_eq!(of_rest(&twice), Err(Invalid));
    }

    #[test]
    fn a_grpc_timeout_is_digits_and_a_unit() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("99999999S", Some(Duration::from_secs(99_999_999))),
            ("250m", Some(Duration::from_millis(250))),
            ("7u", Some(Duration::from_micros(7))),
            ("7n", Some(Duration::from_nanos(7))),
            ("123456789m", None),
            ("m", None),
            ("1", None),
            ("-1S", None),
            ("1.5S", None),
            ("1é", None),
            ("", None),
        ] {
            let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else {
                continue;
            };
            let given = HeaderMap::from_iter([(GRPC_TIMEOUT, value)]);
            assert_eq!(of_grpc(&given), expected.map(Some).ok_or(Invalid), "{text}");
        }
        assert_eq!(of_grpc(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn a_timeout_has_eight_digits_at_most() {
        assert_eq!(to_grpc(Duration::from_secs(60)), "60000m");
        assert_eq!(to_grpc(Duration::from_secs(100_000)), "100000S");
        assert_eq!(to_grpc(Duration::MAX), "99999999S");
    }
}
