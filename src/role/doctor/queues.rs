//! The queues: there, of the right kind, and set up so that nothing gets lost or is done twice for nothing.

use std::time::Duration;

use postern_server::catalog::{Catalog, JobType};
use postern_server::queue::{self, Counted, Dead, Depth, Error, Role};

use super::finding::Finding;
use crate::config::Config;
use crate::role::server;

/// Consumers that extend it while they work need so much to do so; others need as much as their work takes.
const VISIBILITY_SECONDS_MIN: i32 = 30;
/// A deployment that restarts consumers uses up one or two.
const RECEIVES_MIN: i32 = 3;
/// Of SQS, at most 1 MiB: payloads may fill three quarters of it.
const MESSAGE_BYTES_USUAL: i32 = 256 * 1024;

pub(super) async fn check(config: &Config, catalog: Option<&Catalog>) -> Vec<Finding> {
    let job_types: Vec<&JobType> = catalog.into_iter().flat_map(Catalog::iter).collect();
    let named = job_types.iter().filter_map(|job_type| job_type.queue());
    let settings = server::queues(config, config.sqs_endpoint.clone());
    let examined = queue::examine(&settings, named).await;
    let longest = job_types.iter().map(|job_type| job_type.queue_timeout()).max();
    examined.iter().flat_map(|queue| one(queue, longest)).collect()
}

fn one(queue: &Counted, queue_timeout: Option<Duration>) -> Vec<Finding> {
    let name = &queue.name;
    let depth = match &queue.depth {
        Ok(depth) => depth,
        Err(error) => return vec![Finding::wrong("queues", error.to_string(), advice(error))],
    };
    let mut findings = visibility(name, depth);
    findings.extend(match queue.role {
        Role::Tasks => tasks(name, depth, queue_timeout),
        Role::Outcomes => Vec::new(),
    });
    findings.extend(dead_letters(queue, depth));
    if findings.is_empty() {
        findings.push(Finding::ok("queues", sound(queue, depth)));
    }
    findings
}

fn sound(queue: &Counted, depth: &Depth) -> String {
    let role = match queue.role {
        Role::Tasks => "tasks",
        Role::Outcomes => "outcomes",
    };
    let dead = depth.dead.as_ref();
    let dead = dead.map_or(String::new(), |dead| {
        format!(", {} after {} receives", dead.queue, dead.receives_max)
    });
    let seconds = depth.visibility_timeout_seconds;
    format!("{} for {role}: visibility timeout {seconds} s{dead}", queue.name)
}

fn visibility(name: &str, depth: &Depth) -> Vec<Finding> {
    let seconds = depth.visibility_timeout_seconds;
    if seconds >= VISIBILITY_SECONDS_MIN {
        return Vec::new();
    }
    vec![Finding::warning(
        "queues",
        format!("{name}: messages come again after {seconds} s"),
        format!(
            "set its visibility timeout to {VISIBILITY_SECONDS_MIN} s at least: work that takes longer is begun twice"
        ),
    )]
}

fn tasks(name: &str, depth: &Depth, queue_timeout: Option<Duration>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if depth.message_bytes_max < MESSAGE_BYTES_USUAL {
        findings.push(Finding::warning(
            "queues",
            format!("{name}: messages have at most {} bytes", depth.message_bytes_max),
            "payloads may fill three quarters of that: set its maximum message size to 1048576, if they may be larger",
        ));
    }
    let kept = Duration::from_secs(depth.retention_seconds.try_into().unwrap_or_default());
    if let Some(timeout) = queue_timeout.filter(|timeout| *timeout > kept) {
        findings.push(Finding::warning(
            "queues",
            format!("{name}: keeps tasks for {}, and jobs wait for {}", days(kept), days(timeout)),
            "set its retention period to the longest queue_timeout of the job types: a task that is gone is not sent again",
        ));
    }
    findings
}

fn dead_letters(queue: &Counted, depth: &Depth) -> Vec<Finding> {
    let name = &queue.name;
    let Some(dead) = &depth.dead else {
        let advice = match queue.role {
            Role::Tasks => {
                "give it one with maxReceiveCount 5: without, a task that kills its consumers comes again until its job expires"
            }
            Role::Outcomes => {
                "give it one: without, what the server cannot deal with is read again and again"
            }
        };
        let says =
            format!("{name}: no dead-letter queue, or its redrive policy names one that does not exist");
        return vec![Finding::warning("queues", says, advice)];
    };
    let mut findings = Vec::new();
    if dead.receives_max < RECEIVES_MIN {
        findings.push(Finding::warning(
            "queues",
            format!("{name}: a message is dead after {} receives", dead.receives_max),
            "set maxReceiveCount to 5: a restart of a consumer uses up one",
        ));
    }
    if dead.retention_seconds < depth.retention_seconds {
        findings.push(kept_too_short(name, dead));
    }
    if dead.messages > 0 && queue.role == Role::Outcomes {
        findings.push(Finding::warning(
            "queues",
            format!(
                "{}: {} outcomes lie there, and nobody reads them",
                dead.queue, dead.messages
            ),
            format!("move them back to {name} (StartMessageMoveTask): each is collected or quarantined then"),
        ));
    }
    findings
}

fn kept_too_short(name: &str, dead: &Dead) -> Finding {
    let kept = Duration::from_secs(dead.retention_seconds.try_into().unwrap_or_default());
    Finding::warning(
        "queues",
        format!(
            "{}: keeps messages for {}, less than {name}",
            dead.queue,
            days(kept)
        ),
        "set its retention period to 14 days: it counts from the first sending, so an old message is gone as soon as it dies",
    )
}

fn days(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 86_400 == 0 => format!("{} d", seconds / 86_400),
        seconds if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        seconds => format!("{seconds} s"),
    }
}

fn advice(error: &Error) -> &'static str {
    match error {
        Error::Sqs(_) => {
            "see whether sqs_endpoint, region and credentials (AWS_…) are right, and the network open"
        }
        Error::Missing(_) => {
            "make it, as a standard queue with a dead-letter queue, or put jobs_queue, results_queue or `queue:` right"
        }
        Error::Denied { .. } => {
            "allow sqs:GetQueueUrl and sqs:GetQueueAttributes on it, sqs:SendMessage where tasks go, sqs:ReceiveMessage and sqs:DeleteMessage on outcomes and dead letters"
        }
        Error::Shared(_) | Error::Fifo(_) => "make another queue, and name it in the settings",
        Error::Attribute { .. } => "see how the queue is set up",
    }
}
