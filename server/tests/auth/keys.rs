//! Where keys come from, how often an issuer is asked for them, and what happens while it does not answer.

use std::time::Duration;

use axum::http::StatusCode;
use futures::future::join_all;
use postern_issuer::SigningKey;
use postern_server::auth::Error;
use serde_json::{Value, json};

use crate::key_server::KeyServer;
use crate::world::{World, claims, first_key, pass, second_key};

const COOL_DOWN: Duration = Duration::from_secs(10);
const DAY: Duration = Duration::from_hours(24);

fn token(key: &SigningKey, server: &KeyServer) -> String {
    key.sign(&claims(&server.url, &json!({})))
}

fn tokens(key: &SigningKey, server: &KeyServer, count: usize) -> Vec<String> {
    (0..count)
        .map(|number| key.sign(&claims(&server.url, &json!({"jti": number}))))
        .collect()
}

/// Until the loop has asked once more and knows the answer.
async fn until_refuses(world: &World, token: &str) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while world.check(token).await.is_ok() {
        assert!(std::time::Instant::now() < deadline, "the token still counts");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn keys_are_asked_for_once() {
    let key = first_key();
    let (world, server) = World::with_keys(&[&key]).await;
    for token in tokens(&key, &server, 20) {
        world.check(&token).await.unwrap();
    }
    assert_eq!(server.asked(), 1);
    world.stop().await;
}

#[tokio::test]
async fn keys_are_asked_for_every_five_minutes() {
    let key = first_key();
    let (world, server) = World::with_keys(&[&key]).await;
    world.check(&token(&key, &server)).await.unwrap();
    pass(Duration::from_mins(5)).await;
    server.asked_times(2).await;
    world.stop().await;
}

#[tokio::test]
async fn a_new_key_counts_from_its_first_token_on() {
    let (old, new) = (first_key(), second_key());
    let (world, server) = World::with_keys(&[&old]).await;
    world.check(&token(&old, &server)).await.unwrap();
    server.publish(&[&old, &new]);
    pass(COOL_DOWN).await;
    world.check(&token(&new, &server)).await.unwrap();
    world.check(&token(&old, &server)).await.unwrap();
    assert_eq!(server.asked(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_hundred_callers_with_a_new_key_cause_one_question() {
    let (old, new) = (first_key(), second_key());
    let (world, server) = World::with_keys(&[&old]).await;
    world.check(&token(&old, &server)).await.unwrap();
    server.publish(&[&old, &new]);
    pass(COOL_DOWN).await;
    server.hold();
    let tokens = tokens(&new, &server, 100);
    let callers = join_all(tokens.iter().map(|token| world.check(token)));
    let (callers, ()) = tokio::join!(callers, async {
        server.asked_times(2).await;
        server.let_go();
    });
    assert!(callers.iter().all(Result::is_ok));
    assert_eq!(server.asked(), 2);
    world.stop().await;
}

#[tokio::test]
async fn made_up_keys_are_not_asked_for_during_the_cool_down() {
    let (known, unknown) = (first_key(), second_key());
    let (world, server) = World::with_keys(&[&known]).await;
    world.check(&token(&known, &server)).await.unwrap();
    for token in tokens(&unknown, &server, 20) {
        assert!(world.refuses(&token).await);
    }
    assert_eq!(server.asked(), 1);
    pass(COOL_DOWN).await;
    for token in tokens(&unknown, &server, 20) {
        assert!(world.refuses(&token).await);
    }
    assert_eq!(server.asked(), 2);
    world.stop().await;
}

#[tokio::test]
async fn a_caller_who_goes_away_takes_no_question_along() {
    let key = first_key();
    let (world, server) = World::with_keys(&[&key]).await;
    server.hold();
    let token = token(&key, &server);
    tokio::select! {
        _ = world.check(&token) => panic!("there is no answer yet"),
        () = server.asked_times(1) => {}
    }
    let (caller, ()) = tokio::join!(world.check(&token), async { server.let_go() });
    assert!(caller.is_ok());
    assert_eq!(server.asked(), 1);
    world.stop().await;
}

#[tokio::test]
async fn a_key_that_was_taken_back_counts_no_more_even_for_known_tokens() {
    let (old, new) = (first_key(), second_key());
    let (world, server) = World::with_keys(&[&old, &new]).await;
    let known = token(&old, &server);
    world.check(&known).await.unwrap();
    server.publish(&[&new]);
    pass(Duration::from_mins(5)).await;
    until_refuses(&world, &known).await;
    assert!(world.refuses(&known).await);
    world.check(&token(&new, &server)).await.unwrap();
    world.stop().await;
}

#[tokio::test]
async fn a_key_that_took_the_id_of_another_does_not_vouch_for_its_tokens() {
    let (old, new) = (first_key(), second_key());
    let (world, server) = World::with_keys(&[&old]).await;
    let known = token(&old, &server);
    world.check(&known).await.unwrap();
    let mut jwk = new.jwk();
    jwk["kid"] = old.id().into();
    server.answer(StatusCode::OK, &json!({"keys": [jwk]}).to_string());
    pass(Duration::from_mins(5)).await;
    until_refuses(&world, &known).await;
    assert!(world.refuses(&known).await);
    world.stop().await;
}

#[tokio::test]
async fn an_issuer_that_was_down_is_asked_again_soon() {
    let key = first_key();
    let (world, server) = World::with_keys(&[&key]).await;
    server.answer(StatusCode::SERVICE_UNAVAILABLE, "");
    let token = token(&key, &server);
    assert_eq!(world.check(&token).await, Err(Error::IssuerUnavailable));
    server.publish(&[&key]);
    pass(Duration::from_secs(1)).await;
    assert!(world.check(&token).await.is_ok());
    assert_eq!(server.asked(), 2);
    world.stop().await;
}

#[tokio::test]
async fn known_keys_count_for_a_day_while_the_issuer_is_down() {
    let (known, unknown) = (first_key(), second_key());
    let (world, server) = World::with_keys(&[&known]).await;
    world.check(&token(&known, &server)).await.unwrap();
    server.answer(StatusCode::SERVICE_UNAVAILABLE, "");
    pass(DAY - Duration::from_mins(1)).await;
    server.asked_times(2).await;
    assert!(world.check(&token(&known, &server)).await.is_ok());
    // It may be a new one: nobody can say.
    assert_eq!(
        world.check(&token(&unknown, &server)).await,
        Err(Error::IssuerUnavailable)
    );
    pass(Duration::from_mins(1)).await;
    assert_eq!(
        world.check(&token(&known, &server)).await,
        Err(Error::IssuerUnavailable)
    );
    server.publish(&[&known]);
    pass(COOL_DOWN).await;
    assert!(world.check(&token(&known, &server)).await.is_ok());
    world.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_no_key_set_is_none() {
    let key = first_key();
    let set = json!({"keys": [key.jwk()], "pad": "x".repeat(256 * 1024)}).to_string();
    for (status, body) in [
        (StatusCode::OK, set.as_str()),
        (StatusCode::OK, "not JSON"),
        (StatusCode::OK, r#"{"keys":[]}"#),
        (StatusCode::FOUND, ""),
        (StatusCode::NOT_FOUND, "{}"),
    ] {
        let (world, server) = World::with_keys(&[&key]).await;
        server.answer(status, body);
        assert_eq!(
            world.check(&token(&key, &server)).await,
            Err(Error::IssuerUnavailable),
            "{status}"
        );
        world.stop().await;
    }
}

#[tokio::test]
async fn a_configuration_that_leads_elsewhere_is_not_followed() {
    let key = first_key();
    for change in [
        json!({"issuer": "https://issuer.example"}),
        json!({"issuer": null}),
        json!({"jwks_uri": null}),
        json!({"jwks_uri": "http://issuer.example/jwks"}),
        json!({"jwks_uri": "https://127.0.0.1:1/jwks"}),
        json!({"jwks_uri": "file:///etc/passwd"}),
    ] {
        let (world, server) = World::with_keys(&[&key]).await;
        server.configure(&change);
        assert_eq!(
            world.check(&token(&key, &server)).await,
            Err(Error::IssuerUnavailable),
            "{change}"
        );
        world.stop().await;
    }
}

#[tokio::test]
async fn an_issuer_that_never_answers_is_given_up() {
    let key = first_key();
    let (world, server) = World::with_keys(&[&key]).await;
    server.hold();
    let token = token(&key, &server);
    let (caller, ()) = tokio::join!(world.check(&token), async {
        server.asked_times(1).await;
        // Nothing but clocks can wake anybody from here on.
        tokio::time::pause();
    });
    assert_eq!(caller, Err(Error::IssuerUnavailable));
    tokio::time::resume();
    world.stop().await;
}

#[tokio::test]
async fn without_the_loop_nobody_is_let_in() {
    let key = first_key();
    let (world, server) = World::with_keys(&[&key]).await;
    let authenticator = world.authenticator.clone();
    world.stop().await;
    let header = format!("Bearer {}", token(&key, &server));
    assert_eq!(
        authenticator.authenticate(Some(&header)).await,
        Err(Error::IssuerUnavailable)
    );
}

#[tokio::test]
async fn other_keys_in_the_set_do_no_harm() {
    let key = first_key();
    let (world, server) = World::with_keys(&[]).await;
    let others: [Value; 3] = [json!({"kty": "EC", "kid": "ec"}), json!({"kid": 1}), json!("x")];
    let keys: Vec<Value> = others.into_iter().chain([key.jwk()]).collect();
    server.answer(StatusCode::OK, &json!({"keys": keys}).to_string());
    assert!(world.check(&token(&key, &server)).await.is_ok());
    world.stop().await;
}
