//! Commands beside `serve`, which have flags of their own.

use super::*;
use std::path::PathBuf;

#[test]
fn an_import_takes_files_and_its_own_flags() {
    let import = |args: &[&str]| match cli(args).unwrap().into_command() {
        Command::Import(import) => import,
        _ => panic!("{args:?} does something else"),
    };
    let plain = import(&["import", "a.csv", "b.ndjson"]);
    assert_eq!(
        plain.files,
        [PathBuf::from("a.csv"), PathBuf::from("b.ndjson")]
    );
    assert_eq!((plain.currency, plain.on_error), (None, OnError::Continue));
    assert_eq!(plain.store.address, StoreAddress::Embedded("./data".into()));
    let args = [
        "import",
        "--currency",
        "EUR",
        "--on-error",
        "stop",
        "--store",
        "embedded:x",
        "a.csv",
    ];
    let full = import(&args);
    assert_eq!(
        (full.currency.as_deref(), full.on_error),
        (Some("EUR"), OnError::Stop)
    );
    assert_eq!(full.store.address, StoreAddress::Embedded("x".into()));
    assert!(refusal(&["import"]).contains("<FILE>"));
    assert!(refusal(&["import", "--listen", "127.0.0.1:1", "a.csv"]).contains("--listen"));
}

#[test]
fn a_keyspace_is_migrated_with_as_many_replicas_as_told() {
    let migrate = |args: &[&str]| match cli(args).unwrap().into_command() {
        Command::Migrate(migrate) => migrate,
        _ => panic!("{args:?} does something else"),
    };
    let store = ["migrate", "--store", "scylla://a/shop"];
    assert_eq!(migrate(&store).replication, 3);
    let one = [&store[..], &["--store-replication", "1"]].concat();
    let one = migrate(&one);
    assert_eq!(one.replication, 1);
    assert!(matches!(one.store.settings(), Ok(StoreSettings::Scylla(_))));
    let none = [&store[..], &["--store-replication", "0"]].concat();
    assert!(refusal(&none).contains("--store-replication"));
}
