//! What a handler logs can be found by the trace of its job, and the trace goes on.

use std::io::Write;
use std::sync::{Arc, Mutex};

use postern_worker::{Context, Failure, Handler, Task};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::stack::Stack;
use crate::tap::tap;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Logs, and returns the headers that a call of its own would have.
struct Call;

impl Handler for Call {
    const JOB_TYPE: &'static str = "test.call";
    type Payload = Value;
    type Output = Value;

    async fn handle(&self, _task: Task<Value>, context: &Context) -> Result<Value, Failure> {
        tracing::info!("calling");
        let headers = context.trace().headers();
        Ok(headers
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect::<serde_json::Map<_, _>>()
            .into())
    }
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn a_task_is_executed_in_a_span_that_names_its_trace_and_the_trace_goes_on() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(log.clone())
        .with_ansi(false)
        .finish();
    // All tasks of this test are on its thread.
    let _logging = tracing::subscriber::set_default(subscriber);
    let stack = Stack::start(30).await;
    let consumer = stack.run(Call, &tap().0, |builder| builder).await;
    let traceparent = format!("00-{TRACE}-{PARENT}-01");
    let trace = json!({"trace": {"traceparent": traceparent, "tracestate": "a=1"}});
    let job = stack.submit_with("test.call", &json!({}), trace).await;
    assert_eq!(
        stack.outcome_that_is("SUCCEEDED").await["result"],
        json!({"traceparent": traceparent, "tracestate": "a=1"})
    );
    stack.until_no_tasks().await;
    consumer.stop().await;
    stack.end().await;
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let line = log.lines().find(|line| line.contains("calling")).unwrap();
    for field in [
        format!("job.id={job}"),
        format!("trace.id=\"{TRACE}\""),
        format!("trace.parent=\"{PARENT}\""),
    ] {
        assert!(line.contains(&field), "{field} in {line}");
    }
}
