//! An edge in front of somebody's own tonic routes, in one process: REST, gRPC and gRPC-Web on one port.
//!
//! `cargo run -p postern-edge --example embed`, then `curl http://127.0.0.1:8080/v1/jobTypes`.

use postern_edge::{Config, ServeConfig, serve};
use postern_proto::postern::v1::catalog_service_server::{CatalogService, CatalogServiceServer};
use postern_proto::postern::v1::{
    GetJobTypeRequest, GetJobTypeResponse, JobType, ListJobTypesRequest, ListJobTypesResponse,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:8080").await?;
    let shutdown = CancellationToken::new();
    let stop = async { tokio::signal::ctrl_c().await.inspect(|()| shutdown.cancel()) };
    let (served, stopped) = tokio::join!(run(listener, shutdown.clone()), stop);
    stopped?;
    Ok(served?)
}

/// The edge, with its upstream in the same process: no port between them.
pub async fn run(listener: TcpListener, shutdown: CancellationToken) -> Result<(), postern_edge::Error> {
    let routes = Routes::new(CatalogServiceServer::new(Catalog));
    let edge = Config {
        // Made by protox, by `buf build`, or by `protoc --include_imports --descriptor_set_out`.
        descriptor_set: postern_proto::DESCRIPTOR_SET.into(),
        ..Config::default()
    };
    serve(listener, edge.build(routes)?, ServeConfig::default(), shutdown).await;
    Ok(())
}

/// Somebody's own service.
struct Catalog;

#[tonic::async_trait]
impl CatalogService for Catalog {
    async fn list_job_types(
        &self,
        _: Request<ListJobTypesRequest>,
    ) -> Result<Response<ListJobTypesResponse>, Status> {
        let job_types = vec![JobType {
            name: "embedded".to_owned(),
            ..JobType::default()
        }];
        Ok(Response::new(ListJobTypesResponse {
            job_types,
            ..ListJobTypesResponse::default()
        }))
    }

    async fn get_job_type(
        &self,
        _: Request<GetJobTypeRequest>,
    ) -> Result<Response<GetJobTypeResponse>, Status> {
        Err(Status::not_found("there is one job type, and it is listed"))
    }
}
