//! A program of ours as a process of its own, which prints its address once it is ready. Knows no role.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// Between two looks into a log.
const LOG_PAUSE: Duration = Duration::from_millis(20);

/// A process that runs. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    child: Child,
    /// The address that it printed under its part's name.
    pub address: String,
    /// Whatever it still prints has a reader, so that it never blocks.
    _reader: AbortOnDropHandle<()>,
}

impl Process {
    /// Starts it and waits until it has printed the address of this part.
    ///
    /// # Errors
    /// When it cannot be started, ends before it is ready, or is not ready within this time: then it is killed.
    pub async fn start(mut command: Command, part: &str, patience: Duration) -> anyhow::Result<Self> {
        let mut child = command.kill_on_drop(true).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            while let Some(line) = lines.next_line().await? {
                if let Some(rest) = line.trim_start().strip_prefix(part) {
                    return Ok(rest.split_whitespace().next().unwrap_or_default().to_owned());
                }
            }
            bail!("it ended before it was ready");
        };
        let address = timeout(patience, ready)
            .await
            .context("it is not ready in time")??;
        Ok(Self {
            child,
            address,
            _reader: read_on(lines.into_inner()),
        })
    }

    /// Starts one that prints nothing, and waits until it has logged this.
    ///
    /// # Errors
    /// As those of [`Process::start`].
    pub async fn start_silent(
        mut command: Command,
        log: &Path,
        ready: &str,
        patience: Duration,
    ) -> anyhow::Result<Self> {
        // Earlier runs wrote to the same file.
        let logged = tokio::fs::read(log).await.map_or(0, |text| text.len());
        let mut child = command.kill_on_drop(true).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().context("no standard output")?;
        let is_ready = async {
            while !contains(tokio::fs::read(log).await?.get(logged..), ready) {
                ensure!(child.try_wait()?.is_none(), "it ended before it was ready");
                sleep(LOG_PAUSE).await;
            }
            anyhow::Ok(())
        };
        timeout(patience, is_ready)
            .await
            .context("it is not ready in time")??;
        Ok(Self {
            child,
            address: String::new(),
            _reader: read_on(stdout),
        })
    }

    /// Its id, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Sends it a signal, as `INT` or `HUP`.
    ///
    /// # Errors
    /// When it has ended, or the system refuses.
    pub async fn signal(&self, name: &str) -> anyhow::Result<()> {
        let id = self.id().context("it has ended")?.to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status()
            .await?;
        ensure!(sent.success(), "kill: {sent}");
        Ok(())
    }

    /// Ends it with SIGKILL, and waits until it is gone.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn ended(&mut self) -> anyhow::Result<ExitStatus> {
        Ok(self.child.wait().await?)
    }
}

fn read_on(mut stdout: impl AsyncRead + Unpin + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        // An error ends it like the end of the process does.
        let _ = tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await;
    }))
}

fn contains(text: Option<&[u8]>, part: &str) -> bool {
    text.is_some_and(|text| String::from_utf8_lossy(text).contains(part))
}
