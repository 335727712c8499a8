//! Settings as they are written: all optional, all text.

use std::path::Path;

use serde::Deserialize;

const FILE: &str = "postern.toml";

/// The keys of `postern.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs, reason = "Config says what each is")]
pub struct Settings {
    pub edge_listen: Option<String>,
    pub edge_upstream: Option<String>,
    pub edge_health_check_seconds: Option<String>,
    pub edge_service_config: Option<String>,
    pub edge_calls_max: Option<String>,
    pub edge_streams_max: Option<String>,
    pub edge_connections_max: Option<String>,
    pub edge_bodies_bytes_max: Option<String>,
    pub edge_body_bytes_max: Option<String>,
    pub edge_message_bytes_max: Option<String>,
    pub edge_request_stream_bytes_max: Option<String>,
    pub edge_body_timeout_seconds: Option<String>,
    pub edge_call_timeout_seconds: Option<String>,
    pub edge_request_stream_timeout_seconds: Option<String>,
    pub edge_request_headers: Option<String>,
    pub edge_error_domain: Option<String>,
    pub cors_origins: Option<String>,
    pub grpc_listen: Option<String>,
    pub sqs_listen: Option<String>,
    pub admin_listen: Option<String>,
    pub data_dir: Option<String>,
    pub database_url: Option<String>,
    pub database_connections_max: Option<String>,
    pub database_listen_url: Option<String>,
    pub sqs_endpoint: Option<String>,
    pub jobs_queue: Option<String>,
    pub results_queue: Option<String>,
    pub catalog: Option<String>,
    pub issuer: Option<String>,
    pub secret_key: Option<String>,
    pub server: Option<String>,
    pub token: Option<String>,
    pub client_id: Option<String>,
    pub client_secret: Option<String>,
    #[serde(default)]
    pub partners: Vec<Partner>,
}

/// One partner and the clients that act for it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// Our own name for it.
    pub id: String,
    /// Whose clients these are; the only issuer, when not given.
    pub issuer: Option<String>,
    /// Their client ids.
    pub clients: Vec<String>,
}

impl Settings {
    /// Reads the given file, or `postern.toml` where there is one, then the environment. A file that cannot be read says nothing, and the
    /// second value why.
    pub(super) fn load(file: Option<&Path>) -> (Self, Option<String>) {
        let path = file.unwrap_or_else(|| Path::new(FILE));
        let read = match std::fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| error.to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && file.is_none() => {
                Ok(Self::default())
            }
            Err(error) => Err(error.to_string()),
        };
        let (mut settings, fault) = match read {
            Ok(settings) => (settings, None),
            Err(error) => (Self::default(), Some(format!("{}: {error}", path.display()))),
        };
        settings.override_by(environment);
        (settings, fault)
    }

    fn override_by(&mut self, variable: impl Fn(&str) -> Option<String>) {
        for (name, value) in [
            ("EDGE_LISTEN", &mut self.edge_listen),
            ("EDGE_UPSTREAM", &mut self.edge_upstream),
            ("EDGE_HEALTH_CHECK_SECONDS", &mut self.edge_health_check_seconds),
            ("EDGE_SERVICE_CONFIG", &mut self.edge_service_config),
            ("EDGE_CALLS_MAX", &mut self.edge_calls_max),
            ("EDGE_STREAMS_MAX", &mut self.edge_streams_max),
            ("EDGE_CONNECTIONS_MAX", &mut self.edge_connections_max),
            ("EDGE_BODIES_BYTES_MAX", &mut self.edge_bodies_bytes_max),
            ("EDGE_BODY_BYTES_MAX", &mut self.edge_body_bytes_max),
            ("EDGE_MESSAGE_BYTES_MAX", &mut self.edge_message_bytes_max),
            (
                "EDGE_REQUEST_STREAM_BYTES_MAX",
                &mut self.edge_request_stream_bytes_max,
            ),
            ("EDGE_BODY_TIMEOUT_SECONDS", &mut self.edge_body_timeout_seconds),
            ("EDGE_CALL_TIMEOUT_SECONDS", &mut self.edge_call_timeout_seconds),
            (
                "EDGE_REQUEST_STREAM_TIMEOUT_SECONDS",
                &mut self.edge_request_stream_timeout_seconds,
            ),
            ("EDGE_REQUEST_HEADERS", &mut self.edge_request_headers),
            ("EDGE_ERROR_DOMAIN", &mut self.edge_error_domain),
            ("CORS_ORIGINS", &mut self.cors_origins),
            ("GRPC_LISTEN", &mut self.grpc_listen),
            ("SQS_LISTEN", &mut self.sqs_listen),
            ("ADMIN_LISTEN", &mut self.admin_listen),
            ("DATA_DIR", &mut self.data_dir),
            ("DATABASE_URL", &mut self.database_url),
            ("DATABASE_CONNECTIONS_MAX", &mut self.database_connections_max),
            ("DATABASE_LISTEN_URL", &mut self.database_listen_url),
            ("SQS_ENDPOINT", &mut self.sqs_endpoint),
            ("JOBS_QUEUE", &mut self.jobs_queue),
            ("RESULTS_QUEUE", &mut self.results_queue),
            ("CATALOG", &mut self.catalog),
            ("ISSUER", &mut self.issuer),
            ("SECRET_KEY", &mut self.secret_key),
            ("SERVER", &mut self.server),
            ("TOKEN", &mut self.token),
            ("CLIENT_ID", &mut self.client_id),
            ("CLIENT_SECRET", &mut self.client_secret),
        ] {
            if let Some(given) = variable(&format!("POSTERN_{name}")) {
                *value = Some(given);
            }
        }
    }
}

/// A variable of the environment; an empty one counts as not set.
#[allow(clippy::disallowed_methods, reason = "this is the one place")]
pub(super) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_wins_over_the_file() {
        let mut settings: Settings =
            toml::from_str("edge_listen = \"127.0.0.1:1\"\ndata_dir = \"/a\"").unwrap();
        settings.override_by(|name| (name == "POSTERN_EDGE_LISTEN").then(|| "127.0.0.1:2".to_owned()));
        assert_eq!(settings.edge_listen.unwrap(), "127.0.0.1:2");
        assert_eq!(settings.data_dir.unwrap(), "/a");
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<Settings>("edge_listne = \"127.0.0.1:1\"").is_err());
    }
}
