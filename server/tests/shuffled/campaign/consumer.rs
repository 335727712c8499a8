//! What consumers tell of their tasks, and what becomes of it on its way: it comes twice, late, or imitated.

use postern_server::job::JobId;
use serde_json::{Value, json};

use super::Campaign;

/// A dispatch as its consumer got it.
pub(super) struct Task {
    pub(super) job: JobId,
    pub(super) dispatch: i32,
    pub(super) token: String,
    /// How often its consumer tries.
    pub(super) attempts: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Succeeded,
    Failed,
    FailedForNow,
    Cancelled,
}

/// How a consumer says that an attempt ended.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) job: JobId,
    pub(super) dispatch: i32,
    pub(super) attempt: i32,
    pub(super) end: End,
    /// What result or failure say.
    pub(super) text: String,
}

/// A message for the results queue.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) body: String,
    /// Whose it is and what it decides, where it is authentic and an end.
    pub(super) end: Option<Told>,
}

impl Campaign<'_> {
    /// Adds what is told of one attempt, the last of which always tells its end in time.
    pub(super) fn tell(&mut self, task: &Task, attempt: i32) {
        self.report(task, attempt, 0, json!({"event": "STARTED"}));
        for seq in 1..=i64::try_from(self.random.below(4)).unwrap() {
            let text = format!("{}/{}/{attempt}", task.job, task.dispatch);
            let progress = json!({"completed": seq, "total": 9, "message": text});
            self.report(
                task,
                attempt,
                seq,
                json!({"event": "PROGRESS", "progress": progress}),
            );
        }
        let is_last = attempt == task.attempts;
        if !is_last && self.random.below(2) == 0 {
            return;
        }
        let ends = match self.random.below(2) {
            0 => [End::FailedForNow].as_slice(),
            _ => &[End::Succeeded, End::Succeeded, End::Failed, End::Cancelled],
        };
        let end = self.random.pick(ends);
        let told = Told {
            job: task.job,
            dispatch: task.dispatch,
            attempt,
            end,
            text: format!("{}/{}/{attempt}", task.job, task.dispatch),
        };
        let body = with_token(task, attempt, said(end, &told.text));
        self.add(body, Some(&told), !is_last);
    }

    fn report(&mut self, task: &Task, attempt: i32, seq: i64, mut body: Value) {
        body["seq"] = json!(seq);
        self.add(with_token(task, attempt, body), None, true);
    }

    /// Adds a message and what may become of it on its way: it comes twice, it is told twice, it comes when all is over, it is imitated.
    fn add(&mut self, mut body: Value, end: Option<&Told>, may_be_late: bool) {
        let event_id = format!("e-{}", self.random.below(u64::MAX));
        if self.random.below(4) > 0 {
            body["eventId"] = json!(event_id);
        }
        let message = |body: &Value| Message {
            body: body.to_string(),
            end: end.cloned(),
        };
        if may_be_late && self.random.below(6) == 0 {
            self.late.push(message(&body));
        } else {
            self.pool.push(message(&body));
        }
        if self.random.below(3) == 0 {
            self.pool.push(message(&body));
        }
        if self.random.below(4) == 0 {
            self.late.push(message(&body));
        }
        if self.random.below(3) == 0 {
            let mut again = body.clone();
            again["eventId"] = json!(format!("{event_id}-again"));
            self.pool.push(message(&again));
        }
        if self.random.below(3) == 0 {
            self.forge(body, &event_id);
        }
    }

    /// Adds what looks like this message, says something else, and must change nothing.
    fn forge(&mut self, mut body: Value, event_id: &str) {
        let dispatch = body["dispatch"].as_i64().unwrap();
        let job: JobId = body["jobId"].as_str().unwrap().parse().unwrap();
        body["event"] = json!("SUCCEEDED");
        body["result"] = json!({"of": format!("forged {}", self.forged.len())});
        body["eventId"] = json!(event_id);
        let mut cut = None;
        let reason = match self.random.below(6) {
            0 => {
                let dispatch = i32::try_from(dispatch).unwrap();
                body["outcomeToken"] = json!(self.world.foreign.outcome_token(job, dispatch));
                "the outcome token is not authentic"
            }
            1 => {
                body["jobId"] = json!(JobId::new(1).to_string());
                "job or dispatch disagree with the outcome token"
            }
            2 => {
                body["dispatch"] = json!(dispatch + 1);
                "job or dispatch disagree with the outcome token"
            }
            3 => {
                body.as_object_mut().unwrap().remove("outcomeToken");
                "no outcome token"
            }
            4 => {
                body["event"] = json!("FORGED");
                "unknown event"
            }
            _ => {
                let whole = body.to_string();
                cut = Some(whole[..whole.len() - 1].to_owned());
                "not a JSON object"
            }
        };
        let body = cut.unwrap_or_else(|| body.to_string());
        self.forged.push((reason, body.clone()));
        self.pool.push(Message { body, end: None });
    }
}

fn with_token(task: &Task, attempt: i32, mut body: Value) -> Value {
    body["outcomeToken"] = json!(task.token);
    body["jobId"] = json!(task.job.to_string());
    body["dispatch"] = json!(task.dispatch);
    body["attempt"] = json!(attempt);
    body
}

fn said(end: End, text: &str) -> Value {
    let error = json!({"code": "UNAVAILABLE", "reason": "AWAY", "message": text});
    match end {
        End::Succeeded => json!({"event": "SUCCEEDED", "result": {"of": text}}),
        End::Failed => json!({"event": "FAILED", "error": error}),
        End::FailedForNow => {
            json!({"event": "FAILED", "error": error, "retryable": true, "retryDelaySeconds": 0})
        }
        End::Cancelled => json!({"event": "CANCELLED"}),
    }
}
