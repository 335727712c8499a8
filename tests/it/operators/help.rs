//! What the commands say of themselves: read by people under stress, so each change of it is looked at.

use crate::process::{command, output};

#[tokio::test]
async fn the_commands_of_operators_say_what_they_do() {
    let folder = tempfile::tempdir().unwrap();
    for (name, args) in [
        ("jobs", vec!["jobs", "--help"]),
        ("jobs_end", vec!["jobs", "end", "--help"]),
        ("queues", vec!["queues", "--help"]),
        ("quarantine", vec!["quarantine", "--help"]),
    ] {
        let shown = output(&mut command(folder.path(), &args)).await;
        insta::assert_snapshot!(name, String::from_utf8(shown.stdout).unwrap());
    }
}
