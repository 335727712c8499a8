//! What a person sees: lines on standard output, the log on standard error.

mod escape;

use std::io::{IsTerminal as _, Write as _};

use tracing_subscriber::EnvFilter;

use crate::config::LogFormat;

pub use escape::{escape, escape_lines, is_obeyed};

/// What is logged unless `RUST_LOG` says otherwise.
const LOG: &str = "info,sqlx=warn,sea_orm=warn,sea_orm_migration=warn,aws_config=warn,h2=warn,hyper=warn";

/// What is logged where a person watches something else.
const LOG_QUIET: &str = "warn";

/// Sends the log to standard error, where it does not mix with what a program reads.
pub fn log_to_stderr(quiet: bool, format: LogFormat) {
    let default = if quiet { LOG_QUIET } else { LOG };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(default));
    let colours = std::io::stderr().is_terminal();
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(colours).init(),
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).init(),
    }
}

/// A line on standard output. Who closed it is not listening any more, and that is no error.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A line on standard error, for whoever watches a program whose output another one reads.
pub fn remark(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The last word of a role that failed. Others may have had a say in it.
pub fn fail(error: &anyhow::Error) {
    remark(&format!("postern: {}", escape_lines(&format!("{error:#}"))));
}
