//! The states of a job and the entries of its history.

/// QUEUED → RUNNING → SUCCEEDED | FAILED | CANCELLED | EXPIRED; RUNNING → QUEUED when a failed execution is tried again;
/// QUEUED → any terminal state when the start was never reported. A terminal state is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Accepted, and durably stored.
    Queued,
    /// A consumer has reported that it executes it.
    Running,
    /// The consumer did what was asked.
    Succeeded,
    /// The consumer could not, or the task was lost.
    Failed,
    /// Withdrawn before it was handed out, or the consumer reported that it stopped.
    Cancelled,
    /// Its deadline passed without a word: whether it was executed is unknown.
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::Queued,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
    ];

    /// Whether nothing can change any more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled | Self::Expired => true,
        }
    }

    /// Whether a job in this state holds on to its unique keys.
    #[must_use]
    pub const fn holds_unique_keys(self) -> bool {
        match self {
            Self::Queued | Self::Running | Self::Succeeded => true,
            Self::Failed | Self::Cancelled | Self::Expired => false,
        }
    }
}

/// What an entry of a job's history tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// It was accepted.
    Submitted,
    /// Its task was handed to the queue.
    Sent,
    /// An execution began.
    Started,
    /// A failed execution will be tried again.
    RetryScheduled,
    /// Its partner asked for its cancellation while it may be executed.
    CancelRequested,
    /// It became SUCCEEDED.
    Succeeded,
    /// It became FAILED.
    Failed,
    /// It became CANCELLED.
    Cancelled,
    /// It became EXPIRED.
    Expired,
    /// Its task was found among the dead letters.
    DeadLettered,
    /// Its task is sent again, as an operator wished.
    Redriven,
    /// Another job does again what it failed to do.
    Retried,
    /// An outcome came when nothing could change any more.
    LateOutcome,
    /// Its task was found among the dead letters when nothing could change any more.
    LateDeadLetter,
    /// A message about it that could not be used is read again, as an operator wished.
    MessageReplayed,
    /// A message about it that could not be used was dropped by an operator.
    MessageDropped,
}

impl EventKind {
    /// Every kind.
    pub const ALL: [Self; 16] = [
        Self::Submitted,
        Self::Sent,
        Self::Started,
        Self::RetryScheduled,
        Self::CancelRequested,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::Expired,
        Self::DeadLettered,
        Self::Redriven,
        Self::Retried,
        Self::LateOutcome,
        Self::LateDeadLetter,
        Self::MessageReplayed,
        Self::MessageDropped,
    ];

    /// Whether a job may see it any number of times, driven by others alone: by consumers, or by crashes. All else is bounded, by the states,
    /// by the dispatches of a job type, and by what people ask for.
    #[must_use]
    pub const fn has_no_bound(self) -> bool {
        match self {
            Self::Sent
            | Self::Started
            | Self::DeadLettered
            | Self::Redriven
            | Self::LateOutcome
            | Self::LateDeadLetter
            | Self::MessageReplayed
            | Self::MessageDropped => true,
            Self::Submitted
            | Self::RetryScheduled
            | Self::Retried
            | Self::CancelRequested
            | Self::Succeeded
            | Self::Failed
            | Self::Cancelled
            | Self::Expired => false,
        }
    }

    /// The kind of this name, if this server knows it: a newer one may have written others.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// The name in `JobEvent.type`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Sent => "sent",
            Self::Started => "started",
            Self::RetryScheduled => "retry_scheduled",
            Self::CancelRequested => "cancel_requested",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Expired => "expired",
            Self::DeadLettered => "dead_lettered",
            Self::Redriven => "redriven",
            Self::Retried => "retried",
            Self::LateOutcome => "late_outcome",
            Self::LateDeadLetter => "late_dead_letter",
            Self::MessageReplayed => "message_replayed",
            Self::MessageDropped => "message_dropped",
        }
    }
}
