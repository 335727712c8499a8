//! This machine's clock, beside one elsewhere: tokens and deadlines go by it.

use std::time::{Duration, SystemTime};

use super::finding::Finding;

/// Tokens are allowed less, and a round trip takes some of it.
const SKEW_MAX: Duration = Duration::from_secs(30);

/// Nothing where the other one tells no time.
pub(super) fn check(whose: &str, there: Option<SystemTime>) -> Option<Finding> {
    let skew = skew(SystemTime::now(), there?);
    Some(if skew > SKEW_MAX {
        let says = format!("{} s away from that of {whose}", skew.as_secs());
        Finding::warning(
            "clock",
            says,
            "run a time service (NTP): tokens would be refused, and jobs expire early or late",
        )
    } else {
        Finding::ok("clock", format!("that of {whose}"))
    })
}

fn skew(here: SystemTime, there: SystemTime) -> Duration {
    let earlier = |error: std::time::SystemTimeError| error.duration();
    here.duration_since(there).unwrap_or_else(earlier)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_whichever_way_it_is_wrong() {
        let (now, minute) = (SystemTime::now(), Duration::from_mins(1));
        for there in [now + minute, now - minute] {
            assert_eq!(skew(now, there), minute);
            let told = format!("{:?}", check("x", Some(there)).unwrap());
            assert!(told.contains("Warning"), "{told}");
        }
        assert!(format!("{:?}", check("x", Some(now)).unwrap()).contains("Ok"));
        assert!(check("x", None).is_none());
    }
}
