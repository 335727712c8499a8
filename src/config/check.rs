//! Collects everything that is wrong with settings, so that all of it is told at once.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use super::{Config, Errors};

/// What is wrong so far.
#[derive(Default)]
pub(super) struct Check(Vec<String>);

impl Check {
    pub(super) fn that(&mut self, holds: bool, error: &str) {
        if !holds {
            self.0.push(error.to_owned());
        }
    }

    pub(super) fn address(&mut self, key: &str, given: Option<&str>, default: &str) -> SocketAddr {
        let text = given.unwrap_or(default);
        text.parse().unwrap_or_else(|_invalid| {
            self.0
                .push(format!("{key}: {text:?} is not an address like 127.0.0.1:8080"));
            SocketAddr::from(([127, 0, 0, 1], 0))
        })
    }

    /// Whole seconds up to an hour; None for zero.
    pub(super) fn seconds(&mut self, key: &str, given: Option<&str>, default: u64) -> Option<Duration> {
        let seconds = self.whole(key, given, 0..=3_600).unwrap_or(default);
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    /// The number, if one is given and is good.
    pub(super) fn whole<T>(&mut self, key: &str, given: Option<&str>, range: RangeInclusive<T>) -> Option<T>
    where
        T: FromStr + PartialOrd + Display,
    {
        let given = given?;
        let number = given.parse().ok().filter(|number| range.contains(number));
        let (first, last) = (range.start(), range.end());
        self.that(
            number.is_some(),
            &format!("{key}: must be a whole number from {first} to {last}"),
        );
        number
    }

    pub(super) fn url(&mut self, key: &str, url: &str) -> String {
        let url = url.trim_end_matches('/');
        self.that(
            is_http(url),
            &format!("{key}: {url:?} is not an http or https URL"),
        );
        url.to_owned()
    }

    pub(super) fn urls(&mut self, key: &str, list: &str) -> Vec<String> {
        list.split(',').map(|url| self.url(key, url.trim())).collect()
    }

    /// As they are written: an issuer's name may end in a slash, and is compared letter by letter (OpenID Connect Discovery §4.3).
    pub(super) fn issuers(&mut self, list: &str) -> Vec<String> {
        let names: Vec<_> = list.split(',').map(|name| name.trim().to_owned()).collect();
        for name in &names {
            self.url("issuer", name);
        }
        names
    }

    pub(super) fn database_url(&mut self, given: Option<String>, data_dir: &Path) -> String {
        let url = given.unwrap_or_else(|| format!("sqlite:{}", data_dir.join("postern.sqlite").display()));
        self.that(
            url.starts_with("sqlite:") || is_postgres(&url),
            "database_url: must begin with sqlite: or postgres://",
        );
        url
    }

    pub(super) fn listen_url(&mut self, given: Option<String>) -> Option<String> {
        self.that(
            given.as_deref().is_none_or(is_postgres),
            "database_listen_url: must begin with postgres://",
        );
        given
    }

    pub(super) fn partners(&mut self, config: &Config) {
        for partner in &config.partners {
            self.that(!partner.id.is_empty(), "partners: an id is empty");
            self.that(
                !partner.clients.is_empty(),
                &format!("partners: {} has no clients", partner.id),
            );
        }
    }

    pub(super) fn fault(&mut self, fault: String) {
        self.0.push(fault);
    }

    pub(super) fn faults(self) -> Vec<String> {
        self.0
    }

    pub(super) fn done<T>(self, value: T) -> Result<T, Errors> {
        if self.0.is_empty() {
            Ok(value)
        } else {
            Err(Errors(self.0))
        }
    }
}

fn is_postgres(url: &str) -> bool {
    ["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
}

fn is_http(url: &str) -> bool {
    let host = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"));
    host.is_some_and(|host| !host.is_empty())
}
