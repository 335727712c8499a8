//! `postern edge` takes its descriptor set and service config again on SIGHUP, or asks the server for the set.

use std::time::Duration;

use prost::Message as _;

use crate::process::{Process, command, output};
use crate::world::{Answer, SOON, http, install_crypto};

/// A descriptor set file by file, each as it is encoded: decoding further would lose the options.
#[derive(Clone, PartialEq, prost::Message)]
struct Files {
    #[prost(bytes = "vec", repeated, tag = "1")]
    file: Vec<Vec<u8>>,
}

/// Postern's API without its jobs.
fn without_jobs() -> Vec<u8> {
    let mut files = Files::decode(postern_proto::DESCRIPTOR_SET).unwrap();
    files.file.retain(|file| {
        let file = prost_types::FileDescriptorProto::decode(file.as_slice()).unwrap();
        file.name() != "postern/v1/job_service.proto"
    });
    files.encode_to_vec()
}

async fn get(edge: &Process, path: &str) -> Answer {
    Answer::read(http().get(format!("{}{path}", edge.address))).await
}

/// Asks until the edge knows this path.
async fn has_route(edge: &Process, path: &str) {
    let reloaded = async {
        while get(edge, path).await.reason() == "ROUTE_NOT_FOUND" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let reloaded = tokio::time::timeout(SOON, reloaded).await;
    reloaded.expect("what the edge was told to take is not served");
}

#[tokio::test]
async fn an_edge_takes_its_descriptor_set_again_when_told() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("set.binpb");
    std::fs::write(&file, without_jobs()).unwrap();
    let args = [
        "edge",
        "--upstream",
        "http://127.0.0.1:1",
        "--descriptor-set",
        "set.binpb",
    ];
    let edge = Process::start(command(folder.path(), &args), "edge").await;
    let get = async |path: &str| get(&edge, path).await;
    assert_eq!(get("/v1/jobs").await.reason(), "ROUTE_NOT_FOUND");
    // One that cannot be served changes nothing, and does not end the process.
    std::fs::write(&file, "nonsense").unwrap();
    edge.hang_up().await;
    assert_eq!(get("/v1/jobTypes").await.reason(), "BACKEND_UNAVAILABLE");
    std::fs::write(&file, postern_proto::DESCRIPTOR_SET).unwrap();
    edge.hang_up().await;
    has_route(&edge, "/v1/jobs").await;
}

#[tokio::test]
async fn an_edge_takes_its_service_config_again_when_told() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    let write = |path: &str| {
        let rule = format!("{{selector: postern.v1.JobService.GetJob, get: '{path}'}}");
        std::fs::write(&file, format!("http: {{rules: [{rule}]}}")).unwrap();
    };
    write("/v2/jobs/{job_id}");
    let args = ["edge", "--upstream", "http://127.0.0.1:1"];
    let mut command = command(folder.path(), &args);
    command.env("POSTERN_EDGE_SERVICE_CONFIG", "rules.yaml");
    let edge = Process::start(command, "edge").await;
    let get = async |path: &str| get(&edge, path).await;
    assert_eq!(get("/v2/jobs/a").await.reason(), "BACKEND_UNAVAILABLE");
    assert_eq!(get("/v3/jobs/a").await.reason(), "ROUTE_NOT_FOUND");
    write("/v3/jobs/{job_id}");
    edge.hang_up().await;
    has_route(&edge, "/v3/jobs/a").await;
    assert_eq!(get("/v2/jobs/a").await.reason(), "ROUTE_NOT_FOUND");
}

#[tokio::test]
async fn an_edge_may_ask_the_server_what_it_serves() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let dev = Process::dev(folder.path(), None).await;
    // Reflection goes through the edge of `dev` like any other call.
    let args = ["edge", "--upstream", &dev.address, "--reflection"];
    let edge = Process::start(command(folder.path(), &args), "edge").await;
    let answer = get(&edge, "/v1/jobTypes").await;
    assert_eq!((answer.status, answer.reason()), (401, "TOKEN_MISSING"));
    let args = ["edge", "check", "--upstream", &dev.address, "--reflection"];
    let checked = output(&mut command(folder.path(), &args)).await;
    let table = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success() && table.contains("/v1/jobTypes"),
        "{checked:?}"
    );
}

#[tokio::test]
async fn the_log_says_why_a_file_is_not_taken() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rules.yaml");
    std::fs::write(&file, "http: {}").unwrap();
    let log = folder.path().join("log");
    let args = [
        "edge",
        "--upstream",
        "http://127.0.0.1:1",
        "--service-config",
        "rules.yaml",
    ];
    let mut command = command(folder.path(), &args);
    command.stderr(std::fs::File::create(&log).unwrap());
    let edge = Process::start(command, "edge").await;
    std::fs::remove_file(&file).unwrap();
    edge.hang_up().await;
    let told = async {
        while !std::fs::read_to_string(&log)
            .unwrap()
            .contains("rules.yaml: No such file")
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(SOON, told).await.expect("nothing says why");
}
