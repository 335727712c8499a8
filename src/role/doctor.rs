//! `postern doctor`: whether a server with these settings would run, and what to do where it would not.
//!
//! Asks the rooms that a server is made of, so that there is no second truth. Changes nothing anywhere, and receives no message.

mod clock;
mod database;
mod finding;
mod issuers;
mod queues;
mod running;
mod settings;

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use futures::future::join_all;
use futures::{FutureExt as _, future::BoxFuture};

use self::finding::{Finding, Report};
use crate::cli::Doctor;
use crate::config::Config;
use crate::console::say;

/// Whoever does not answer by then is not asked any longer.
const CHECK_MAX: Duration = Duration::from_secs(6);

/// Looks at everything at once, and prints what it found.
///
/// # Errors
/// When something is wrong.
pub async fn run(file: Option<&Path>, doctor: &Doctor) -> anyhow::Result<()> {
    let (config, faults) = Config::examine(file);
    let catalog = settings::catalog(&config);
    let mut findings = settings::check(&config, faults);
    findings.extend(catalog.findings);
    let checks: Vec<(&'static str, BoxFuture<'_, Vec<Finding>>)> = vec![
        ("database", database::check(&config).boxed()),
        ("queues", queues::check(&config, catalog.catalog.as_ref()).boxed()),
        ("issuer", issuers::check(&config).boxed()),
        ("server", running::check(doctor.server.as_deref()).boxed()),
    ];
    let found = join_all(checks.into_iter().map(|(name, check)| in_time(name, check))).await;
    findings.extend(found.into_iter().flatten());
    let report = Report { findings };
    say(&if doctor.json {
        report.json()
    } else {
        report.to_string()
    });
    let wrong = report.wrong();
    ensure!(wrong == 0, "{wrong} wrong");
    Ok(())
}

async fn in_time(name: &'static str, check: BoxFuture<'_, Vec<Finding>>) -> Vec<Finding> {
    match tokio::time::timeout(CHECK_MAX, check).await {
        Ok(findings) => findings,
        Err(_elapsed) => {
            let says = format!("no answer within {} s", CHECK_MAX.as_secs());
            vec![Finding::wrong(
                name,
                says,
                "see whether this machine reaches it: address, network, firewall",
            )]
        }
    }
}
