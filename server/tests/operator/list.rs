//! Jobs of all partners by filter and in pages.

use postern_proto::postern::admin::v1::admin_service_server::AdminService as _;
use postern_proto::postern::admin::v1::{JobFilter, ListJobsRequest};
use postern_server::job::{DeadLetterPolicy, Event, JobId, PartnerId, State};
use postern_server::store::operator::{Condition, Filter};

use crate::world::{World, at, by_jane, on_both, reason, violations};

on_both! {
    jobs_of_all_partners_are_listed_newest_first,
    every_filter_that_is_set_must_hold,
    each_condition_has_its_jobs,
    pages_hold_every_job_once_and_their_tokens_fit_no_other_filter,
    all_that_is_wrong_with_a_filter_is_told_at_once,
}

async fn jobs_of_all_partners_are_listed_newest_first(world: World) {
    let first = world.submit_as("acme", "a.b").await;
    let second = world.submit_as("globex", "a.b").await;
    assert_eq!(found(&world, &Filter::default()).await, [second, first]);
}

async fn every_filter_that_is_set_must_hold(world: World) {
    let first = world.submit_as("acme", "a.b").await;
    let second = world.submit_as("globex", "a.b").await;
    let third = world.submit_as("acme", "c.d").await;
    world.tell(first, Event::Started, 100).await;
    let filter = |set: fn(&mut Filter)| {
        let mut filter = Filter::default();
        set(&mut filter);
        filter
    };
    for (filter, expected) in [
        (filter(|any| any.partner = acme()), vec![third, first]),
        (filter(|any| any.job_type = ab()), vec![second, first]),
        (
            filter(|any| (any.partner, any.job_type) = (acme(), ab())),
            vec![first],
        ),
        (filter(|any| any.states = vec![State::Running]), vec![first]),
        (
            filter(|any| any.states = State::ALL.to_vec()),
            vec![third, second, first],
        ),
        (filter(|any| any.states = vec![State::Failed]), vec![]),
        (filter(|any| any.created_after = Some(at(1))), vec![third, second]),
        (
            filter(|any| any.created_before = Some(at(3))),
            vec![second, first],
        ),
        (
            filter(|any| any.updated_before = Some(at(100))),
            vec![third, second],
        ),
    ] {
        assert_eq!(found(&world, &filter).await, expected, "{filter:?}");
    }
}

async fn each_condition_has_its_jobs(world: World) {
    let grace = DeadLetterPolicy::Fail { grace_millis: 10 };
    let (failing, held, late, running, sent) = (
        world.submit().await,
        world.submit().await,
        world.submit().await,
        world.submit().await,
        world.submit().await,
    );
    world.send(10).await;
    let sending = world.submit().await;
    world.claim(10).await;
    let unsent = world.submit().await;
    world.bury(failing, grace, 20).await;
    world.bury(held, DeadLetterPolicy::Hold, 20).await;
    world.tell(running, Event::Started, 20).await;
    world.succeed(late, 20).await;
    world.bury(late, grace, 21).await;
    let unsent_again = world.submit().await;
    world.succeed(unsent_again, 22).await;
    world.tell(unsent_again, Event::Cancelled, 23).await;
    for (condition, expected) in [
        (Condition::Unsent, vec![unsent, sending]),
        (Condition::NotStarted, vec![sent, held, failing]),
        // Ten milliseconds for an outcome, one second for an execution, and ten for what waits in the queue.
        (Condition::Overdue, vec![running, failing]),
        (Condition::DeadLettered, vec![held, failing]),
        (Condition::Held, vec![held]),
        (Condition::Anomalous, vec![unsent_again, late]),
    ] {
        let filter = Filter {
            condition: Some(condition),
            ..Filter::default()
        };
        assert_eq!(found(&world, &filter).await, expected, "{condition:?}");
    }
}

async fn pages_hold_every_job_once_and_their_tokens_fit_no_other_filter(world: World) {
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, world.submit().await.to_string());
    }
    let (mut ids, mut request) = (
        Vec::new(),
        ListJobsRequest {
            page_size: 2,
            ..ListJobsRequest::default()
        },
    );
    loop {
        let page = world.admin.list_jobs(by_jane(request.clone())).await.unwrap();
        let page = page.into_inner();
        assert!(page.jobs.len() <= 2);
        ids.extend(page.jobs.into_iter().map(|job| job.job.unwrap().job_id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(ids, expected);
    request.filter = Some(JobFilter {
        partner_id: "acme".to_owned(),
        ..JobFilter::default()
    });
    let refused = world.admin.list_jobs(by_jane(request)).await.unwrap_err();
    assert_eq!(reason(&refused), "PAGE_TOKEN_INVALID");
}

async fn all_that_is_wrong_with_a_filter_is_told_at_once(world: World) {
    let request = ListJobsRequest {
        filter: Some(JobFilter {
            partner_id: "a\0".to_owned(),
            job_type: "\0".to_owned(),
            states: vec![2, 99],
            condition: 99,
            created_after: Some(prost_types::Timestamp {
                seconds: i64::MAX,
                nanos: 0,
            }),
            ..JobFilter::default()
        }),
        page_size: -1,
        page_token: String::new(),
    };
    let refused = world.admin.list_jobs(by_jane(request)).await.unwrap_err();
    let told = [
        ("/pageSize", "OUT_OF_RANGE"),
        ("/filter/partnerId", "INVALID_VALUE"),
        ("/filter/jobType", "INVALID_VALUE"),
        ("/filter/states/1", "INVALID_VALUE"),
        ("/filter/condition", "INVALID_VALUE"),
        ("/filter/createdAfter", "OUT_OF_RANGE"),
    ];
    assert_eq!(
        violations(&refused),
        told.map(|(field, reason)| (field.to_owned(), reason.to_owned()))
    );
}

fn acme() -> Option<PartnerId> {
    Some(PartnerId::new("acme"))
}

fn ab() -> Option<String> {
    Some("a.b".to_owned())
}

/// What a filter finds, two seconds after the epoch.
async fn found(world: &World, filter: &Filter) -> Vec<JobId> {
    let operator = world.store.operator();
    let jobs = operator.list(filter, None, 100, at(2_000)).await.unwrap();
    jobs.into_iter().map(|inspected| inspected.job.id).collect()
}
