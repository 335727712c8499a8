//! An endpoint that is killed.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::QueueAttributeName;
use postern_localsqs::{Config, Endpoint};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::harness::{PATIENCE, client};
use crate::served::{Served, create, drain};

const CHILD_FOLDER: &str = "POSTERN_SQS_TEST_CHILD_FOLDER";
const CHILD_READY: &str = "listening on ";

/// A child that is killed at moments that differ from run to run. Whatever it acknowledged must be there afterwards.
#[tokio::test]
async fn a_killed_endpoint_keeps_every_message_it_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut acknowledged = BTreeSet::new();
    for round in 0..3 {
        let (mut child, authority) = start_child(folder.path());
        let client = client(&authority);
        let queue = create(&client).await;
        let mut senders = JoinSet::new();
        for sender in 0..8 {
            let (client, queue) = (client.clone(), queue.clone());
            senders.spawn(async move {
                let mut sent = Vec::new();
                for number in 0.. {
                    let body = format!("{round}-{sender}-{number}");
                    let send = client.send_message().queue_url(&queue).message_body(&body).send();
                    if send.await.is_err() {
                        break;
                    }
                    sent.push(body);
                }
                sent
            });
        }
        until_count(&client, &queue, acknowledged.len() + 20).await;
        child.kill().unwrap();
        let sent = senders.join_all().await.concat();
        assert!(
            sent.len() >= 8,
            "the child was killed in the midst of sends: {}",
            sent.len()
        );
        acknowledged.extend(sent);
    }
    let served = Served::start(Config::new(folder.path())).await;
    let queue = create(&served.client).await;
    let stored = drain(&served.client, &queue).await;
    let distinct: BTreeSet<String> = stored.iter().cloned().collect();
    assert_eq!(stored.len(), distinct.len(), "no message is there twice");
    let lost: Vec<_> = acknowledged.difference(&distinct).collect();
    assert!(lost.is_empty(), "{lost:?}");
    // One request of each sender may have been stored and not yet answered in each round.
    assert!(
        distinct.len() - acknowledged.len() <= 3 * 8,
        "{} of {}",
        acknowledged.len(),
        distinct.len()
    );
    served.stop().await;
}

/// Not a test by itself: the child of the test above, which starts this program again with a folder to serve.
#[tokio::test]
async fn child_of_the_crash_test() {
    #[allow(
        clippy::disallowed_methods,
        reason = "how a parent tells its child what to serve"
    )]
    let Ok(folder) = std::env::var(CHILD_FOLDER) else {
        return;
    };
    let endpoint = Endpoint::open(Config::new(folder)).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{CHILD_READY}{}", listener.local_addr().unwrap());
    endpoint.serve(listener, CancellationToken::new()).await.unwrap();
}

fn start_child(folder: &Path) -> (KilledOnDrop, String) {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "crash::child_of_the_crash_test", "--nocapture"])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut child = KilledOnDrop(child);
    let output = BufReader::new(child.0.stdout.take().unwrap());
    let ready = output.lines().map_while(Result::ok).find_map(|line| {
        line.split_once(CHILD_READY)
            .map(|(_, authority)| authority.to_owned())
    });
    (child, ready.expect("the child says where it listens"))
}

/// A test that fails leaves no child behind.
struct KilledOnDrop(Child);

impl KilledOnDrop {
    fn kill(&mut self) -> std::io::Result<()> {
        self.0.kill()?;
        self.0.wait().map(drop)
    }
}

impl Drop for KilledOnDrop {
    fn drop(&mut self) {
        // It has ended already where the test has killed it.
        let _ended = self.kill();
    }
}

async fn until_count(client: &Client, queue: &str, count: usize) {
    let name = QueueAttributeName::ApproximateNumberOfMessages;
    let deadline = Instant::now() + PATIENCE;
    loop {
        let request = client
            .get_queue_attributes()
            .queue_url(queue)
            .attribute_names(name.clone());
        let attributes = request.send().await.unwrap().attributes.unwrap();
        if attributes[&name].parse::<usize>().unwrap() >= count {
            return;
        }
        assert!(Instant::now() < deadline, "{count} messages are there in time");
    }
}
