//! What is refused, and the line that says why.

use super::*;

#[test]
fn what_cannot_be_is_refused_with_one_line() {
    for (args, said) in [
        (&["--listen", "localhost"][..], "--listen"),
        (&["--listen", "0.0.0.0:8080"], "set CARTWRIGHT_JWT_SECRET"),
        (&["--ops-listen", "[::]:9100"], "[::]:9100 is none"),
        (
            &["--listen", "0.0.0.0:8080", "--jwt-secret", " "],
            "set CARTWRIGHT_JWT_SECRET",
        ),
        (&["--ops-listen", "no"], "--ops-listen"),
        (
            &["--listen", "127.0.0.1:9100"],
            "must differ, but both are 127.0.0.1:9100",
        ),
        (&["--store", "./data"], "must be `embedded:` and a folder"),
        (
            &["--store", "embedded:"],
            "must be `embedded:` and a folder",
        ),
        (&["--store", "scylla://a"], "must be nodes and a keyspace"),
        (
            &["--store", "scylla:///shop"],
            "must be nodes and a keyspace",
        ),
        (
            &["--store", "scylla://a,/shop"],
            "must be nodes and a keyspace",
        ),
        (
            &["--store", "scylla://a:x/shop"],
            "must be nodes and a keyspace",
        ),
        (
            &["--store", "scylla://a/Shop"],
            "must be nodes and a keyspace",
        ),
        (
            &["--store", "scylla://a/1shop"],
            "must be nodes and a keyspace",
        ),
        (&["--store", "scylla://a/shop"], "set CARTWRIGHT_JWT_SECRET"),
        (
            &["--store-user", "u"],
            "CARTWRIGHT_STORE_USER is only for a `scylla://` store",
        ),
        (
            &["--store", "scylla://a/shop", "--store-user", "u"],
            "CARTWRIGHT_STORE_USER and CARTWRIGHT_STORE_PASSWORD together",
        ),
        (
            &["--store", "scylla://a/shop", "--store-key", "k"],
            "CARTWRIGHT_STORE_CERTIFICATE and CARTWRIGHT_STORE_KEY together",
        ),
        (
            &[
                "--store",
                "scylla://a/shop",
                "--store-key",
                "k",
                "--store-certificate",
                "c",
            ],
            "needs CARTWRIGHT_STORE_CA",
        ),
        (
            &["--store", "scylla://a/shop", "--store-one-datacenter", "on"],
            "needs CARTWRIGHT_STORE_DATACENTER",
        ),
        (&["--admin-email", "a@example.com"], "together, or neither"),
        (
            &["--admin-password", "a password", "--admin-email", ""],
            "together, or neither",
        ),
        (
            &[
                "--google-client-id",
                "x",
                "--google-redirect-url",
                "http://a",
            ],
            "together, or none of them",
        ),
        (
            &["--google-client-secret", "x"],
            "CARTWRIGHT_GOOGLE_CLIENT_SECRET and",
        ),
        (
            &["--google-client-id", "x", "--google-client-secret", " "],
            "together, or none of them",
        ),
        (
            &client_to("ftp://shop.example/x"),
            "_REDIRECT_URL must be an http",
        ),
        (&client_to("/back"), "_REDIRECT_URL must be an http"),
        (
            &client_to("https://shop.example/#x"),
            "_REDIRECT_URL must be an http",
        ),
        (
            &["--oidc-issuer", "http://issuer.example"],
            "CARTWRIGHT_OIDC_ISSUER must be an https URL",
        ),
        (
            &["--oidc-issuer", "https://a.example/?b"],
            "must be an https URL",
        ),
        (&["--oidc-issuer", ""], "must be an https URL"),
        (&["--demo-catalog", "maybe"], "--demo-catalog"),
        (&["--log-format", "xml"], "--log-format"),
        (&["--cors-origins", "*"], "one is `*`"),
        (
            &["--cors-origins", "https://shop.example/"],
            "one is `https://shop.example/`",
        ),
        (&["--cors-origins", "shop.example"], "one is `shop.example`"),
        (&["--cors-origins", "https://a@b"], "one is `https://a@b`"),
        (
            &["--cors-origins", "https://b:http"],
            "one is `https://b:http`",
        ),
        (&["--rate-limit", "no"], "must be `on`, `off`, or limits"),
        (&["--rate-limit", "login=1/s"], "`login` is not one of"),
        (&["--rate-limit", "user=1"], "the limit of `user` must be"),
        (&["--trusted-proxies", "proxy"], "one is `proxy`"),
        (&["--trusted-proxies", "::/0"], "would be everybody"),
        (
            &["--max-connections", "0"],
            "must be a whole number from 1 to 10000000",
        ),
        (
            &["--user-queue", "10000001"],
            "must be a whole number from 1 to 10000000",
        ),
        (&["--request-timeout", "5"], "with its unit"),
        (&["--request-timeout", "0s"], "with its unit"),
        (&["--header-timeout", "61m"], "with its unit"),
        (
            &["--body-timeout", "99999999999999999999s"],
            "with its unit",
        ),
        (
            &["--drain-timeout", "9999999999999999999m"],
            "with its unit",
        ),
        (
            &["--drain-timeout", "4s"],
            "no shorter than CARTWRIGHT_REQUEST_TIMEOUT",
        ),
        (&["--trace-sample", "2"], "must be a number from 0 to 1"),
        (&["--otlp-endpoint", "collector:4317"], "must be an http"),
        (
            &["--otlp-endpoint", "http://a:1/v1/traces"],
            "must be an http",
        ),
        (&["--max-conections", "1"], "--max-conections"),
        (&["start"], "start"),
        (&["serve", "extra"], "extra"),
        (&["--listen", "127.0.0.1:1", "import", "x.csv"], "import"),
    ] {
        let line = refusal(args);
        assert!(line.contains(said), "{args:?}: {line}");
        assert!(
            !line.contains('\n') && !line.starts_with("error"),
            "{args:?}: {line}"
        );
    }
    insta::assert_snapshot!(
        refusal(&["--store", "redis://a"]),
        @"invalid value 'redis://a' for '--store <embedded:DIR|scylla://NODES/KEYSPACE>': must be `embedded:` and a folder, `embedded:./data`, or nodes and a keyspace, `scylla://node1:9042,node2/keyspace`"
    );
}

