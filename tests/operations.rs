//! What operators are given besides the program: dashboard and alert rules name metrics that there are, and each alert has its paragraph.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

const METRICS: &str = include_str!("../docs/metrics.md");
const OPERATIONS: &str = include_str!("../docs/operations.md");
const ALERTS: &str = include_str!("../deploy/prometheus/alerts.yaml");
const DASHBOARD: &str = include_str!("../deploy/grafana/postern.json");

/// The metrics that a text names, without what the parts of a histogram add.
fn metrics(text: &str) -> BTreeSet<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c: char| !is_name(c))
        .filter(|word| word.starts_with("postern_") || word.starts_with("process_"))
        .map(|word| {
            let part = ["_bucket", "_sum", "_count"]
                .into_iter()
                .find_map(|part| word.strip_suffix(part));
            part.unwrap_or(word).to_owned()
        })
        .collect()
}

#[test]
fn alerts_and_dashboard_name_metrics_that_are_documented() {
    let documented = metrics(METRICS);
    let expressions = expressions(&serde_json::from_str(DASHBOARD).unwrap());
    assert!(expressions.len() > 20, "{expressions:?}");
    for (what, text) in [("alerts", ALERTS), ("dashboard", &expressions.join("\n"))] {
        let unknown: Vec<_> = metrics(text).difference(&documented).cloned().collect();
        assert!(unknown.is_empty(), "{what}: {unknown:?}");
    }
}

/// Whoever looks at the dashboard finds what there is.
#[test]
fn the_dashboard_leaves_nothing_out() {
    let shown = metrics(&expressions(&serde_json::from_str(DASHBOARD).unwrap()).join("\n"));
    let left_out: Vec<_> = metrics(METRICS).difference(&shown).cloned().collect();
    assert!(left_out.is_empty(), "{left_out:?}");
}

#[test]
fn every_alert_has_its_paragraph_and_every_paragraph_its_alert() {
    let after = |text: &'static str, start: &'static str| -> Vec<&'static str> {
        text.lines()
            .filter_map(|line| line.trim_start().strip_prefix(start))
            .collect()
    };
    let alerts = after(ALERTS, "- alert: ");
    let anchors = after(ALERTS, "runbook_url: docs/operations.md#");
    let paragraphs = after(OPERATIONS, "### Postern").into_iter();
    let paragraphs: BTreeSet<_> = paragraphs.map(|name| format!("Postern{name}")).collect();
    assert_eq!(
        alerts
            .iter()
            .map(|alert| alert.to_lowercase())
            .collect::<Vec<_>>(),
        anchors
    );
    assert_eq!(
        alerts
            .iter()
            .map(|alert| (*alert).to_owned())
            .collect::<BTreeSet<_>>(),
        paragraphs
    );
}

/// Every `expr` of a dashboard.
fn expressions(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match value.as_str() {
                Some(text) if name == "expr" => vec![text.to_owned()],
                _ => expressions(value),
            })
            .collect(),
        serde_json::Value::Array(items) => items.iter().flat_map(expressions).collect(),
        serde_json::Value::Null
        | serde_json::Value::Bool(_)
        | serde_json::Value::Number(_)
        | serde_json::Value::String(_) => Vec::new(),
    }
}
