//! Path, query and body become one message, or one list of violations.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::stage::Stage;

async fn listed(stage: &mut Stage, query: &str) -> Value {
    let answer = stage.get(&format!("/v1/books?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.body);
    stage.call().await.message
}

async fn refused(stage: &mut Stage, path: &str) -> Vec<(String, String)> {
    let answer = stage.get(path).await;
    assert!(stage.is_quiet(), "{path}");
    answer.violations()
}

fn one(field: &str, reason: &str) -> Vec<(String, String)> {
    vec![(field.to_owned(), reason.to_owned())]
}

#[tokio::test]
async fn query_parameters_have_proto_or_json_names() {
    let mut stage = Stage::new().await;
    assert_eq!(listed(&mut stage, "page_size=2").await, json!({"pageSize": 2}));
    assert_eq!(listed(&mut stage, "pageSize=2&&").await, json!({"pageSize": 2}));
    assert_eq!(listed(&mut stage, "page%53ize=%32").await, json!({"pageSize": 2}));
}

#[tokio::test]
async fn query_parameters_reach_nested_fields() {
    let mut stage = Stage::new().await;
    let message = listed(
        &mut stage,
        "like.title=a+b%2B&like.sequel.tags=x&like.sequel.tags=y",
    )
    .await;
    assert_eq!(
        message,
        json!({"like": {"title": "a b+", "sequel": {"tags": ["x", "y"]}}})
    );
}

#[tokio::test]
async fn repeated_fields_take_a_parameter_each_and_enums_names_or_numbers() {
    let mut stage = Stage::new().await;
    let message = listed(&mut stage, "genres=GENRE_NOVEL&tags=a&genres=2&tags=b,c").await;
    assert_eq!(
        message,
        json!({"genres": ["GENRE_NOVEL", "GENRE_POEMS"], "tags": ["a", "b,c"]})
    );
    assert_eq!(
        refused(&mut stage, "/v1/books?genres=1&tags=a&genres=GENRE_NONE&tags=%ff").await,
        [
            one("/genres/1", "UNKNOWN_ENUM_VALUE"),
            one("/tags/1", "INVALID_VALUE")
        ]
        .concat()
    );
}

#[tokio::test]
async fn bytes_come_in_both_alphabets() {
    let mut stage = Stage::new().await;
    for text in ["-_8=", "%2B%2F8=", "-_8", "%2b/8"] {
        assert_eq!(
            listed(&mut stage, &format!("cover={text}")).await,
            json!({"cover": "+/8="}),
            "{text}"
        );
    }
}

#[tokio::test]
async fn well_known_types_have_string_forms() {
    let mut stage = Stage::new().await;
    let query = "publishedAfter=2026-11-23T10:00:00.5Z&readMask=title,publishedAfter&lent=true&youngerThan=1.5s\
                 &isbn=18446744073709551615&weight=0.25";
    let message = listed(&mut stage, query).await;
    let expected = json!({
        "publishedAfter": "2026-11-23T10:00:00.500Z",
        "readMask": "title,publishedAfter",
        "lent": true,
        "youngerThan": "1.500s",
        "isbn": "18446744073709551615",
        "weight": 0.25,
    });
    assert_eq!(message, expected);
}

#[tokio::test]
async fn an_unknown_query_parameter_is_refused_at_its_pointer() {
    let mut stage = Stage::new().await;
    for (query, field) in [
        ("nothing=1", "/nothing"),
        ("like.nothing=1", "/like/nothing"),
        ("pageSize.x=1", "/pageSize/x"),
        ("a%2Fb=1", "/a~1b"),
        ("=1", "/"),
    ] {
        let violations = refused(&mut stage, &format!("/v1/books?{query}")).await;
        assert_eq!(violations, one(field, "UNKNOWN_FIELD"), "{query}");
    }
}

#[tokio::test]
async fn a_singular_field_given_twice_is_refused() {
    let mut stage = Stage::new().await;
    for query in ["pageSize=1&pageSize=1", "pageSize=1&page_size=2"] {
        assert_eq!(
            refused(&mut stage, &format!("/v1/books?{query}")).await,
            one("/pageSize", "DUPLICATE_FIELD")
        );
    }
    let violations = refused(&mut stage, "/v1/books?like.title=a&like.title=b").await;
    assert_eq!(violations, one("/like/title", "DUPLICATE_FIELD"));
}

#[tokio::test]
async fn two_members_of_a_oneof_are_refused() {
    let mut stage = Stage::new().await;
    let violations = refused(&mut stage, "/v1/books?author=a&editor=").await;
    assert_eq!(violations, one("/editor", "ONEOF_CONFLICT"));
    let violations = refused(&mut stage, "/v1/books?like.shelf=a&like.crate=0").await;
    assert_eq!(violations, one("/like/crate", "ONEOF_CONFLICT"));
}

#[tokio::test]
async fn a_path_beside_another_member_of_its_oneof_is_refused() {
    let mut stage = Stage::new().await;
    let answer = stage.post("/v1/crates/7", r#"{"book":{"shelf":"a"}}"#).await;
    assert_eq!(answer.violations(), one("/book/crate", "ONEOF_CONFLICT"));
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn values_that_do_not_fit_are_refused_all_at_once() {
    let mut stage = Stage::new().await;
    let path = "/v1/pages/x/books?pageSize=a&genres=NONE&publishedAfter=yesterday&nothing=1&like=x";
    let mut fields: Vec<_> = refused(&mut stage, path)
        .await
        .into_iter()
        .map(|(field, _)| field)
        .collect();
    fields.sort();
    assert_eq!(
        fields,
        [
            "/genres/0",
            "/like",
            "/nothing",
            "/pageSize",
            "/pages",
            "/publishedAfter"
        ]
    );
}

#[tokio::test]
async fn maps_and_messages_are_no_query_parameters() {
    let mut stage = Stage::new().await;
    for name in ["labels", "like"] {
        assert_eq!(
            refused(&mut stage, &format!("/v1/books?{name}=a")).await.len(),
            1,
            "{name}"
        );
    }
}

#[tokio::test]
async fn path_and_query_may_say_the_same_and_nothing_else() {
    let mut stage = Stage::new().await;
    assert_eq!(stage.get("/v1/pages/7/books?pages=7").await.status, 200);
    assert_eq!(stage.call().await.message, json!({"pages": 7}));
    for query in ["pages=8", "pages=0"] {
        assert_eq!(
            refused(&mut stage, &format!("/v1/pages/7/books?{query}")).await,
            one("/pages", "CONFLICT")
        );
    }
    assert_eq!(
        refused(&mut stage, "/v1/pages/0/books?pages=8").await,
        one("/pages", "CONFLICT")
    );
}

#[tokio::test]
async fn path_and_body_may_say_the_same_and_nothing_else() {
    let mut stage = Stage::new().await;
    for (path, body) in [
        ("/v1/requests/r1", r#"{"requestId":"r1"}"#),
        ("/v1/requests/r1", r#"{"request_id":"r1"}"#),
        ("/v1/requests/r1", "{}"),
    ] {
        assert_eq!(stage.post(path, body).await.status, 200);
        assert_eq!(stage.call().await.message, json!({"requestId": "r1"}));
    }
    let answer = stage.post("/v1/requests/r1", r#"{"requestId":"r2"}"#).await;
    assert_eq!(answer.violations(), one("/requestId", "CONFLICT"));
    // Its default is not on the wire, but said all the same.
    let answer = stage
        .post("/v1/requests/r1", r#"{"book":{"pages":"0"},"requestId":""}"#)
        .await;
    assert_eq!(answer.violations(), one("/requestId", "CONFLICT"));
    for body in [r#"{"requestId":null}"#, r#"{"book":{"name":"requestId"}}"#] {
        assert_eq!(stage.post("/v1/requests/r1", body).await.status, 200, "{body}");
        stage.call().await;
    }
    let answer = stage
        .post("/v1/shelves/s1/books", r#"{"title":"x","shelf":"s2"}"#)
        .await;
    assert_eq!(answer.violations(), one("/book/shelf", "CONFLICT"));
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn a_body_of_one_field_is_that_field_alone() {
    let mut stage = Stage::new().await;
    assert_eq!(
        stage
            .post("/v1/shelves/s1/books?validateOnly=true", r#"{"title":"x"}"#)
            .await
            .status,
        200
    );
    let expected = json!({"book": {"title": "x", "shelf": "s1"}, "validateOnly": true});
    assert_eq!(stage.call().await.message, expected);
    assert_eq!(stage.post("/v1/tags", r#"["a","b"]"#).await.status, 200);
    assert_eq!(stage.call().await.message, json!({"tags": ["a", "b"]}));
    let answer = stage
        .post("/v1/shelves/s1/books?book.title=y", r#"{"title":"x"}"#)
        .await;
    assert_eq!(answer.violations(), one("/book/title", "CONFLICT"));
}

#[tokio::test]
async fn violations_in_a_field_point_into_the_whole_message() {
    let mut stage = Stage::new().await;
    let body = r#"{"pages":"many","nothing":1,"sequel":{"revision":true}}"#;
    let answer = stage.post("/v1/shelves/s1/books", body).await;
    let fields: Vec<_> = answer.violations().into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["/book/pages", "/book/nothing", "/book/sequel/revision"]);
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn a_whole_body_takes_no_query_parameters() {
    let mut stage = Stage::new().await;
    let answer = stage.post("/v1/books?validateOnly=true", "{}").await;
    assert_eq!(answer.violations(), one("/validateOnly", "UNKNOWN_FIELD"));
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn no_body_is_an_empty_message() {
    let mut stage = Stage::new().await;
    for path in ["/v1/books", "/v1/tags"] {
        assert_eq!(stage.client.send("POST", path, &[], "").await.status, 200);
        assert_eq!(stage.call().await.message, json!({}));
    }
    assert_eq!(
        stage
            .client
            .send(
                "POST",
                "/v1/shelves/s1/books",
                &[("content-type", "text/plain")],
                ""
            )
            .await
            .status,
        200
    );
    assert_eq!(stage.call().await.message, json!({"book": {"shelf": "s1"}}));
}

#[tokio::test]
async fn a_body_where_none_is_allowed_is_refused() {
    let mut stage = Stage::new().await;
    for method in ["GET", "DELETE"] {
        let answer = stage.client.send(method, "/v1/books/a", &[], "{}").await;
        assert_eq!(answer.violations(), one("", "UNEXPECTED_BODY"), "{method}");
        let message = "invalid request: this method takes no body";
        assert_eq!(answer.json()["error"]["message"], message);
    }
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn a_body_that_is_no_json_message_is_refused() {
    let mut stage = Stage::new().await;
    for (body, field, reason) in [
        ("{", "", "MALFORMED_JSON"),
        ("{} x", "", "MALFORMED_JSON"),
        (
            r#"{"requestId":"a","request_id":"a"}"#,
            "/requestId",
            "DUPLICATE_FIELD",
        ),
        (r#"{"requestId":1}"#, "/requestId", "WRONG_TYPE"),
        (r#"{"nothing":1}"#, "/nothing", "UNKNOWN_FIELD"),
        (
            r#"{"book":{"shelf":"a","crate":1}}"#,
            "/book/crate",
            "ONEOF_CONFLICT",
        ),
        (
            r#"{"book":{"extra":{"n":9007199254740992}}}"#,
            "/book/extra/n",
            "UNSAFE_INTEGER",
        ),
    ] {
        let violations = stage.post("/v1/books", body).await.violations();
        assert_eq!(violations.len(), 1, "{body}");
        assert_eq!(violations[0].1, reason, "{body}");
        if reason != "DUPLICATE_FIELD" {
            assert_eq!(violations[0].0, field, "{body}");
        }
    }
    assert!(stage.is_quiet());
}

#[tokio::test]
async fn many_violations_are_counted_and_the_status_stays_small() {
    let stage = Stage::new().await;
    let query: Vec<_> = (0..1_500).map(|index| format!("nothing{index:020}=1")).collect();
    let answer: Answer = stage.get(&format!("/v1/books?{}", query.join("&"))).await;
    assert_eq!(answer.error().2, "INVALID_REQUEST");
    let details = answer.json()["error"]["details"].clone();
    assert_eq!(details[0]["metadata"]["violationsTotal"], "100");
    let told = details[1]["fieldViolations"].as_array().unwrap().len();
    assert!((20..100).contains(&told), "{told}");
    assert!(answer.body.len() < 6 << 10, "{}", answer.body.len());
}

#[tokio::test]
async fn a_name_that_is_too_deep_is_refused() {
    let mut stage = Stage::new().await;
    let name = format!("like{}.title=x", ".sequel".repeat(5_000));
    assert_eq!(
        refused(&mut stage, &format!("/v1/books?{name}")).await,
        one("", "TOO_DEEP")
    );
}
