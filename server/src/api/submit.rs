//! SubmitJob: what was asked, whether it may be, and the one call to the store.
//!
//! The idempotency key comes first: a request that was accepted before is answered with its job, whatever the catalog says today.

use postern_proto::postern::v1::{SubmitJobRequest, SubmitJobResponse};
use serde_json::json;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Code, Request, Response, Status};

use super::asked::{Asked, payload_invalid};
use super::problem::{Problem, Violation, request_id_reused};
use super::reply::Reply;
use super::{Api, caller, convert, trace};
use crate::catalog::JobType;
use crate::job::{Job, JobId, PartnerId, Timeouts, Timestamp, millis};
use crate::store::{Submission, Submitted, Trace, UniqueKey};

const REQUEST_ID_CHARS_MAX: usize = 128;
/// The idempotency key's other way in.
const KEY_METADATA: &str = "idempotency-key";

impl Api {
    pub(super) async fn submit(
        &self,
        request: Request<SubmitJobRequest>,
    ) -> Result<Response<SubmitJobResponse>, Status> {
        let partner = caller(&request)?.partner.clone();
        let trace = trace::of(request.metadata());
        let keys = header_keys(request.metadata());
        let request = request.into_inner();
        let request_id = request_id(&request, keys)?;
        let validate_only = request.validate_only;

        let asked = Asked::read(request);
        let whole = asked.as_ref().ok().filter(|asked| asked.is_whole);
        let digest = whole.map(|asked| asked.digest);
        let checked = asked.and_then(|asked| self.check(&asked, &partner, request_id.clone(), trace));
        let submitted = match checked {
            Ok(submission) if validate_only => {
                self.store
                    .partner()
                    .check(&submission)
                    .await
                    .map_err(Problem::from)?;
                return Ok(Reply::new(validated(&submission.job)).done());
            }
            Ok(submission) => self
                .store
                .partner()
                .submit(&submission)
                .await
                .map_err(Problem::from)?,
            Err(problem) => {
                self.known(&partner, request_id.as_deref(), digest, problem)
                    .await?
            }
        };
        let (Submitted::New(job) | Submitted::Known(job)) = submitted;
        if validate_only {
            return Ok(Reply::new(validated(&job)).done());
        }
        let reply = SubmitJobResponse {
            job: Some(self.with_result(&partner, &job).await?),
        };
        Ok(Reply::new(reply).accepted(&job)?.done())
    }

    /// What would be stored, or everything that is wrong with it.
    pub(super) fn check(
        &self,
        asked: &Asked,
        partner: &PartnerId,
        request_id: Option<String>,
        trace: Trace,
    ) -> Result<Submission, Problem> {
        let job_type = self.job_type(asked)?;
        let payload = self.payload(asked, job_type)?;
        let unique = job_type.unique_values(&asked.payload);
        let now = Timestamp::now();
        let timeouts = Timeouts {
            queue_millis: asked
                .queue_timeout
                .unwrap_or_else(|| millis(job_type.queue_timeout())),
            execution_millis: asked
                .execution_timeout
                .unwrap_or_else(|| millis(job_type.execution_timeout())),
            retention_millis: millis(job_type.retention()),
        };
        let id = JobId::new(u64::try_from(now.millis()).unwrap_or_default());
        let mut job = Job::new(id, partner.clone(), timeouts, now);
        job.job_type = job_type.name().to_owned();
        job.job_type_version = job_type.version().to_owned();
        job.labels = asked.labels.clone();
        job.request_id = request_id;
        Ok(Submission {
            job,
            payload,
            digest: asked.digest,
            unique: unique
                .into_iter()
                .map(|(name, digest)| UniqueKey { name, digest })
                .collect(),
            trace,
        })
    }

