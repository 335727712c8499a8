//! A call's deadline, as `grpc-timeout` tells it (gRPC over HTTP/2: up to eight digits and a unit).

use std::time::Duration;

use http::HeaderMap;

/// How long the caller waits for the call, where it says so.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let amount: u64 = digits
        .parse()
        .ok()
        .filter(|_| digits.len() <= 8 && !digits.starts_with('+'))?;
    match unit {
        "H" => Some(Duration::from_hours(amount)),
        "M" => Some(Duration::from_mins(amount)),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_calls_deadline_is_read_in_every_unit() {
        let read = |text: &str| {
            of(&[("grpc-timeout".parse().unwrap(), text.parse().unwrap())]
                .into_iter()
                .collect())
        };
        assert_eq!(read("2S"), Some(Duration::from_secs(2)));
        assert_eq!(read("1500m"), Some(Duration::from_millis(1500)));
        assert_eq!(read("1H"), Some(Duration::from_secs(3600)));
        for text in ["", "S", "123456789S", "5x", "-1S", "+1S"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
