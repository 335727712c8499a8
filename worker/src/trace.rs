//! The trace that a job belongs to, as W3C Trace Context has it. Whether anybody records spans is not known here.

use serde::Deserialize;

/// W3C trace context (<https://www.w3.org/TR/trace-context/>); empty where there is none.
///
/// The consumer opens a span `task` around each execution, with `trace.id` and `trace.parent` among its fields, so that what is logged within can be
/// found by the trace. What the handler calls in turn gets the same values as headers:
///
/// ```
/// # use postern_worker::{Context, Failure, Handler, Task, testing::Trial};
/// # use serde_json::{Value, json};
/// struct Call;
///
/// impl Handler for Call {
///     const JOB_TYPE: &'static str = "example.call";
///     type Payload = Value;
///     type Output = Value;
///
///     async fn handle(&self, _task: Task<Value>, context: &Context) -> Result<Value, Failure> {
///         let headers: Vec<String> = context.trace().headers().map(|(name, value)| format!("{name}: {value}")).collect();
///         Ok(json!({ "sent": headers, "trace": context.trace().trace_id() }))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let outcome = Trial::new(Call).trace(traceparent, "").run().await;
/// assert_eq!(
///     outcome.result(),
///     Some(&json!({ "sent": [format!("traceparent: {traceparent}")], "trace": "4bf92f3577b34da6a3ce929d0e0e4736" }))
/// );
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Trace {
    /// The header `traceparent`.
    pub traceparent: String,
    /// The header `tracestate`.
    pub tracestate: String,
}

impl Trace {
    /// The id of the whole trace: 32 hexadecimal digits. None without a `traceparent`, or with one that cannot be one.
    ///
    /// See [`Trace`] for an example.
    #[must_use]
    pub fn trace_id(&self) -> Option<&str> {
        self.ids().map(|(trace, _)| trace)
    }

    /// The id of the span that asked for the job: 16 hexadecimal digits.
    ///
    /// ```
    /// use postern_worker::Trace;
    ///
    /// assert_eq!(Trace::default().parent_id(), None);
    /// ```
    #[must_use]
    pub fn parent_id(&self) -> Option<&str> {
        self.ids().map(|(_, parent)| parent)
    }

    /// The headers by which a call continues the trace; none where there is none. See [`Trace`] for an example.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        [
            ("traceparent", self.traceparent.as_str()),
            ("tracestate", &self.tracestate),
        ]
        .into_iter()
        .filter(|(_, value)| self.ids().is_some() && !value.is_empty())
    }

    /// `version-traceid-parentid-flags`; a version yet to come may add to that.
    fn ids(&self) -> Option<(&str, &str)> {
        let mut parts = self.traceparent.split('-');
        let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let is_known = is_hex(version, 2) && version != "ff" && (version != "00" || parts.next().is_none());
        let is_sound = is_id(trace, 32) && is_id(parent, 16) && is_hex(flags, 2);
        (is_known && is_sound).then_some((trace, parent))
    }
}

fn is_id(text: &str, digits: usize) -> bool {
    is_hex(text, digits) && text.bytes().any(|digit| digit != b'0')
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    fn trace(traceparent: &str) -> Trace {
        Trace {
            traceparent: traceparent.to_owned(),
            tracestate: "a=1".to_owned(),
        }
    }

    #[test]
    fn a_traceparent_names_trace_and_parent_also_in_a_version_yet_to_come() {
        for sound in [
            format!("00-{TRACE}-{PARENT}-01"),
            format!("cc-{TRACE}-{PARENT}-00-more"),
        ] {
            let trace = trace(&sound);
            assert_eq!((trace.trace_id(), trace.parent_id()), (Some(TRACE), Some(PARENT)));
            let headers: Vec<_> = trace.headers().collect();
            assert_eq!(headers, [("traceparent", sound.as_str()), ("tracestate", "a=1")]);
        }
    }

    #[test]
    fn what_cannot_be_a_traceparent_is_no_trace_and_is_not_passed_on() {
        for unsound in [
            String::new(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{TRACE}-{PARENT}-01-more"),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}-{PARENT}-1"),
        ] {
            let trace = trace(&unsound);
            assert_eq!(trace.trace_id(), None, "{unsound}");
            assert_eq!(trace.headers().count(), 0, "{unsound}");
        }
    }
}
