//! `README.md`: its tables say what the program says.

use super::{quoted, read, rows};
use cartwright::config::Cli;
use cartwright::http::endpoints::ENDPOINTS;
use clap::CommandFactory;
use std::collections::BTreeSet;
use warp::http::StatusCode;

/// The rows of a table of the manual, without its head.
fn table(heading: &str) -> Vec<Vec<String>> {
    rows(&read("README.md"), heading).split_off(1)
}

/// The settings of `serve`: flag, variable and default.
fn settings() -> BTreeSet<[String; 3]> {
    let cli = Cli::command();
    let serve = cli.find_subcommand("serve").unwrap();
    let settings = serve.get_arguments().filter_map(|argument| {
        let flag = format!("--{}", argument.get_long()?);
        let variable = argument.get_env()?.to_str().unwrap().to_owned();
        let default = argument.get_default_values().first();
        let default = default.map_or("", |default| default.to_str().unwrap());
        Some([flag, variable, default.to_owned()])
    });
    settings.collect()
}

#[test]
fn the_settings_are_those_of_the_help() {
    let written = table("## Settings").into_iter().map(|row| {
        let [flag, variable] = quoted(&row[0])[..] else {
            panic!("a setting is a flag and a variable: {row:?}");
        };
        let default = quoted(&row[1]).first().copied().unwrap_or_default();
        assert!(row[2].len() > 10, "what it means: {row:?}");
        [flag.to_owned(), variable.to_owned(), default.to_owned()]
    });
    assert_eq!(written.collect::<BTreeSet<_>>(), settings());
}

#[test]
fn the_endpoints_are_those_that_are_served() {
    let written = table("## Endpoints")
        .into_iter()
        .map(|row| quoted(&row[0])[0].to_owned());
    let served = ENDPOINTS
        .iter()
        .map(|endpoint| format!("{} {}", endpoint.method, endpoint.path));
    assert_eq!(written.collect::<BTreeSet<_>>(), served.collect());
}

/// Status and code of every error in the source that knows them.
fn errors(source: &str) -> BTreeSet<(u16, String)> {
    let source = source.split_whitespace().collect::<Vec<_>>().join(" ");
    let pairs = source.split("S::").skip(1).filter_map(|after| {
        let (name, rest) = after.split_once(", \"")?;
        let code = rest.split('"').next()?;
        let reason = name.replace('_', " ");
        let is_meant = |status: &StatusCode| {
            let given = status.canonical_reason().unwrap_or_default();
            given.eq_ignore_ascii_case(&reason)
        };
        let mut statuses = (100..600).filter_map(|number| StatusCode::from_u16(number).ok());
        let status = statuses.find(is_meant)?;
        Some((status.as_u16(), code.to_owned()))
    });
    pairs.collect()
}

#[test]
fn the_errors_are_those_that_are_answered() {
    let written = table("## Errors").into_iter().map(|row| {
        let status = row[0]
            .parse()
            .unwrap_or_else(|_| panic!("no status: {row:?}"));
        (status, quoted(&row[1])[0].to_owned())
    });
    let answered = errors(&read("src/http/error.rs"));
    assert!(answered.len() > 30, "{answered:?}");
    assert_eq!(written.collect::<BTreeSet<_>>(), answered);
}

#[test]
fn an_error_is_a_status_with_a_code_beside_it() {
    let source = "A => (S::NOT_FOUND, \"a\"), B => return (\n S::CONFLICT,\n \"b\",\n None), S::OK";
    let found: Vec<_> = errors(source).into_iter().collect();
    assert_eq!(found, [(404, "a".to_owned()), (409, "b".to_owned())]);
}
