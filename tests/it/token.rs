//! `postern token` of a configured issuer: from its name to a token that opens a door, and what is said when there is none.

use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::process::{command, output};
use crate::roles::real_issuer;
use crate::world::{SOON, install_crypto};

/// The command with an issuer, asked for as acme.
fn token(folder: &std::path::Path, issuer: &str, more: &[&str]) -> Command {
    let mut command = command(folder, &["token", "--issuer", issuer, "--client", "acme"]);
    command.args(more);
    command
}

fn said(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().unwrap(), text)
}

/// What a token says, without asking whether it is true.
fn claims(output: &Output) -> Value {
    use base64::Engine as _;
    let token = String::from_utf8(output.stdout.clone()).unwrap();
    assert_eq!(token.lines().count(), 1, "{output:?}");
    let claims = token.split('.').nth(1).unwrap();
    let claims = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(claims);
    serde_json::from_slice(&claims.unwrap()).unwrap()
}

#[tokio::test]
async fn an_issuer_gives_a_token_to_a_client_that_knows_its_secret() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let issuer = real_issuer().await;
    let mut asked = token(folder.path(), issuer.url(), &["--scope", "jobs/read"]);
    let given = output(asked.env("POSTERN_CLIENT_SECRET", "acme-secret")).await;
    let claims = claims(&given);
    assert_eq!(
        (&claims["iss"], &claims["client_id"], &claims["scope"]),
        (&issuer.url().into(), &"acme".into(), &"jobs/read".into())
    );
}

#[tokio::test]
async fn the_issuer_and_the_client_may_be_settings_and_the_secret_a_line() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let issuer = real_issuer().await;
    let settings = format!("issuer = \"{}\"\nclient_id = \"operator\"\n", issuer.url());
    std::fs::write(folder.path().join("postern.toml"), settings).unwrap();
    let mut child = command(folder.path(), &["token", "--secret-stdin"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"operator-secret\n").await.unwrap();
    drop(input);
    let given = tokio::time::timeout(SOON, child.wait_with_output())
        .await
        .unwrap();
    assert_eq!(claims(&given.unwrap())["client_id"], "operator");
}

#[tokio::test]
async fn why_there_is_no_token_is_told_by_words_and_exit_codes() {
    install_crypto();
    let folder = tempfile::tempdir().unwrap();
    let issuer = real_issuer().await;
    let nowhere = "http://127.0.0.1:1";
    let cases: [(&str, &[&str], &str, i32, &str); 7] = [
        (issuer.url(), &[], "wrong", 4, "invalid_client"),
        (
            issuer.url(),
            &["--scope", "jobs/admin"],
            "acme-secret",
            4,
            "invalid_scope",
        ),
        (issuer.url(), &[], "", 2, "POSTERN_CLIENT_SECRET"),
        (
            issuer.url(),
            &["--expires-in", "5s"],
            "acme-secret",
            2,
            "--expires-in",
        ),
        (nowhere, &[], "acme-secret", 3, nowhere),
        ("http://issuer.example", &[], "acme-secret", 2, "must be https"),
        (
            &format!("{}/", issuer.url()),
            &[],
            "acme-secret",
            1,
            "calls itself",
        ),
    ];
    for (issuer, more, secret, code, words) in cases {
        let mut asked = token(folder.path(), issuer, more);
        let (exit, text) = said(&output(asked.env("POSTERN_CLIENT_SECRET", secret)).await);
        assert_eq!(exit, code, "{issuer} {more:?}: {text}");
        assert!(text.contains(words), "{words} in {text}");
        assert!(!text.contains("acme-secret"), "{text}");
    }
}

#[tokio::test]
async fn every_shell_is_told_how_to_complete_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = output(&mut command(folder.path(), &["completions", shell])).await;
        let text = String::from_utf8(script.stdout).unwrap();
        for name in ["migrate", "completions", "secret-stdin"] {
            assert!(text.contains(name), "{name} for {shell}");
        }
    }
}
