//! The gzip format (RFC 1952): a whole body, or a stream of messages. Knows nothing of who accepts it.

mod stream;

use bytes::Bytes;
use flate2::{Compress, Compression, Crc, FlushCompress};

pub(crate) use stream::Stream;

/// A smaller body would hardly become smaller.
pub(crate) const BYTES_MIN: usize = 1_024;

/// Text like JSON shrinks well enough, for a third of the time that the usual level takes.
const LEVEL: Compression = Compression::fast();
/// Magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// A whole body in one piece.
pub(crate) fn whole(data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() / 4 + 64);
    let mut crc = Crc::new();
    out.extend_from_slice(&HEADER);
    crc.update(data);
    deflate(data, FlushCompress::Finish, &mut out);
    end(&crc, &mut out);
    out.into()
}

/// Appends a deflate stream of this, or, flushed alone, a part of one that stands for itself.
fn deflate(data: &[u8], flush: FlushCompress, out: &mut Vec<u8>) {
    let mut compress = Compress::new(LEVEL, false);
    loop {
        out.reserve(data.len() / 4 + 64);
        let read = usize::try_from(compress.total_in()).unwrap_or(data.len());
        let rest = data.get(read..).unwrap_or_default();
        let result = compress.compress_vec(rest, out, flush);
        result.expect("deflating into memory does not fail");
        let is_read = compress.total_in() == data.len() as u64;
        // Room that was left means that there was nothing more to write.
        if is_read && out.len() < out.capacity() {
            return;
        }
    }
}

/// Checksum and size, modulo 2^32.
fn end(crc: &Crc, out: &mut Vec<u8>) {
    out.extend_from_slice(&crc.sum().to_le_bytes());
    out.extend_from_slice(&crc.amount().to_le_bytes());
}
