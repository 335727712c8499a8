//! The endpoint alone, until Ctrl-C: `cargo run -p postern-localsqs --example serve -- DATA_DIR [ADDRESS]`.
//!
//! Prints the address it listens on (`127.0.0.1:9324` unless given; port 0 takes a free one) as its first line.

use std::io::Write as _;

use postern_localsqs::{Config, Endpoint};
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let data_dir = arguments.next().ok_or("usage: serve DATA_DIR [ADDRESS]")?;
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:9324".into());
    let endpoint = Endpoint::open(Config::new(data_dir)).await?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    writeln!(std::io::stdout(), "{}", listener.local_addr()?)?;
    let shutdown = CancellationToken::new();
    let interrupted = async {
        let ended = tokio::signal::ctrl_c().await;
        shutdown.cancel();
        ended
    };
    let (served, interrupted) = tokio::join!(endpoint.serve(listener, shutdown.clone()), interrupted);
    served?;
    Ok(interrupted?)
}
