//! Whole lives of jobs under a queue that keeps no order: what consumers truly tell is shuffled, told twice, delayed past the end and mixed with
//! forgeries, and reaches the real `Collect` over HTTP while partners and consumers call the API. What must hold is looked at after every step.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod campaign;
#[path = "../sqs/endpoint.rs"]
mod endpoint;
mod world;

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use campaign::Campaign;
use futures::FutureExt as _;
use world::World;

const DISPATCHES: i32 = 3;
const SEEDS: u64 = 5;
const SOON: Duration = Duration::from_secs(30);

mod sqlite {
    #[tokio::test]
    async fn no_order_of_outcomes_shows_anything_untrue() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("test.sqlite").display());
        super::no_order_of_outcomes_shows_anything_untrue(&url).await;
    }
}

mod postgres {
    #[tokio::test]
    async fn no_order_of_outcomes_shows_anything_untrue() {
        super::no_order_of_outcomes_shows_anything_untrue(&postern_pgtest::database().unwrap()).await;
    }
}

async fn no_order_of_outcomes_shows_anything_untrue(url: &str) {
    let world = World::start(url).await;
    for seed in 1..=SEEDS {
        let campaign = AssertUnwindSafe(Campaign::new(&world, seed).run()).catch_unwind();
        if let Err(panic) = campaign.await {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            panic!("seed {seed}: {}", text.unwrap_or_default());
        }
    }
    world.stop().await;
}
