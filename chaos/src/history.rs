//! Whether a job's history is one story: it begins with the submission, goes forward, and has one end, which is the job's own.

use serde_json::Value;

use crate::seen::Seen;

const ENDS: [&str; 4] = ["succeeded", "failed", "cancelled", "expired"];
/// What may still be told after an end: the queue's answer to a sending, what came too late, and that the job was asked for again.
const AFTER_END: [&str; 4] = ["sent", "late_outcome", "late_dead_letter", "retried"];

/// Whether the answer to `ListJobEvents` is the story of this job; what is wrong with it, otherwise.
pub(crate) fn check(job: &Seen, answer: &Value) -> Result<(), String> {
    let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wrong = |what: &str| Err(format!("{what}: {answer}"));
    let kind = |event: &Value| event["type"].as_str().unwrap_or_default().to_owned();
    let number = |event: &Value, name: &str| event[name].as_i64().unwrap_or_default();
    if answer["nextPageToken"] != "" {
        return wrong("its history does not fit a page");
    }
    if events.first().map(kind).as_deref() != Some("submitted") {
        return wrong("its history does not begin with its submission");
    }
    for pair in events.windows(2) {
        for name in ["revision", "dispatch"] {
            if number(&pair[0], name) > number(&pair[1], name) {
                return wrong("its history goes back");
            }
        }
    }
    let mut from_end = events
        .iter()
        .skip_while(|event| !ENDS.contains(&kind(event).as_str()));
    let Some(end) = from_end.next() else {
        return wrong("its history has no end");
    };
    if end["state"] != job.state.as_str_name() || number(end, "revision") > i64::from(job.revision) {
        return wrong("its history ends otherwise");
    }
    match from_end.any(|event| !AFTER_END.contains(&kind(event).as_str())) {
        true => wrong("its history goes on after its end"),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use postern_proto::postern::v1::JobState;
    use serde_json::json;

    use super::*;

    fn wrong(events: &[(&str, &str, i64)]) -> Option<String> {
        let job = Seen {
            job_id: "job_1".to_owned(),
            request_id: "r".to_owned(),
            state: JobState::Succeeded,
            revision: 3,
            result: None,
            reason: String::new(),
            retried_from: String::new(),
            retried_by: String::new(),
        };
        let event = |(kind, state, revision): &(&str, &str, i64)| json!({"type": kind, "state": format!("JOB_STATE_{state}"), "revision": revision, "dispatch": 1});
        let events: Vec<_> = events.iter().map(event).collect();
        let result = check(&job, &json!({"events": events, "nextPageToken": ""}));
        result
            .err()
            .map(|what| what.split(':').next().unwrap().to_owned())
    }

    #[test]
    fn a_history_is_one_story() {
        let told = [
            ("submitted", "QUEUED", 1),
            ("started", "RUNNING", 2),
            ("succeeded", "SUCCEEDED", 3),
            ("sent", "SUCCEEDED", 3),
            ("late_outcome", "SUCCEEDED", 3),
            ("retried", "SUCCEEDED", 4),
        ];
        assert_eq!(wrong(&told), None);
        assert_eq!(
            wrong(&told[1..]).unwrap(),
            "its history does not begin with its submission"
        );
        assert_eq!(wrong(&told[..2]).unwrap(), "its history has no end");
        let twice = [told[0], told[2], ("failed", "FAILED", 4)];
        assert_eq!(wrong(&twice).unwrap(), "its history goes on after its end");
        let other = [told[0], ("failed", "FAILED", 2)];
        assert_eq!(wrong(&other).unwrap(), "its history ends otherwise");
        let back = [told[0], told[2], ("sent", "SUCCEEDED", 2)];
        assert_eq!(wrong(&back).unwrap(), "its history goes back");
    }
}
