//! Imports into real databases in a temporary folder.

use std::sync::Mutex;

use super::*;

fn job(id: &str) -> JobId {
    JobId::from(id.to_owned())
}

fn import(account: &str, emails: &[&str]) -> Import {
    let contact = |email: &&str| Contact {
        email: (*email).to_owned(),
        name: "Ada Marsh".to_owned(),
        phone: None,
    };
    Import {
        account: Account::try_from(account.to_owned()).unwrap(),
        reference: "autumn".to_owned(),
        contacts: emails.iter().map(contact).collect(),
    }
}

async fn run(shards: &Shards, job_id: &str, import: &Import) -> Counts {
    shards
        .open(&import.account)
        .await
        .unwrap()
        .import(&job(job_id), import, |_| true)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_contact_that_is_there_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let shards = Shards::new(dir.path().join("shards"));
    let first = run(
        &shards,
        "job_1",
        &import("north", &["a@example.com", "b@example.com", "a@example.com"]),
    )
    .await;
    assert_eq!(
        first,
        Counts {
            inserted: 2,
            skipped: 1
        }
    );
    let second = run(
        &shards,
        "job_2",
        &import("north", &["b@example.com", "c@example.com"]),
    )
    .await;
    assert_eq!(
        second,
        Counts {
            inserted: 1,
            skipped: 1
        }
    );
    run(&shards, "job_3", &import("south", &["a@example.com"])).await;
    assert_eq!(
        count(&shards.dir).await.unwrap(),
        BTreeMap::from([("north".to_owned(), 3), ("south".to_owned(), 1)])
    );
}

#[tokio::test]
async fn a_job_that_comes_again_tells_what_it_did_the_first_time() {
    let dir = tempfile::tempdir().unwrap();
    let shards = Shards::new(dir.path().to_owned());
    let import = import("north", &["a@example.com", "b@example.com", "a@example.com"]);
    let first = run(&shards, "job_1", &import).await;
    assert_eq!(run(&shards, "job_1", &import).await, first);
    assert_eq!(count(&shards.dir).await.unwrap()["north"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn executions_at_the_same_time_insert_once_and_tell_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let shards = Shards::new(dir.path().to_owned());
    let import = import("north", &["a@example.com", "b@example.com"]);
    let (a, b, c) = tokio::join!(
        run(&shards, "job_1", &import),
        run(&shards, "job_1", &import),
        run(&shards, "job_2", &import)
    );
    assert_eq!(a, b);
    assert_eq!(a.inserted + c.inserted, 2);
    assert_eq!(count(&shards.dir).await.unwrap()["north"], 2);
}

#[tokio::test]
async fn an_import_that_is_dropped_midway_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let shards = Shards::new(dir.path().to_owned());
    let emails: Vec<String> = (0..250).map(|number| format!("c{number}@example.com")).collect();
    let import = import("north", &emails.iter().map(String::as_str).collect::<Vec<_>>());
    let (half, reached) = tokio::sync::oneshot::channel();
    let half = Mutex::new(Some(half));
    let progress = |completed| {
        if completed == 200 {
            half.lock().unwrap().take().unwrap().send(()).unwrap();
        }
        true
    };
    let (shard, job_id) = (shards.open(&import.account).await.unwrap(), job("job_1"));
    tokio::select! {
        biased;
        _ = reached => {}
        _ = shard.import(&job_id, &import, progress) => panic!("it ended before it was dropped"),
    }
    assert_eq!(count(&shards.dir).await.unwrap()["north"], 0);
    assert_eq!(
        run(&shards, "job_1", &import).await,
        Counts {
            inserted: 250,
            skipped: 0
        }
    );
}

#[tokio::test]
async fn an_import_that_is_asked_to_stop_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let shards = Shards::new(dir.path().to_owned());
    let emails: Vec<String> = (0..250).map(|number| format!("c{number}@example.com")).collect();
    let import = import("north", &emails.iter().map(String::as_str).collect::<Vec<_>>());
    // Even at the last step, which comes before the commit.
    for last in [100, 250] {
        let shard = shards.open(&import.account).await.unwrap();
        let stopped = shard
            .import(&job("job_1"), &import, |completed| completed < last)
            .await;
        assert!(matches!(stopped, Err(Error::Stopped)));
        assert_eq!(count(&shards.dir).await.unwrap()["north"], 0);
    }
}

#[tokio::test]
async fn progress_goes_to_everything_in_steps() {
    let dir = tempfile::tempdir().unwrap();
    let shards = Shards::new(dir.path().to_owned());
    let emails: Vec<String> = (0..250).map(|number| format!("c{number}@example.com")).collect();
    let import = import("north", &emails.iter().map(String::as_str).collect::<Vec<_>>());
    let told = Mutex::new(Vec::new());
    let shard = shards.open(&import.account).await.unwrap();
    shard
        .import(&job("job_1"), &import, |completed| {
            told.lock().unwrap().push(completed);
            true
        })
        .await
        .unwrap();
    assert_eq!(*told.lock().unwrap(), [100, 200, 250]);
}

#[tokio::test]
async fn a_folder_that_is_not_there_has_no_contacts() {
    let dir = tempfile::tempdir().unwrap();
    assert!(count(dir.path().join("none")).await.unwrap().is_empty());
}

/// Two names for one file, as on a file system that does not tell upper from lower case.
#[tokio::test]
async fn an_account_whose_file_is_that_of_another_account_gets_nothing_into_it() {
    let dir = tempfile::tempdir().unwrap();
    let shards = Shards::new(dir.path().to_owned());
    run(&shards, "job_1", &import("north", &["a@example.com"])).await;
    std::os::unix::fs::symlink(dir.path().join("north.sqlite"), dir.path().join("second.sqlite")).unwrap();
    let other = import("second", &["b@example.com"]);
    let shard = shards.open(&other.account).await.unwrap();
    let refused = shard.import(&job("job_2"), &other, |_| true).await;
    assert!(
        matches!(&refused, Err(Error::OtherAccount { owner, .. }) if owner == "north"),
        "{refused:?}"
    );
    assert_eq!(count(&shards.dir).await.unwrap()["north"], 1);
}

#[tokio::test]
async fn an_import_of_no_contacts_makes_a_shard_without_any() {
    let dir = tempfile::tempdir().unwrap();
    let shards = Shards::new(dir.path().to_owned());
    assert_eq!(
        run(&shards, "job_1", &import("A.b_c", &[])).await,
        Counts::default()
    );
    assert_eq!(
        count(&shards.dir).await.unwrap(),
        BTreeMap::from([("A.b_c".to_owned(), 0)])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_programs_that_make_a_shard_at_the_same_time_all_get_it() {
    let dir = tempfile::tempdir().unwrap();
    for account in 0..20 {
        let mut programs = tokio::task::JoinSet::new();
        for program in 0..8 {
            let shards = Shards::new(dir.path().to_owned());
            let import = import(&format!("account-{account}"), &["a@example.com"]);
            programs.spawn(async move { run(&shards, &format!("job_{program}"), &import).await });
        }
        let counts = programs.join_all().await;
        assert_eq!(counts.iter().map(|counts| counts.inserted).sum::<u32>(), 1);
    }
}
