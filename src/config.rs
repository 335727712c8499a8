//! What a person may set: `postern.toml`, every key overridable by environment. Read in this one place, checked once, all errors at once.
//!
//! A key of the file is the environment variable's name in lower case without `POSTERN_`. Knows the keys and their defaults, and nothing of
//! what is made of them.

mod check;
#[cfg(feature = "edge")]
mod edge;
mod operator;
mod settings;

use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use check::Check;

pub use operator::Operator;
pub use settings::{Partner, Settings};

/// What holds for every role.
#[derive(Debug, Clone)]
pub struct Config {
    /// REST, SSE, gRPC, gRPC-Web.
    pub edge_listen: SocketAddr,
    /// The edge's servers.
    pub edge_upstream: Vec<String>,
    /// Time between the health checks of each of them, where there are several; None when they are not asked.
    pub edge_health_check_interval: Option<Duration>,
    /// A service config with HTTP rules beside the .proto.
    pub edge_service_config: Option<PathBuf>,
    /// What the edge lets through and how much of it, before it is told what to serve.
    #[cfg(feature = "edge")]
    pub edge: postern_edge::Config,
    /// Connections of callers at once.
    #[cfg(feature = "edge")]
    pub edge_connections_max: usize,
    /// gRPC.
    pub grpc_listen: SocketAddr,
    /// The embedded SQS endpoint.
    pub sqs_listen: SocketAddr,
    /// `/livez`, `/readyz`, `/metrics`. Without one: 9090 of the server, 9091 of the edge.
    pub admin_listen: Option<SocketAddr>,
    /// All that is stored on this machine.
    pub data_dir: PathBuf,
    /// `sqlite:` or `postgres://`.
    pub database_url: String,
    /// Connections of a server to PostgreSQL, but for the one that hears of changes at other servers.
    pub database_connections_max: u32,
    /// Where that one goes, if not to `database_url`.
    pub database_listen_url: Option<String>,
    /// Another SQS endpoint than the embedded one or AWS.
    pub sqs_endpoint: Option<String>,
    /// The queue of tasks, by name or URL.
    pub jobs_queue: String,
    /// The queue of outcomes, by name or URL.
    pub results_queue: String,
    /// The folder of job types; the built-in examples under `dev`.
    pub catalog: Option<PathBuf>,
    /// Who issues tokens; the embedded issuer under `dev`.
    pub issuers: Vec<String>,
    /// Who the partners are, beyond those that are their only client.
    pub partners: Vec<Partner>,
    /// The keys of tokens.
    pub secret_key: Option<String>,
    /// What operators' commands go by.
    pub operator: Operator,
}

/// How the log is written. Not in the file: it is there before the file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// An object a line.
    Json,
}

impl LogFormat {
    /// As `POSTERN_LOG_FORMAT` has it.
    ///
    /// # Errors
    /// When it is neither `text` nor `json`.
    pub fn of_environment() -> Result<Self, Errors> {
        match settings::environment("POSTERN_LOG_FORMAT").as_deref() {
            None | Some("text") => Ok(Self::Text),
            Some("json") => Ok(Self::Json),
            Some(_) => Err(Errors(vec![
                "POSTERN_LOG_FORMAT: must be text or json".to_owned(),
            ])),
        }
    }
}

/// Everything that is wrong with the settings.
#[derive(Debug)]
pub struct Errors(Vec<String>);

impl Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the configuration has {} fault(s)", self.0.len())?;
        self.0.iter().try_for_each(|error| write!(f, "\n  - {error}"))
    }
}

impl std::error::Error for Errors {}

#[cfg(feature = "server")]
impl Errors {
    /// What rooms found wrong that know more of a setting than its form.
    pub(crate) fn found(faults: impl IntoIterator<Item = String>) -> Self {
        Self(faults.into_iter().collect())
    }

    /// Each by itself.
    pub(crate) fn into_faults(self) -> Vec<String> {
        self.0
    }
}

impl Config {
    /// Reads the file, if there is one, and the environment.
    ///
    /// # Errors
    /// When the file cannot be read, or with everything that is wrong.
    pub fn load(file: Option<&Path>) -> Result<Self, Errors> {
        let (config, faults) = Self::examine(file);
        if faults.is_empty() {
            Ok(config)
        } else {
            Err(Errors(faults))
        }
    }

    /// The same for those who say what is wrong instead of going by it: what is wrong has its default, or nothing.
    #[must_use]
    pub fn examine(file: Option<&Path>) -> (Self, Vec<String>) {
        let mut check = Check::default();
        let (settings, unread) = Settings::load(file);
        if let Some(fault) = unread {
            check.fault(fault);
        }
        let config = Self::read(&mut check, settings);
        (config, check.faults())
    }

    /// Checks settings and fills in the defaults.
    ///
    /// # Errors
    /// With everything that is wrong.
    pub fn from_settings(settings: Settings) -> Result<Self, Errors> {
        let mut check = Check::default();
        let config = Self::read(&mut check, settings);
        check.done(config)
    }

