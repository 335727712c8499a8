//! Receipt handles: which receive of which message a client speaks of.
//!
//! A handle names the queue, the message and the number of the receive. Receiving a message again makes every older
//! handle stale by the count alone, so nothing is kept for handles. They are opaque to clients, not secret: an endpoint
//! that checks no signatures has nothing to protect by them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::fault::Fault;
use crate::queue::QueueId;

/// The row of a message: unique for all time within a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MessageRow(pub(crate) i64);

/// One receive of one message from one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub(crate) queue: QueueId,
    pub(crate) message: MessageRow,
    pub(crate) receive_count: i64,
}

impl Receipt {
    const VERSION: u8 = 1;
    const BYTES: usize = 25;

    pub(crate) fn encode(self) -> String {
        let mut bytes = Vec::with_capacity(Self::BYTES);
        bytes.push(Self::VERSION);
        for number in [self.queue.0, self.message.0, self.receive_count] {
            bytes.extend_from_slice(&number.to_be_bytes());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    pub(crate) fn decode(handle: &str) -> Result<Self, Fault> {
        let bytes = URL_SAFE_NO_PAD.decode(handle).unwrap_or_default();
        let Ok([Self::VERSION, numbers @ ..]) = <[u8; Self::BYTES]>::try_from(bytes) else {
            return Err(Fault::ReceiptHandleIsInvalid);
        };
        let mut numbers = numbers
            .chunks_exact(8)
            .map(|chunk| i64::from_be_bytes(chunk.try_into().unwrap_or_default()));
        let mut next = || numbers.next().ok_or(Fault::ReceiptHandleIsInvalid);
        Ok(Self {
            queue: QueueId(next()?),
            message: MessageRow(next()?),
            receive_count: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_comes_back_as_the_receipt_it_was() {
        let receipt = Receipt {
            queue: QueueId(7),
            message: MessageRow(i64::MAX),
            receive_count: 3,
        };
        assert_eq!(Receipt::decode(&receipt.encode()), Ok(receipt));
    }

    #[test]
    fn what_this_endpoint_never_wrote_is_no_handle() {
        for handle in ["", "nonsense", "AAAA", &"A".repeat(34), "é"] {
            assert_eq!(
                Receipt::decode(handle),
                Err(Fault::ReceiptHandleIsInvalid),
                "{handle}"
            );
        }
    }
}