    /// The job type asked for, with everything that is wrong with the rest of the request.
    fn job_type(&self, asked: &Asked) -> Result<&JobType, Problem> {
        let mut violations = asked.violations.clone();
        let job_type = self.catalog.get(&asked.job_type);
        if let Some(job_type) = job_type {
            let longest = [
                ("/queueTimeout", asked.queue_timeout, job_type.queue_timeout()),
                (
                    "/executionTimeout",
                    asked.execution_timeout,
                    job_type.execution_timeout(),
                ),
            ];
            for (field, given, longest) in longest {
                if given.is_some_and(|given| given > millis(longest)) {
                    violations.push(Violation::new(
                        field,
                        "OUT_OF_RANGE",
                        format!("must be at most {}s", longest.as_secs()),
                    ));
                }
            }
        }
        if !violations.is_empty() {
            return Err(Problem::invalid_request(violations));
        }
        job_type.ok_or_else(Problem::job_type_unknown)
    }

    /// The payload as JSON text, if it fits its job type.
    fn payload(&self, asked: &Asked, job_type: &JobType) -> Result<String, Problem> {
        let text = crate::json::xml_safe(asked.payload.to_string());
        // Labels travel in the same message, and could outgrow what is left of it.
        let labels = match asked.labels.len() {
            0 => 0,
            _ => json!(asked.labels).to_string().len(),
        };
        let (bytes, bytes_max) = (text.len() + labels, self.payload_bytes_max.of(job_type));
        if bytes > bytes_max {
            let message =
                format!("payload and labels have {bytes} bytes as JSON, at most {bytes_max} are taken");
            return Err(Problem::new(Code::InvalidArgument, "PAYLOAD_TOO_LARGE", message)
                .with_metadata("bytesMax", bytes_max.to_string()));
        }
        job_type.check(&asked.payload).map_err(|violations| {
            let found: Vec<_> = violations
                .list
                .into_iter()
                .map(|v| Violation::new(v.pointer, &v.reason, v.description))
                .collect();
            payload_invalid(job_type.name(), found)
        })?;
        Ok(text)
    }

    /// A request that would be refused today may be one that was accepted before.
    async fn known(
        &self,
        partner: &PartnerId,
        request_id: Option<&str>,
        digest: Option<[u8; 32]>,
        problem: Problem,
    ) -> Result<Submitted, Problem> {
        let Some(request_id) = request_id else {
            return Err(problem);
        };
        match self.store.partner().find_request(partner, request_id).await? {
            None => Err(problem),
            Some(known) if digest.is_some_and(|digest| known.digest == digest) => {
                Ok(Submitted::Known(known.job))
            }
            Some(_) => Err(request_id_reused()),
        }
    }
}

/// The key of a request, from its field or its metadata.
fn request_id(request: &SubmitJobRequest, mut keys: Vec<String>) -> Result<Option<String>, Problem> {
    let refuse = |description: &str| {
        let violation = Violation::new("/requestId", "INVALID_VALUE", description);
        Err(Problem::invalid_request(vec![violation]))
    };
    if !request.request_id.is_empty() {
        keys.push(request.request_id.clone());
    }
    keys.dedup();
    match keys.as_slice() {
        [] => Ok(None),
        [id] if is_request_id(id) => Ok(keys.pop()),
        [_] => refuse("must be 1-128 printable ASCII characters"),
        _ => refuse("is given more than once, and differently"),
    }
}

/// Every `idempotency-key` of the metadata, bare or quoted. Bytes that are no text make a key that is refused.
fn header_keys(metadata: &MetadataMap) -> Vec<String> {
    let unquoted = |value: &AsciiMetadataValue| {
        let text = String::from_utf8_lossy(value.as_bytes()).trim().to_owned();
        let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
        inner.map_or(text.clone(), str::to_owned)
    };
    metadata.get_all(KEY_METADATA).iter().map(unquoted).collect()
}

fn is_request_id(id: &str) -> bool {
    (1..=REQUEST_ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
}

/// The job that a request would make: without an id, since there is none.
fn validated(job: &Job) -> SubmitJobResponse {
    let mut job = convert::job(job);
    job.job_id = String::new();
    SubmitJobResponse { job: Some(job) }
}
