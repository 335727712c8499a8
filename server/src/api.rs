//! The gRPC door: parse, one call to the store, convert. The only room with generated API types.
//!
//! Knows nothing of queues: a job that is stored is on its way.

mod admin;
mod asked;
mod cancel;
mod catalog_service;
mod changes;
mod convert;
mod cursor;
mod deadline;
mod delete;
mod door;
mod ending;
mod events;
mod get;
mod job_service;
mod list;
mod metered;
mod pace;
mod page;
mod payload;
mod payload_limit;
mod problem;
mod refusal;
mod reply;
mod retry;
mod submit;
mod term;
mod trace;
mod wait;
mod watch;
mod watch_jobs;
mod work_service;

use std::sync::Arc;

use postern_proto::postern::admin::v1::admin_service_server::AdminServiceServer;
use postern_proto::postern::v1 as pb;
use postern_proto::postern::v1::catalog_service_server::CatalogServiceServer;
use postern_proto::postern::v1::job_service_server::JobServiceServer;
use postern_proto::postern::work::v1::work_service_server::WorkServiceServer;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

pub use admin::Admin;
pub use door::{Door, DoorLayer};
pub use payload_limit::PayloadLimit;

use crate::auth::Caller;
use crate::catalog::Catalog;
use crate::hub::Hub;
use crate::job::{Job, PartnerId};
use crate::seal::Seal;
use crate::store::Store;
use crate::vitals::Vitals;
use problem::Problem;

/// What the edge takes as JSON (2 MiB) is up to six times that as a message, where it is full of small numbers. A payload that is too
/// large is then told so by the same reason at every door.
const MESSAGE_BYTES_MAX: usize = 12 * 1024 * 1024;

/// The services, and which of them need no token.
pub const SERVICES: [&str; 4] = [
    "postern.v1.JobService",
    "postern.v1.CatalogService",
    "postern.work.v1.WorkService",
    "postern.admin.v1.AdminService",
];
/// Health and reflection tell nothing about partners.
pub const OPEN_SERVICES: [&str; 3] = [
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
];

/// What the services need. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Api {
    /// Where jobs are.
    pub store: Store,
    /// Wakes those who wait for a change.
    pub hub: Hub,
    /// What may be submitted.
    pub catalog: Arc<Catalog>,
    /// What makes page tokens.
    pub seal: Seal,
    /// How many bytes of JSON a payload may have.
    pub payload_bytes_max: PayloadLimit,
    /// How things stand, for operators.
    pub vitals: Vitals,
    /// Ends streams and long polls when the server goes away.
    pub shutdown: CancellationToken,
}

/// The descriptors of what is served could not be read.
#[derive(Debug, thiserror::Error)]
#[error("reflection: {0}")]
pub struct ReflectionError(#[from] tonic_reflection::server::Error);

impl Api {
    /// Every service: jobs, catalog, work, those of operators, health, reflection.
    ///
    /// # Errors
    /// When the descriptor set cannot be read.
    pub async fn routes(self) -> Result<Routes, ReflectionError> {
        let (reporter, health) = tonic_health::server::health_reporter();
        report_serving(&reporter).await;
        let jobs = JobServiceServer::new(self.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX);
        Ok(Routes::new(jobs)
            .add_service(CatalogServiceServer::new(self.clone()))
            .add_service(AdminServiceServer::new(Admin::new(self.clone())))
            .add_service(WorkServiceServer::new(self))
            .add_service(health)
            .add_service(reflection().build_v1()?)
            .add_service(reflection().build_v1alpha()?))
    }

    /// A job of this partner with its result, where it has one.
    async fn with_result(&self, partner: &PartnerId, job: &Job) -> Result<pb::Job, Problem> {
        let mut message = convert::job(job);
        if let Some(result) = self.store.partner().result(partner, job).await? {
            let result = convert::result(&result).map_err(|error| {
                tracing::error!(job.id = %job.id, %error, "a stored result is no JSON object");
                Problem::internal()
            })?;
            message.result = Some(result);
        }
        Ok(message)
    }
}

async fn report_serving(reporter: &HealthReporter) {
    reporter.set_serving::<JobServiceServer<Api>>().await;
    reporter.set_serving::<CatalogServiceServer<Api>>().await;
    reporter.set_serving::<WorkServiceServer<Api>>().await;
    reporter.set_serving::<AdminServiceServer<Admin>>().await;
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(postern_proto::DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}

/// Who calls: the door has seen to it.
fn caller<T>(request: &tonic::Request<T>) -> Result<&Caller, Problem> {
    request.extensions().get().ok_or_else(|| {
        tracing::error!("a call came past the door");
        Problem::internal()
    })
}
