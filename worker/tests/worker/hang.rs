//! Sits between a consumer and SQS, and lets the first connection hang on which an action is asked for, as one does whose
//! other end is gone without a word.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

/// The way to SQS; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Hang {
    pub(crate) url: String,
    _task: AbortOnDropHandle<()>,
}

impl Hang {
    pub(crate) async fn start(sqs_url: &str, action: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let address = sqs_url.trim_start_matches("http://").to_owned();
        let hung = Arc::new(AtomicBool::new(false));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let sqs = TcpStream::connect(&address).await.unwrap();
                connections.spawn(relay(client, sqs, action, Arc::clone(&hung)));
            }
        });
        Self {
            url,
            _task: AbortOnDropHandle::new(task),
        }
    }
}

async fn relay(client: TcpStream, sqs: TcpStream, action: &'static str, hung: Arc<AtomicBool>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_sqs, mut to_sqs) = sqs.into_split();
    let requests = async {
        let mut buffer = vec![0; 65_536];
        while let Ok(bytes @ 1..) = from_client.read(&mut buffer).await {
            let is_it = buffer[..bytes]
                .windows(action.len())
                .any(|window| window == action.as_bytes());
            if is_it && !hung.swap(true, Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            if to_sqs.write_all(&buffer[..bytes]).await.is_err() {
                return;
            }
        }
    };
    let answers = tokio::io::copy(&mut from_sqs, &mut to_client);
    // Whoever ends first, ends both.
    tokio::select! {
        () = requests => {}
        _ = answers => {}
    }
}
