//! Sits in a consumer's SQS client: tells a test what the consumer is about to ask of SQS, and lets it fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use aws_sdk_sqs::config::interceptors::BeforeSerializationInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept};
use aws_sdk_sqs::operation::change_message_visibility_batch::ChangeMessageVisibilityBatchInput;
use aws_sdk_sqs::operation::delete_message_batch::DeleteMessageBatchInput;
use aws_sdk_sqs::operation::receive_message::ReceiveMessageInput;
use aws_sdk_sqs::operation::send_message_batch::SendMessageBatchInput;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;

use crate::stack::PATIENCE;

/// A request that a consumer makes, for one task or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Receive,
    Keep,
    Release,
    Delete,
    /// STARTED or PROGRESS, and nothing else.
    Notice,
    /// The last outcome of a task among others.
    End,
}

/// Lets requests fail, and reports them. Clones are one and the same.
#[derive(Debug, Clone)]
pub(crate) struct Tap {
    failing: Arc<Mutex<Vec<Call>>>,
    takes_one_outcome: Arc<AtomicBool>,
    calls: UnboundedSender<Call>,
}

/// What a tap has seen, to be waited for.
#[derive(Debug)]
pub(crate) struct Calls(UnboundedReceiver<Call>);

pub(crate) fn tap() -> (Tap, Calls) {
    let (calls, seen) = unbounded_channel();
    (
        Tap {
            failing: Arc::default(),
            takes_one_outcome: Arc::default(),
            calls,
        },
        Calls(seen),
    )
}

impl Tap {
    /// From now on, these requests do not reach SQS.
    pub(crate) fn fail(&self, calls: &[Call]) {
        *self.failing.lock().unwrap() = calls.to_vec();
    }

    /// From now on, requests about several outcomes do not reach SQS.
    pub(crate) fn take_one_outcome(&self) {
        self.takes_one_outcome.store(true, Ordering::SeqCst);
    }
}

impl Calls {
    /// All that were seen so far.
    pub(crate) fn so_far(&mut self) -> Vec<Call> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }

    /// Waits for the next such request; those before it are passed over.
    pub(crate) async fn next(&mut self, wanted: Call) {
        let next = async { while self.0.recv().await.expect("the tap is there") != wanted {} };
        timeout(PATIENCE, next)
            .await
            .unwrap_or_else(|_| panic!("no {wanted:?} in time"));
    }
}

impl Intercept for Tap {
    fn name(&self) -> &'static str {
        "tap"
    }

    fn read_before_execution(
        &self,
        context: &BeforeSerializationInterceptorContextRef<'_>,
        _: &mut ConfigBag,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let input = context.input();
        let call = if input.downcast_ref::<ReceiveMessageInput>().is_some() {
            Call::Receive
        } else if input.downcast_ref::<DeleteMessageBatchInput>().is_some() {
            Call::Delete
        } else if let Some(change) = input.downcast_ref::<ChangeMessageVisibilityBatchInput>() {
            if change
                .entries()
                .iter()
                .any(|entry| entry.visibility_timeout() == Some(0))
            {
                Call::Release
            } else {
                Call::Keep
            }
        } else if let Some(send) = input.downcast_ref::<SendMessageBatchInput>() {
            if send.entries().len() > 1 && self.takes_one_outcome.load(Ordering::SeqCst) {
                return Err("too much at a time".into());
            }
            let is_notice = |body: &str| body.contains("STARTED") || body.contains("PROGRESS");
            if send.entries().iter().all(|entry| is_notice(entry.message_body())) {
                Call::Notice
            } else {
                Call::End
            }
        } else {
            return Ok(());
        };
        // A test that no longer looks has seen enough.
        let _ = self.calls.send(call);
        if self.failing.lock().unwrap().contains(&call) {
            Err("let to fail".into())
        } else {
            Ok(())
        }
    }
}