const KEYSPACE: [&str; 4] = ["--store", "scylla://a/shop", "--jwt-secret", "the-secret"];

#[test]
fn a_node_that_others_reach_says_where_and_has_a_secret_in_common_with_them() {
    let refused = |flags: &[&str]| refusal(&[&KEYSPACE[..], flags].concat());
    let listen = ["--cluster-listen", "127.0.0.1:7100"];
    let secret = ["--cluster-secret", "the-common-secret"];
    assert_eq!(
        refused(&listen),
        "CARTWRIGHT_CLUSTER_LISTEN needs CARTWRIGHT_CLUSTER_SECRET, at least 32 random bytes"
    );
    assert_eq!(
        refused(&["--cluster-listen", "[::]:7100", "--cluster-secret", "x"]),
        "CARTWRIGHT_CLUSTER_LISTEN=[::]:7100 needs CARTWRIGHT_CLUSTER_ADDRESS, where others reach it"
    );
    assert_eq!(
        refused(&secret),
        "CARTWRIGHT_CLUSTER_SECRET needs CARTWRIGHT_CLUSTER_LISTEN"
    );
    assert_eq!(
        refused(&["--cluster-address", "a:1"]),
        "CARTWRIGHT_CLUSTER_ADDRESS needs CARTWRIGHT_CLUSTER_LISTEN"
    );
    let part = [&listen[..], &secret, &["--cluster-ca", "a.pem"]].concat();
    assert_eq!(
        refused(&part),
        "set CARTWRIGHT_CLUSTER_CA, CARTWRIGHT_CLUSTER_CERTIFICATE and CARTWRIGHT_CLUSTER_KEY \
         together, or none of them"
    );
    let embedded = [&listen[..], &secret].concat();
    assert_eq!(
        refusal(&embedded),
        "CARTWRIGHT_CLUSTER_LISTEN is only for a `scylla://` store"
    );
    let both = [&KEYSPACE[..], &embedded].concat();
    let reached = serve(&both).settings().unwrap().cluster.reached.unwrap();
    assert_eq!((reached.address, reached.tls), (None, None));
}
