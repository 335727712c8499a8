//! The proxies, each a process of its own that ends with this one.

use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::Context as _;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// A proxy that runs.
#[derive(Debug)]
pub(crate) struct Proxy {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    pub(crate) process: u32,
    _child: Child,
}

/// The edge, the bare proxy, grpc-gateway and vanguard, all in front of the same server.
pub(crate) async fn start(edge: &str, peers: &str, upstream: SocketAddr) -> anyhow::Result<Vec<Proxy>> {
    let this = std::env::current_exe()?;
    let (this, host) = (this.to_str().context("a path")?, upstream.to_string());
    let url = format!("http://{host}");
    let commands: [(&'static str, Vec<&str>); 4] = [
        (
            "edge",
            vec![edge, "edge", "--listen", "127.0.0.1:0", "--upstream", &url],
        ),
        ("bare", vec![this, "bare", &host]),
        ("gateway", vec![peers, "gateway", "127.0.0.1:0", &host]),
        ("vanguard", vec![peers, "vanguard", "127.0.0.1:0", &host]),
    ];
    let mut proxies = Vec::new();
    for (name, command) in commands {
        proxies.push(launch(name, &command).await.with_context(|| name.to_owned())?);
    }
    Ok(proxies)
}

async fn launch(name: &'static str, command: &[&str]) -> anyhow::Result<Proxy> {
    let mut child = Command::new(command[0])
        .args(&command[1..])
        .env("POSTERN_ADMIN_LISTEN", "127.0.0.1:0")
        .env("RUST_LOG", "warn")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().context("stdout")?).lines();
    let line = lines.next_line().await?.context("it ended")?;
    let address = line
        .rsplit(['/', ' '])
        .next()
        .context("an address")?
        .parse()
        .with_context(|| line.clone())?;
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Ok(Proxy {
        name,
        address,
        process: child.id().context("it ended")?,
        _child: child,
    })
}
