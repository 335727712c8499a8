//! A TCP proxy that fails when it is told to. Knows nothing of what goes through it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{self, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// What is passed on at a time.
const PIECE_BYTES: usize = 16 * 1024;

/// Where a link leads.
#[derive(Debug, Clone)]
pub enum Target {
    /// A TCP port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

/// What is wrong with a link, for connections that are open and those that come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// Every piece takes so much longer, in both directions.
    Latency(Duration),
    /// No more bytes a second than this, in both directions.
    Bandwidth(u32),
    /// Every connection is reset.
    Reset,
    /// Connections are accepted and stay open, and nothing goes through: as behind a broken network, which may heal.
    HalfOpen,
}

/// A link that runs until it is dropped.
#[derive(Debug)]
pub struct Link {
    /// Where it is reached.
    pub address: SocketAddr,
    weather: watch::Sender<Weather>,
    _accepting: AbortOnDropHandle<()>,
}

/// What holds for connections now.
#[derive(Debug, Clone, Copy)]
struct Weather {
    trouble: Trouble,
    /// Connections that were accepted before this era are forgotten.
    era: u64,
}

impl Link {
    /// A sound one to this target.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(target: Target) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (weather, told) = watch::channel(Weather {
            trouble: Trouble::None,
            era: 0,
        });
        Ok(Self {
            address,
            weather,
            _accepting: AbortOnDropHandle::new(tokio::spawn(accept(listener, target, told))),
        })
    }

    /// What is wrong from now on.
    pub fn set(&self, trouble: Trouble) {
        self.weather.send_modify(|weather| weather.trouble = trouble);
    }

    /// What is open now stays open and says nothing any more, for ever; what comes is not concerned. So it is when the machine behind an
    /// address is replaced by another, and nobody is left to reset what it had.
    pub fn forget(&self) {
        self.weather.send_modify(|weather| weather.era += 1);
    }
}

async fn accept(listener: TcpListener, target: Target, told: watch::Receiver<Weather>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // One that failed is the caller's to open anew.
                if let Ok((caller, _)) = accepted {
                    connections.spawn(carry(caller, target.clone(), told.clone()));
                }
            }
        }
    }
}

/// One connection, until either side ends it or it is reset.
async fn carry(mut caller: TcpStream, target: Target, told: watch::Receiver<Weather>) {
    let mut reset = told.clone();
    let era = told.borrow().era;
    let sky = Sky { told, era };
    let is_broken = tokio::select! {
        biased;
        _ = reset.wait_for(|weather| weather.trouble == Trouble::Reset) => true,
        result = exchange(&mut caller, target, sky) => result.is_err(),
    };
    if is_broken {
        // Closed without a farewell: the caller reads an error, not an end. Where that fails, an end it is.
        let _ = caller.set_zero_linger();
    }
}

async fn exchange(caller: &mut TcpStream, target: Target, mut sky: Sky) -> io::Result<()> {
    sky.suffer(0).await;
    caller.set_nodelay(true)?;
    match target {
        Target::Tcp(address) => {
            let server = TcpStream::connect(address).await?;
            server.set_nodelay(true)?;
            both_ways(caller, server, sky).await
        }
        Target::Unix(path) => both_ways(caller, UnixStream::connect(path).await?, sky).await,
    }
}

async fn both_ways(caller: &mut TcpStream, server: impl AsyncRead + AsyncWrite, sky: Sky) -> io::Result<()> {
    let (from_caller, to_caller) = caller.split();
    let (from_server, to_server) = io::split(server);
    let out = pass_on(from_caller, to_server, sky.clone());
    let back = pass_on(from_server, to_caller, sky);
    tokio::try_join!(out, back).map(drop)
}

async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut sky: Sky,
) -> io::Result<()> {
    let mut piece = vec![0; PIECE_BYTES];
    loop {
        let bytes = from.read(&mut piece).await?;
        sky.suffer(bytes).await;
        if bytes == 0 {
            return to.shutdown().await;
        }
        to.write_all(&piece[..bytes]).await?;
    }
}

/// What a connection suffers.
#[derive(Clone)]
struct Sky {
    told: watch::Receiver<Weather>,
    /// When it was accepted.
    era: u64,
}

impl Sky {
    /// As long as so many bytes take now.
    async fn suffer(&mut self, bytes: usize) {
        let trouble = self.told.borrow_and_update().trouble;
        match trouble {
            Trouble::None | Trouble::Reset => {}
            Trouble::Latency(time) => sleep(time).await,
            Trouble::Bandwidth(bytes_per_second) => {
                let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
                sleep(Duration::from_secs(1) * bytes / bytes_per_second.max(1)).await;
            }
            Trouble::HalfOpen => {
                // Its sender goes with the link, and this with it.
                let heals = |weather: &Weather| weather.trouble != Trouble::HalfOpen;
                let _ = self.told.wait_for(heals).await;
            }
        }
        if self.told.borrow().era > self.era {
            std::future::pending().await
        }
    }
}
