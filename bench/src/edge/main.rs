//! The edge beside its peers: CPU time per REST request of whole proxies, in one run on one machine.
//!
//!     bench-edge run EDGE_BINARY PEERS_BINARY [NAME…]   measures, and prints `ratio <name> <value> <goal>` lines
//!     bench-edge bare UPSTREAM                          a bare proxy: HTTP/1.1 in, HTTP/2 out, no transcoding
//!
//! Names of cases and of proxies leave out the others.
//!
//! The upstream answers from memory, so that the proxy is all there is to measure. CPU time is read from the proxies' own processes,
//! which is steadier than a rate on a machine that others use, and the proxies take turns within every round.

#![allow(clippy::print_stdout, reason = "what it prints is what it is for")]

mod bare;
mod canned;
mod cpu;
mod load;
mod proxies;
mod report;

use anyhow::Context as _;

/// The one of `postern`: the bare proxy is to differ by what it does alone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .as_slice()
    {
        ["bare", upstream] => bare::serve(upstream).await,
        ["run", edge, peers, names @ ..] => run(edge, peers, names).await,
        _ => anyhow::bail!("bench-edge run EDGE_BINARY PEERS_BINARY [NAME…] | bare UPSTREAM"),
    }
}

/// Rounds of which the median counts: many short ones, so that what else runs on the machine meets all proxies alike.
const ROUNDS: usize = 15;

async fn run(edge: &str, peers: &str, names: &[&str]) -> anyhow::Result<()> {
    let upstream = canned::serve().await?;
    let mut proxies = proxies::start(edge, peers, upstream).await?;
    if proxies.iter().any(|proxy| names.contains(&proxy.name)) {
        proxies.retain(|proxy| names.contains(&proxy.name));
    }
    let is_any = load::CASES.iter().any(|case| names.contains(&case.name));
    let mut report = report::Report::default();
    for case in load::CASES
        .iter()
        .filter(|case| !is_any || names.contains(&case.name))
    {
        for _ in 0..ROUNDS {
            for proxy in proxies.iter().filter(|proxy| case.is_served_by(proxy.name)) {
                let micros = load::measure(case, proxy)
                    .await
                    .with_context(|| format!("{} by {}", case.name, proxy.name))?;
                report.add(case.name, proxy.name, micros);
            }
        }
    }
    report.print();
    Ok(())
}
