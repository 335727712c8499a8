//! What a link does to whoever uses it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::ErrorKind;
use std::time::Duration;

use postern_chaos::faults::{Link, Target, Trouble};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Long enough for anything that happens at all, and for what must not happen to be noticed.
const SOON: Duration = Duration::from_secs(10);

/// A server that says everything again, and the link to it.
async fn echo() -> (Link, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let serving = tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let (mut from, mut to) = stream.into_split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    (Link::start(Target::Tcp(address)).await.unwrap(), serving)
}

async fn say(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    stream.write_all(text.as_bytes()).await?;
    let mut answer = vec![0; text.len()];
    timeout(SOON, stream.read_exact(&mut answer)).await.unwrap()?;
    assert_eq!(answer, text.as_bytes());
    Ok(())
}

#[tokio::test]
async fn a_sound_link_passes_everything_on_until_either_side_ends() {
    let (link, _serving) = echo().await;
    let mut stream = TcpStream::connect(link.address).await.unwrap();
    say(&mut stream, "one").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(timeout(SOON, stream.read(&mut [0])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn a_link_that_resets_ends_what_is_open_and_what_comes() {
    let (link, _serving) = echo().await;
    let mut stream = TcpStream::connect(link.address).await.unwrap();
    say(&mut stream, "one").await.unwrap();
    link.set(Trouble::Reset);
    let error = timeout(SOON, stream.read(&mut [0])).await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let mut stream = TcpStream::connect(link.address).await.unwrap();
    timeout(SOON, stream.read(&mut [0])).await.unwrap().unwrap_err();
    link.set(Trouble::None);
    let mut stream = TcpStream::connect(link.address).await.unwrap();
    say(&mut stream, "two").await.unwrap();
}

#[tokio::test]
async fn a_half_open_link_says_nothing_until_it_heals() {
    let (link, _serving) = echo().await;
    link.set(Trouble::HalfOpen);
    let mut stream = TcpStream::connect(link.address).await.unwrap();
    stream.write_all(b"one").await.unwrap();
    let mut answer = [0; 3];
    let silence = timeout(Duration::from_millis(200), stream.read_exact(&mut answer)).await;
    assert!(silence.is_err());
    link.set(Trouble::None);
    timeout(SOON, stream.read_exact(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&answer, b"one");
}

#[tokio::test]
async fn a_link_that_forgets_what_is_open_serves_what_comes() {
    let (link, _serving) = echo().await;
    let mut old = TcpStream::connect(link.address).await.unwrap();
    say(&mut old, "one").await.unwrap();
    link.forget();
    old.write_all(b"two").await.unwrap();
    let mut new = TcpStream::connect(link.address).await.unwrap();
    say(&mut new, "three").await.unwrap();
    let silence = timeout(Duration::from_millis(200), old.read(&mut [0])).await;
    assert!(silence.is_err());
}

#[tokio::test]
async fn a_slow_link_takes_its_time() {
    let (link, _serving) = echo().await;
    let mut stream = TcpStream::connect(link.address).await.unwrap();
    for (trouble, least) in [
        (
            Trouble::Latency(Duration::from_millis(50)),
            Duration::from_millis(100),
        ),
        // 1,000 bytes there and back at 10,000 a second.
        (Trouble::Bandwidth(10_000), Duration::from_millis(200)),
    ] {
        link.set(trouble);
        let began = Instant::now();
        say(&mut stream, &"x".repeat(1_000)).await.unwrap();
        assert!(began.elapsed() >= least, "{trouble:?} took {:?}", began.elapsed());
    }
}
