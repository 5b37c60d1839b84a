//! What the rules and the dashboard rest on, held against `docs/metrics.md`; the alerts, against
//! `docs/slo.md` and their tests; what Grafana is given, against `docker-compose.yml`.

use super::{quoted, read, rows};
use std::collections::{BTreeMap, BTreeSet};

const RULES: &str = "deploy/prometheus/rules.yml";
const RULES_TEST: &str = "deploy/prometheus/rules_test.yml";
const DASHBOARD: &str = "deploy/grafana/dashboards/cartwright.json";
const TABLES: [&str; 3] = ["## Everywhere", "## Over a file", "## Over a keyspace"];

/// The figures of these tables of the manual: name, type, labels.
pub fn listed(tables: &[&str]) -> BTreeSet<(String, String, Vec<String>)> {
    let text = read("docs/metrics.md");
    let rows = tables
        .iter()
        .flat_map(|table| rows(&text, table).split_off(1));
    let listed = rows.map(|row| {
        let labels = quoted(&row[2]).into_iter().map(str::to_owned);
        (
            quoted(&row[0])[0].to_owned(),
            row[1].clone(),
            labels.collect(),
        )
    });
    listed.collect()
}

/// The names of figures in a text.
fn named(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c| !is_part(c));
    let is_name = |word: &&str| {
        ["cartwright_", "cartwright:", "process_"]
            .iter()
            .any(|prefix| word.starts_with(prefix))
    };
    words.filter(is_name).collect()
}

/// The names under which the figures of the manual, and those of the rules, can be asked for.
fn askable() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (name, kind, _) in listed(&TABLES) {
        if kind == "histogram" {
            let parts = ["bucket", "count", "sum"].map(|part| format!("{name}_{part}"));
            names.extend(parts);
        } else {
            names.insert(name);
        }
    }
    names.extend(values(&read(RULES), "record"));
    names
}

/// The values of a key in YAML that has one line for each.
fn values(yaml: &str, key: &str) -> Vec<String> {
    let prefix = format!("{key}: ");
    let lines = yaml
        .lines()
        .map(|line| line.trim_start().trim_start_matches("- "));
    lines
        .filter_map(|line| line.strip_prefix(prefix.as_str()))
        .map(|value| value.trim_matches('"').to_owned())
        .collect()
}

#[test]
fn the_rules_and_the_dashboard_ask_for_what_there_is() {
    let askable = askable();
    for file in [RULES, RULES_TEST, DASHBOARD] {
        let text = read(file);
        let named = named(&text);
        assert!(named.len() > 10, "{file}");
        for name in named {
            assert!(askable.contains(name), "{file} names {name}");
        }
    }
}

#[test]
fn the_dashboard_shows_every_figure() {
    let text = read(DASHBOARD);
    let shown = named(&text);
    for (name, ..) in listed(&TABLES) {
        let parts = ["", "_bucket", "_count"].map(|part| format!("{name}{part}"));
        let is_shown = parts.iter().any(|part| shown.contains(part.as_str()));
        assert!(is_shown, "the dashboard lacks {name}");
    }
}

#[test]
fn the_alerts_are_those_that_are_described_and_tested() {
    let (rules, test, slo) = (read(RULES), read(RULES_TEST), read("docs/slo.md"));
    let severities = values(&rules, "labels");
    let severities = severities.iter().map(|labels| {
        let severity = labels.trim_matches(['{', '}', ' ']);
        severity.strip_prefix("severity: ").unwrap().to_owned()
    });
    let alerts: BTreeMap<_, _> = values(&rules, "alert")
        .into_iter()
        .zip(severities)
        .collect();
    let described = rows(&slo, "## Alerts").split_off(1);
    let described: BTreeMap<_, _> = described
        .iter()
        .map(|row| (quoted(&row[0])[0].to_owned(), row[1].clone()))
        .collect();
    assert_eq!(described, alerts);
    let fires = test.split("- alertname: ").skip(1);
    let fires = fires.filter(|case| case.contains("exp_alerts:"));
    let fires: BTreeSet<_> = fires.filter_map(|case| case.lines().next()).collect();
    let names: BTreeSet<_> = alerts.keys().map(String::as_str).collect();
    assert_eq!(fires, names, "each has a test in which it fires");
}

#[test]
fn each_alert_says_where_to_read_what_to_do() {
    let slo = read("docs/slo.md");
    let headings = slo.lines().filter_map(|line| line.strip_prefix("### "));
    let anchors: BTreeSet<_> = headings
        .map(|heading| {
            format!(
                "docs/slo.md#{}",
                heading.to_ascii_lowercase().replace(' ', "-")
            )
        })
        .collect();
    let runbooks = values(&read(RULES), "runbook");
    assert_eq!(runbooks.len(), values(&read(RULES), "alert").len());
    let used: BTreeSet<_> = runbooks.into_iter().collect();
    assert_eq!(used, anchors);
}

#[test]
fn grafana_finds_its_source_and_the_dashboard() {
    let compose = read("docker-compose.yml");
    let source = read("deploy/grafana/provisioning/datasources/prometheus.yml");
    assert_eq!(values(&source, "url"), ["http://prometheus:9090"]);
    assert!(compose.contains("\n  prometheus:\n"), "no such service");
    assert!(compose.contains("${PROMETHEUS_PORT:-9090}:9090\""));
    let uid = &values(&source, "uid")[0];
    let shown = serde_json::from_str::<serde_json::Value>(&read(DASHBOARD)).unwrap();
    let preset = &shown["templating"]["list"][0];
    assert_eq!(preset["type"], "datasource");
    assert_eq!(preset["current"]["value"], uid.as_str());

    let provider = read("deploy/grafana/provisioning/dashboards/cartwright.yml");
    let path = &values(&provider, "path")[0];
    for mount in [
        "./deploy/grafana/provisioning:/etc/grafana/provisioning:ro".to_owned(),
        format!("./deploy/grafana/dashboards:{path}:ro"),
    ] {
        assert!(compose.contains(&format!("- {mount}\n")), "{mount}");
    }
    let home = values(&compose, "GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH");
    assert_eq!(home, [format!("{path}/cartwright.json")]);
}

#[test]
fn a_name_is_found_in_an_expression() {
    let text = r#"{"expr": "rate(cartwright_a_total{x=\"y\"}[5m]) / cartwright:b:rate5m"}"#;
    let found: Vec<_> = named(text).into_iter().collect();
    assert_eq!(found, ["cartwright:b:rate5m", "cartwright_a_total"]);
    assert_eq!(values("  - alert: A\n    for: 1m\n", "alert"), ["A"]);
}
