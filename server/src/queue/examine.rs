//! How the queues would serve, for those who say what is wrong instead of starting.

use super::census::{Census, Counted, Role};
use super::client::connect;
use super::place::Place;
use super::setup::{Config, names};
use crate::meters::Requests;

/// Every queue of a server with these settings: how it is set up, or why it cannot serve. `named` are those of job types. Reads attributes,
/// and receives nothing.
pub async fn examine<'a>(config: &'a Config, named: impl IntoIterator<Item = &'a str>) -> Vec<Counted> {
    let client = connect(config.endpoint.as_deref(), &Requests::default()).await;
    let mut examined = Vec::new();
    let mut place = |role, queue: &str| {
        let place = Place::new(client.clone(), queue);
        place
            .map_err(|error| {
                examined.push(Counted {
                    name: queue.to_owned(),
                    role,
                    depth: Err(error),
                });
            })
            .ok()
    };
    let tasks: Vec<_> = names(config, named)
        .into_iter()
        .filter_map(|queue| place(Role::Tasks, queue))
        .collect();
    let results = place(Role::Outcomes, &config.results);
    examined.extend(Census::new(&config.jobs, &tasks, results.as_ref()).count().await);
    examined
}
