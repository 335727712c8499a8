//! The socket of a connection. What h2 writes in small pieces is held back until it has nothing more to write.
//!
//! h2 writes each message of some size by itself, and flushes after it; so whoever drives the connection flushes here,
//! behind h2's back, when its turn is over. Then the calls of a busy moment share a write.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

/// What is written at once and is larger is not worth a copy.
const PIECE_BYTES_MAX: usize = 4 << 10;
/// Held back at most.
const HELD_BYTES_MAX: usize = 32 << 10;

/// What h2 reads and writes.
#[derive(Debug)]
pub(super) struct Socket {
    read: OwnedReadHalf,
    write: Flush,
}

/// The other end of what is held back.
#[derive(Debug, Clone)]
pub(super) struct Flush(Arc<Mutex<Held>>);

#[derive(Debug)]
struct Held {
    write: OwnedWriteHalf,
    bytes: BytesMut,
}

impl Socket {
    /// The socket, and what flushes it.
    pub(super) fn new(stream: TcpStream) -> (Self, Flush) {
        let (read, write) = stream.into_split();
        let bytes = BytesMut::new();
        let write = Flush(Arc::new(Mutex::new(Held { write, bytes })));
        (
            Self {
                read,
                write: write.clone(),
            },
            write,
        )
    }
}

impl Flush {
    /// Writes what is held back.
    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|held| held.poll_flush(cx))
    }

    fn with<T>(&self, use_it: impl FnOnce(&mut Held) -> T) -> T {
        use_it(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Held {
    fn poll_write(&mut self, cx: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let size = pieces.iter().map(|piece| piece.len()).sum();
        if self.bytes.len() + size > HELD_BYTES_MAX || size > PIECE_BYTES_MAX {
            ready!(self.poll_flush(cx))?;
        }
        if size > PIECE_BYTES_MAX {
            return Pin::new(&mut self.write).poll_write_vectored(cx, pieces);
        }
        for piece in pieces {
            self.bytes.extend_from_slice(piece);
        }
        Poll::Ready(Ok(size))
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.bytes.is_empty() {
            match ready!(Pin::new(&mut self.write).poll_write(cx, &self.bytes))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.bytes.advance(written),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.read).poll_read(cx, buf)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.write.with(|held| held.poll_write(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    /// Not yet.
    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.write.with(|held| {
            ready!(held.poll_flush(cx))?;
            Pin::new(&mut held.write).poll_shutdown(cx)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    async fn pair() -> (Socket, Flush, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let connected = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, flush) = Socket::new(connected);
        (socket, flush, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    async fn small_pieces_are_held_back_until_the_flush() {
        let (mut socket, flush, mut peer) = pair().await;
        socket.write_all(b"one").await.unwrap();
        socket.flush().await.unwrap();
        socket.write_all(b"two").await.unwrap();
        assert!(flush.with(|held| held.bytes == b"onetwo"[..]));
        poll_fn(|cx| flush.poll(cx)).await.unwrap();
        let mut read = [0; 6];
        peer.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"onetwo");
    }

    #[tokio::test]
    async fn pieces_keep_their_order_and_what_is_held_its_limit() {
        let (mut socket, flush, mut peer) = pair().await;
        let sizes = [1, PIECE_BYTES_MAX, 100_000, 3, PIECE_BYTES_MAX + 1, 5];
        let all: Vec<u8> = (0..20_u8)
            .flat_map(|_| (0..6_u8).flat_map(|index| vec![index; sizes[usize::from(index)]]))
            .collect();
        let written = all.clone();
        let writing = async move {
            let mut rest = written.as_slice();
            for size in sizes.iter().cycle().take(120) {
                let (piece, behind) = rest.split_at(*size);
                socket.write_all(piece).await.unwrap();
                assert!(flush.with(|held| held.bytes.len() <= HELD_BYTES_MAX));
                rest = behind;
            }
            socket.shutdown().await.unwrap();
        };
        let mut read = Vec::new();
        let (_, result) = tokio::join!(writing, peer.read_to_end(&mut read));
        result.unwrap();
        assert!(read == all, "{} of {} bytes", read.len(), all.len());
    }
}
