//! What a person may set of an edge's calls. The defaults are the edge's own.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use postern_edge::{Config, Limits, ServeConfig};

use super::Settings;
use super::check::Check;

/// Calls, streams, connections.
const COUNT: RangeInclusive<usize> = 1..=1_000_000;

/// The edge as the settings have it, with nothing to serve yet.
pub(super) fn config(check: &mut Check, settings: &Settings) -> Config {
    let default = Config::default();
    Config {
        error_domain: settings.edge_error_domain.clone().unwrap_or(default.error_domain),
        request_headers: check
            .list("edge_request_headers", settings.edge_request_headers.as_deref())
            .unwrap_or(default.request_headers),
        cors_origins: check
            .list("cors_origins", settings.cors_origins.as_deref())
            .unwrap_or_default(),
        limits: limits(check, settings),
        ..default
    }
}

/// Connections of callers at once.
pub(super) fn connections_max(check: &mut Check, settings: &Settings) -> usize {
    let mut count = ServeConfig::default().connections_max;
    let given = settings.edge_connections_max.as_deref();
    check.set("edge_connections_max", given, &mut count, COUNT);
    count
}

fn limits(check: &mut Check, settings: &Settings) -> Limits {
    let mut limits = Limits::default();
    sizes(check, settings, &mut limits);
    times(check, settings, &mut limits);
    limits
}

fn sizes(check: &mut Check, settings: &Settings, limits: &mut Limits) {
    const BYTES: RangeInclusive<usize> = 1..=1 << 30;
    for (key, given, limit, range) in [
        (
            "edge_calls_max",
            &settings.edge_calls_max,
            &mut limits.calls_max,
            COUNT,
        ),
        (
            "edge_streams_max",
            &settings.edge_streams_max,
            &mut limits.streams_max,
            COUNT,
        ),
        (
            "edge_body_bytes_max",
            &settings.edge_body_bytes_max,
            &mut limits.body_bytes_max,
            BYTES,
        ),
        (
            "edge_message_bytes_max",
            &settings.edge_message_bytes_max,
            &mut limits.message_bytes_max,
            BYTES,
        ),
        (
            "edge_bodies_bytes_max",
            &settings.edge_bodies_bytes_max,
            &mut limits.bodies_bytes_max,
            1..=1 << 40,
        ),
    ] {
        check.set(key, given.as_deref(), limit, range);
    }
    let key = "edge_request_stream_bytes_max";
    let given = settings.edge_request_stream_bytes_max.as_deref();
    check.set(key, given, &mut limits.request_stream_bytes_max, 1..=1 << 50);
}

fn times(check: &mut Check, settings: &Settings, limits: &mut Limits) {
    for (key, given, limit) in [
        (
            "edge_body_timeout_seconds",
            &settings.edge_body_timeout_seconds,
            &mut limits.body_timeout,
        ),
        (
            "edge_call_timeout_seconds",
            &settings.edge_call_timeout_seconds,
            &mut limits.unary_timeout,
        ),
        (
            "edge_request_stream_timeout_seconds",
            &settings.edge_request_stream_timeout_seconds,
            &mut limits.request_stream_timeout,
        ),
    ] {
        let mut seconds = limit.as_secs();
        check.set(key, given.as_deref(), &mut seconds, 1..=86_400);
        *limit = Duration::from_secs(seconds);
    }
}

impl Check {
    /// What is given and good takes the default's place.
    fn set<T>(&mut self, key: &str, given: Option<&str>, value: &mut T, range: RangeInclusive<T>)
    where
        T: FromStr + PartialOrd + Display,
    {
        if let Some(number) = self.whole(key, given, range) {
            *value = number;
        }
    }

    /// What stands between commas, if anything is given.
    fn list<T>(&mut self, key: &str, given: Option<&str>) -> Option<Vec<T>>
    where
        T: FromStr<Err: Display>,
    {
        let texts = given?.split(',').map(str::trim).filter(|text| !text.is_empty());
        let mut list = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(one) => list.push(one),
                Err(error) => self.that(false, &format!("{key}: {text:?}: {error}")),
            }
        }
        Some(list)
    }
}

#[cfg(test)]
mod tests {
    use crate::config::{Config, Errors};

    fn edge(file: &str) -> Result<postern_edge::Config, Errors> {
        Config::from_settings(toml::from_str(file).unwrap()).map(|config| config.edge)
    }

    #[test]
    fn nothing_set_is_what_the_edge_has_by_default() {
        let (edge, default) = (edge("").unwrap(), postern_edge::Config::default());
        assert_eq!(format!("{edge:?}"), format!("{default:?}"));
    }

    #[test]
    fn lists_stand_between_commas() {
        let edge = edge(
            "edge_request_headers = \"authorization, X-Tenant,x-key-bin,\"\ncors_origins = \"https://a.example, *,\"",
        );
        let edge = edge.unwrap();
        assert_eq!(edge.request_headers, ["authorization", "x-tenant", "x-key-bin"]);
        let two = ["https://a.example", "*"].map(|text| text.parse().unwrap());
        assert_eq!(edge.cors_origins, two);
    }

    #[test]
    fn every_limit_has_its_own_key() {
        let edge = edge(
            "edge_calls_max = \"1\"
             edge_streams_max = \"2\"
             edge_body_bytes_max = \"3\"
             edge_message_bytes_max = \"4\"
             edge_bodies_bytes_max = \"5\"
             edge_request_stream_bytes_max = \"6\"
             edge_body_timeout_seconds = \"7\"
             edge_call_timeout_seconds = \"8\"
             edge_request_stream_timeout_seconds = \"9\"
             edge_error_domain = \"library\"",
        );
        let edge = edge.unwrap();
        let limits = edge.limits;
        assert_eq!(
            [
                limits.calls_max,
                limits.streams_max,
                limits.body_bytes_max,
                limits.message_bytes_max,
                limits.bodies_bytes_max,
            ],
            [1, 2, 3, 4, 5]
        );
        let seconds = [
            limits.body_timeout,
            limits.unary_timeout,
            limits.request_stream_timeout,
        ];
        assert_eq!(seconds.map(|time| time.as_secs()), [7, 8, 9]);
        assert_eq!(
            (limits.request_stream_bytes_max, edge.error_domain.as_str()),
            (6, "library")
        );
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let faults = edge(
            "edge_calls_max = \"0\"
             edge_streams_max = \"1000001\"
             edge_body_bytes_max = \"many\"
             edge_call_timeout_seconds = \"-1\"
             edge_request_headers = \"x y\"
             cors_origins = \"a.example,*,https://b.example/\"",
        );
        let faults = faults.unwrap_err().to_string();
        for fault in [
            "7 fault(s)",
            "edge_calls_max: must be",
            "edge_streams_max: must be",
            "edge_body_bytes_max: must be",
            "edge_call_timeout_seconds: must be",
            "edge_request_headers: \"x y\"",
            "cors_origins: \"a.example\"",
            "cors_origins: \"https://b.example/\"",
        ] {
            assert!(faults.contains(fault), "{fault} in {faults}");
        }
    }
}