    fn read(check: &mut Check, settings: Settings) -> Self {
        #[cfg(feature = "edge")]
        let (edge, edge_connections_max) = (
            edge::config(check, &settings),
            edge::connections_max(check, &settings),
        );
        let operator = operator::config(check, &settings);
        let data_dir = PathBuf::from(settings.data_dir.unwrap_or_else(|| "./.postern".to_owned()));
        let config = Self {
            edge_listen: check.address("edge_listen", settings.edge_listen.as_deref(), "127.0.0.1:8080"),
            edge_upstream: check.urls(
                "edge_upstream",
                settings
                    .edge_upstream
                    .as_deref()
                    .unwrap_or("http://127.0.0.1:50051"),
            ),
            edge_health_check_interval: check.seconds(
                "edge_health_check_seconds",
                settings.edge_health_check_seconds.as_deref(),
                5,
            ),
            #[cfg(feature = "edge")]
            edge,
            #[cfg(feature = "edge")]
            edge_connections_max,
            edge_service_config: settings.edge_service_config.map(PathBuf::from),
            grpc_listen: check.address("grpc_listen", settings.grpc_listen.as_deref(), "127.0.0.1:50051"),
            sqs_listen: check.address("sqs_listen", settings.sqs_listen.as_deref(), "127.0.0.1:9324"),
            admin_listen: settings
                .admin_listen
                .map(|address| check.address("admin_listen", Some(&address), "")),
            sqs_endpoint: settings
                .sqs_endpoint
                .and_then(|url| check.urls("sqs_endpoint", &url).pop()),
            jobs_queue: settings.jobs_queue.unwrap_or_else(|| "postern-jobs".to_owned()),
            results_queue: settings
                .results_queue
                .unwrap_or_else(|| "postern-results".to_owned()),
            catalog: settings.catalog.map(PathBuf::from),
            issuers: settings
                .issuer
                .map(|names| check.issuers(&names))
                .unwrap_or_default(),
            partners: settings.partners,
            secret_key: settings.secret_key,
            database_url: check.database_url(settings.database_url, &data_dir),
            database_connections_max: check
                .whole(
                    "database_connections_max",
                    settings.database_connections_max.as_deref(),
                    1..=1_000,
                )
                .unwrap_or(16),
            database_listen_url: check.listen_url(settings.database_listen_url),
            data_dir,
            operator,
        };
        check.partners(&config);
        config
    }

    /// What a server must be told, because it must not be guessed in production.
    ///
    /// # Errors
    /// With everything that is missing.
    pub fn require_for_server(&self) -> Result<(), Errors> {
        let mut check = Check::default();
        check.that(
            self.catalog.is_some(),
            "catalog: required, the folder of job types (POSTERN_CATALOG)",
        );
        check.that(
            !self.issuers.is_empty(),
            "issuer: required, who issues tokens (POSTERN_ISSUER)",
        );
        check.that(
            self.secret_key.is_some(),
            "secret_key: required, 32 bytes in base64, shared by replicas (POSTERN_SECRET_KEY)",
        );
        check.done(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_set_gives_the_documented_defaults() {
        let config = Config::from_settings(Settings::default()).unwrap();
        assert_eq!(config.edge_listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.grpc_listen.to_string(), "127.0.0.1:50051");
        assert_eq!(config.sqs_listen.to_string(), "127.0.0.1:9324");
        assert_eq!(config.database_url, "sqlite:./.postern/postern.sqlite");
        assert_eq!(
            (config.jobs_queue.as_str(), config.results_queue.as_str()),
            ("postern-jobs", "postern-results")
        );
    }

    #[test]
    fn servers_are_asked_every_five_seconds_another_time_or_not_at_all() {
        let interval = |text: Option<&str>| {
            let settings = Settings {
                edge_health_check_seconds: text.map(str::to_owned),
                ..Settings::default()
            };
            Config::from_settings(settings).map(|config| config.edge_health_check_interval)
        };
        assert_eq!(interval(None).unwrap(), Some(Duration::from_secs(5)));
        assert_eq!(interval(Some("60")).unwrap(), Some(Duration::from_secs(60)));
        assert_eq!(interval(Some("0")).unwrap(), None);
        for text in ["-1", "1.5", "3601", "often"] {
            assert!(interval(Some(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn the_database_has_settings_of_its_own() {
        let database = |connections: Option<&str>, listen: Option<&str>| {
            let settings = Settings {
                database_connections_max: connections.map(str::to_owned),
                database_listen_url: listen.map(str::to_owned),
                ..Settings::default()
            };
            Config::from_settings(settings)
                .map(|config| (config.database_connections_max, config.database_listen_url))
        };
        assert_eq!(database(None, None).unwrap(), (16, None));
        let direct = "postgres://direct/postern";
        assert_eq!(
            database(Some("4"), Some(direct)).unwrap(),
            (4, Some(direct.to_owned()))
        );
        let faults = database(Some("0"), Some("sqlite:x")).unwrap_err().to_string();
        for fault in ["2 fault(s)", "database_connections_max", "database_listen_url"] {
            assert!(faults.contains(fault), "{fault} in {faults}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let settings = Settings {
            edge_listen: Some("localhost".to_owned()),
            database_url: Some("mysql://x".to_owned()),
            issuer: Some("ftp://x".to_owned()),
            partners: vec![Partner {
                id: "acme".to_owned(),
                issuer: None,
                clients: Vec::new(),
            }],
            ..Settings::default()
        };
        let text = Config::from_settings(settings).unwrap_err().to_string();
        for fault in [
            "4 fault(s)",
            "edge_listen",
            "database_url",
            "issuer",
            "acme has no clients",
        ] {
            assert!(text.contains(fault), "{fault} in {text}");
        }
    }

    #[test]
    fn an_issuer_keeps_the_name_that_it_gives_itself() {
        let settings = Settings {
            issuer: Some("https://a.example/, https://b.example".to_owned()),
            ..Settings::default()
        };
        let config = Config::from_settings(settings).unwrap();
        assert_eq!(config.issuers, ["https://a.example/", "https://b.example"]);
    }

    #[test]
    fn a_server_is_told_all_that_it_lacks() {
        let text = Config::from_settings(Settings::default())
            .unwrap()
            .require_for_server()
            .unwrap_err()
            .to_string();
        for key in ["POSTERN_CATALOG", "POSTERN_ISSUER", "POSTERN_SECRET_KEY"] {
            assert!(text.contains(key), "{key} in {text}");
        }
    }
}
