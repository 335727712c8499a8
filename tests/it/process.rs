//! The real binary as a process of its own: free ports, its own folder, nothing of the caller's environment.

use std::path::Path;
use std::process::{ExitStatus, Output};

use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::world::SOON;

/// A role that runs. Dropping it kills it.
pub(crate) struct Process {
    process: postern_chaos::Process,
    /// The address that it printed under its part's name.
    pub(crate) address: String,
}

/// The command line of a role.
pub(crate) fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
    command
        .args(args)
        .current_dir(folder)
        .env_clear()
        .kill_on_drop(true);
    for part in ["EDGE", "GRPC", "SQS", "ADMIN"] {
        command.env(format!("POSTERN_{part}_LISTEN"), "127.0.0.1:0");
    }
    command
}

/// What a role that ends by itself leaves behind.
pub(crate) async fn output(command: &mut Command) -> Output {
    timeout(SOON, command.output())
        .await
        .expect("it did not end")
        .unwrap()
}

impl Process {
    /// The stack without its example consumer: its address is the edge's, as a URL.
    pub(crate) async fn dev(folder: &Path, sqs: Option<&str>) -> Self {
        let mut command = command(folder, &["dev", "--no-worker"]);
        if let Some(sqs) = sqs {
            command.env("POSTERN_SQS_ENDPOINT", sqs);
        }
        Self::start(command, "edge").await
    }

    /// Starts a role and waits until it has printed the address of this part.
    pub(crate) async fn start(command: Command, part: &str) -> Self {
        let process = postern_chaos::Process::start(command, part, SOON).await.unwrap();
        Self {
            address: process.address.clone(),
            process,
        }
    }

    /// Of the process.
    #[cfg(target_os = "linux")]
    pub(crate) fn id(&self) -> u32 {
        self.process.id().unwrap()
    }

    pub(crate) async fn kill(self) {
        self.process.kill().await.unwrap();
    }

    /// What tells a process to read its settings again.
    pub(crate) async fn hang_up(&self) {
        self.process.signal("HUP").await.unwrap();
    }

    /// Ctrl-C, and the end of it.
    pub(crate) async fn interrupt(mut self) -> ExitStatus {
        self.process.signal("INT").await.unwrap();
        timeout(SOON, self.process.ended())
            .await
            .expect("it did not end")
            .unwrap()
    }
}

/// Ctrl-C, and the end of it.
pub(crate) async fn interrupt(child: &mut Child) -> ExitStatus {
    let id = child.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-INT", &id]).status().await.unwrap();
    assert!(sent.success());
    timeout(SOON, child.wait())
        .await
        .expect("it did not end")
        .unwrap()
}
