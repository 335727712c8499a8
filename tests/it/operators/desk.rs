//! An operator at a command line, in front of a running stack.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::process::{command, output};
use crate::world::{Rest, SOON, World, request};

/// Who sits there.
pub(crate) struct Desk<'a> {
    world: &'a World,
    server: String,
}

/// How a command ended.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A command that goes on, and what it has said.
pub(crate) struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl<'a> Desk<'a> {
    /// In front of the server itself.
    pub(crate) fn new(world: &'a World) -> Self {
        Self {
            world,
            server: format!("http://{}", world.stack.addresses.grpc),
        }
    }

    /// In front of the edge.
    pub(crate) fn at_edge(world: &'a World) -> Self {
        Self {
            world,
            server: world.url(""),
        }
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = command(self.world.folder(), args);
        command
            .env("POSTERN_SERVER", &self.server)
            .env("POSTERN_EDGE_LISTEN", self.world.stack.addresses.edge.to_string());
        command
    }

    pub(crate) async fn run(&self, args: &[&str]) -> Ran {
        Ran::read(&output(&mut self.command(args)).await)
    }

    /// What a command that does what it is asked to says to programs, a value a line.
    pub(crate) async fn json(&self, args: &[&str]) -> Vec<Value> {
        let args: Vec<_> = args.iter().copied().chain(["--json"]).collect();
        let ran = self.run(&args).await;
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran.values()
    }

    /// The one thing that it says.
    pub(crate) async fn one(&self, args: &[&str]) -> Value {
        let values = self.json(args).await;
        assert_eq!(values.len(), 1, "{args:?}: {values:?}");
        values.into_iter().next().unwrap()
    }

    /// The job of this id, once the command lists it.
    pub(crate) async fn until(&self, args: &[&str], job_id: &str) -> Value {
        self.until_that(args, |listed: &Value| listed["job"]["jobId"] == job_id)
            .await
    }

    /// The first thing that the command lists, once there is one.
    pub(crate) async fn some(&self, args: &[&str]) -> Value {
        self.until_that(args, |_: &Value| true).await
    }

    /// The first thing that the command lists and of which this is true, once there is one.
    pub(crate) async fn until_that(&self, args: &[&str], is_it: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + SOON;
        loop {
            let listed = self.json(args).await;
            for value in &listed {
                if is_it(value) {
                    return value.clone();
                }
            }
            assert!(tokio::time::Instant::now() < deadline, "{args:?}: {listed:?}");
        }
    }

    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(&mut self.command(args))
    }

    /// (type, message, operator) of a job's history.
    pub(crate) async fn history(&self, job_id: &str) -> Vec<(String, String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let entries = self.json(&["jobs", "events", job_id]).await;
        entries
            .iter()
            .map(|entry| {
                (
                    text(&entry["event"]["type"]),
                    text(&entry["message"]),
                    text(&entry["operator"]),
                )
            })
            .collect()
    }
}

impl Ran {
    pub(crate) fn read(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        Self {
            code: output.status.code().unwrap(),
            out: text(&output.stdout),
            err: text(&output.stderr),
        }
    }

    pub(crate) fn values(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// A word beside what it says to programs.
    pub(crate) async fn remark(&mut self) {
        let mut words = [0; 1];
        let read = self.child.stderr.as_mut().unwrap().read(&mut words);
        assert_eq!(timeout(SOON, read).await.expect("it says nothing").unwrap(), 1);
    }

    /// The next value.
    pub(crate) async fn next(&mut self) -> Value {
        let line = timeout(SOON, self.lines.next_line())
            .await
            .expect("it says nothing");
        serde_json::from_str(&line.unwrap().expect("it says no more")).unwrap()
    }

    /// Its end.
    pub(crate) async fn end(self) -> Ran {
        let ended = timeout(SOON, self.child.wait_with_output());
        Ran::read(&ended.await.expect("it did not end").unwrap())
    }
}

/// A job of acme's.
pub(crate) async fn submit(rest: &Rest, reference: &str) -> String {
    id(&rest.submit(&request(reference)).await)
}

pub(crate) fn id(job: &Value) -> String {
    job["jobId"].as_str().unwrap().to_owned()
}
