//! Lists: pages, filters, tokens that hold for nothing else.

use serde_json::{Value, json};

use crate::world::{World, request};

fn ids(list: &Value) -> Vec<&str> {
    list["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["jobId"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_are_newest_first_and_together_hold_every_job_once() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let mut submitted = Vec::new();
    for number in 0..5 {
        let job = rest.submit(&request(&format!("r-{number}"))).await;
        submitted.insert(0, job["jobId"].as_str().unwrap().to_owned());
    }
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let page = rest
            .get(&format!("/v1/jobs?pageSize=2&pageToken={token}"))
            .await
            .body;
        listed.extend(ids(&page).into_iter().map(str::to_owned));
        token = page["nextPageToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            break;
        }
    }
    // Two submitted within a millisecond may change places.
    listed.sort();
    submitted.sort();
    assert_eq!(listed, submitted);
    world.stop().await;
}

#[tokio::test]
async fn a_page_token_holds_for_its_partner_and_filter_alone() {
    let world = World::start().await;
    let rest = world.rest("acme");
    for number in 0..2 {
        rest.submit(&request(&format!("r-{number}"))).await;
    }
    let page = rest.get("/v1/jobs?pageSize=1").await.body;
    let token = page["nextPageToken"].as_str().unwrap();
    assert_eq!(
        ids(&rest
            .get(&format!("/v1/jobs?pageSize=7&pageToken={token}"))
            .await
            .body)
        .len(),
        1
    );
    let others = world.rest("globex").get("/v1/jobs").await.body;
    assert_eq!(ids(&others), [""; 0], "another partner's jobs are in no list");
    let foreign = [
        rest.get(&format!("/v1/jobs?jobType=contacts.import&pageToken={token}"))
            .await,
        rest.get(&format!("/v1/jobTypes?pageToken={token}")).await,
        rest.get(&format!("/v1/jobs?pageToken={token}x")).await,
        world
            .rest("globex")
            .get(&format!("/v1/jobs?pageToken={token}"))
            .await,
    ];
    for answer in foreign {
        assert_eq!((answer.status, answer.reason()), (400, "PAGE_TOKEN_INVALID"));
    }
    world.stop().await;
}

#[tokio::test]
async fn filters_must_all_hold_and_results_are_left_out() {
    let world = World::start().await;
    let (rest, consumer) = (world.rest("acme"), world.consumer().await);
    let mut labelled = request("r-1");
    labelled["labels"] = json!({"team": "crm"});
    let labelled = rest.submit(&labelled).await;
    let task = consumer.task().await;
    consumer
        .send(&task.outcome_with("SUCCEEDED", &json!({"result": {"inserted": 1}})))
        .await;
    rest.until(labelled["jobId"].as_str().unwrap(), "JOB_STATE_SUCCEEDED")
        .await;
    rest.submit(&request("r-2")).await;
    let list = async |query: &str| rest.get(&format!("/v1/jobs?{query}")).await.body;
    let both = list("labels=team%3Dcrm&states=JOB_STATE_SUCCEEDED").await;
    assert_eq!(ids(&both), [labelled["jobId"].as_str().unwrap()]);
    assert_eq!(both["jobs"][0].get("result"), None);
    assert_eq!(
        ids(&list("labels=team%3Dcrm&states=JOB_STATE_FAILED").await),
        [""; 0]
    );
    assert_eq!(
        ids(&list("states=JOB_STATE_QUEUED&states=JOB_STATE_SUCCEEDED").await).len(),
        2
    );
    assert_eq!(ids(&list("createdAfter=2100-01-01T00:00:00Z").await), [""; 0]);
    assert_eq!(ids(&list("createdBefore=2100-01-01T00:00:00Z").await).len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn every_fault_of_a_filter_is_told_at_once() {
    let world = World::start().await;
    let answer = world
        .rest("acme")
        .get("/v1/jobs?pageSize=-1&labels=team&states=JOB_STATE_UNSPECIFIED")
        .await;
    assert_eq!((answer.status, answer.reason()), (400, "INVALID_REQUEST"));
    let fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["/pageSize", "/states/0", "/labels/0"]);
    world.stop().await;
}

#[tokio::test]
async fn the_catalog_tells_what_may_be_submitted() {
    let world = World::start().await;
    let rest = world.rest("acme");
    let list = rest.get("/v1/jobTypes").await.body;
    let job_type = rest.get("/v1/jobTypes/contacts.import").await.body;
    assert_eq!(list["jobTypes"], json!([job_type]));
    assert_eq!(job_type["payloadBytesMax"], 786_432);
    assert_eq!(
        job_type["uniqueConstraints"],
        json!([{"name": "reference", "pointers": ["/reference"]}])
    );
    assert_eq!(
        (&job_type["queueTimeout"], &job_type["executionTimeout"]),
        (&json!("604800s"), &json!("3600s"))
    );
    assert_eq!(job_type["payloadSchema"]["type"], "object");
    let example = rest
        .post("/v1/jobTypes/contacts.import/jobs", &job_type["examples"][0])
        .await;
    assert_eq!(example.status, 202);
    let unknown = rest.get("/v1/jobTypes/nope").await;
    assert_eq!((unknown.status, unknown.reason()), (404, "JOB_TYPE_NOT_FOUND"));
    world.stop().await;
}
