//! What is taken: the defaults, every flag, and what some of them do without or change.

use super::*;
use std::time::Duration;

#[test]
fn without_arguments_it_serves_with_the_defaults() {
    let settings = serve(&[]).settings().unwrap();
    insta::assert_debug_snapshot!(settings, @r#"
    Settings {
        listen: 127.0.0.1:8080,
        ops_listen: Some(
            127.0.0.1:9100,
        ),
        store: Embedded(
            "./data",
        ),
        cluster: ClusterSettings {
            name: None,
            detection: 6s,
            reached: None,
        },
        jwt_secret: None,
        admin: None,
        openid: None,
        demo_catalog: true,
        cors_origins: [],
        rate_limit: Some(
            credentials=30/m:60,refresh=120/m:240,anonymous=100/s:200,user=50/s:100,
        ),
        trusted_proxies: Networks(
            [],
        ),
        log: LogArgs {
            filter: "info",
            format: Text,
        },
        traces: None,
        limits: Limits {
            max_connections: 4096,
            max_in_flight: 1024,
            user_queue: 128,
            max_residents: 100000,
            login_queue: 64,
        },
        timeouts: Timeouts {
            request: 5s,
            queue: 200ms,
            header: 10s,
            body: 10s,
            drain: 25s,
        },
    }
    "#);
    assert_eq!(serve(&["serve"]).settings(), Ok(settings));
}

#[test]
fn every_flag_is_taken_with_and_without_the_command() {
    let settings = serve(&everything()).settings().unwrap();
    assert_eq!(settings.listen, "[::]:80".parse().unwrap());
    assert_eq!(settings.ops_listen, None);
    let StoreSettings::Scylla(store) = &settings.store else {
        panic!("{:?}", settings.store);
    };
    assert_eq!(store.contacts, ["a:9042", "b:1234", "[::1]:9"]);
    assert_eq!(store.keyspace, "my_shop2");
    let (user, password) = store.credentials.as_ref().unwrap();
    assert_eq!((user.expose(), password.expose()), ("the-user", "the-pass"));
    assert_eq!(store.ca, Some("ca.pem".into()));
    let identity = ("cert.pem".into(), "key.pem".into());
    assert_eq!(store.identity, Some(identity));
    assert_eq!(store.datacenter.as_deref(), Some("eu"));
    assert!(store.one_datacenter);
    let expected = ClusterSettings {
        name: Some("the-node".to_owned()),
        detection: Duration::from_secs(9),
        reached: Some(ReachedSettings {
            listen: "0.0.0.0:7100".parse().unwrap(),
            address: Some("node1.internal:7100".to_owned()),
            secret: Redacted::from("the-common-secret".to_owned()),
            tls: Some(("a.pem".into(), "b.pem".into(), "c.pem".into())),
            drain_delay: Duration::from_secs(4),
        }),
    };
    assert_eq!(settings.cluster, expected);
    assert!(!format!("{settings:?}").contains("the-common-secret"));
    assert_eq!(settings.jwt_secret.as_ref().unwrap().expose(), "the-secret");
    let admin = settings.admin.as_ref().unwrap();
    assert_eq!(admin.email.expose(), "root@example.com");
    assert_eq!(admin.password.expose(), "the-password");
    let expected = OpenIdSettings {
        issuer: "https://issuer.example/a".into(),
        client_id: "the-client".into(),
        client_secret: Redacted::from("the-client-secret".to_owned()),
        redirect_url: "http://shop.example/back".into(),
    };
    assert_eq!(settings.openid, Some(expected));
    assert!(!format!("{settings:?}").contains("the-client-secret"));
    assert!(!settings.demo_catalog);
    assert_eq!(
        settings.cors_origins,
        ["https://shop.example", "http://[::1]:3000"]
    );
    let limits = settings.rate_limit.unwrap().to_string();
    assert!(limits.ends_with("anonymous=2/m:3,user=1/s:1"), "{limits}");
    assert!(settings.trusted_proxies.contains("::1".parse().unwrap()));
    assert_eq!(settings.log.filter, "warn,cartwright=debug");
    assert_eq!(settings.log.format, LogFormat::Json);
    let expected = TraceSettings {
        endpoint: "http://collector:4317".to_owned(),
        sample: "0.25".parse().unwrap(),
    };
    assert_eq!(settings.traces, Some(expected));
    let expected = Limits {
        max_connections: 1,
        max_in_flight: 2,
        user_queue: 3,
        max_residents: 4,
        login_queue: 10_000_000,
    };
    assert_eq!(settings.limits, expected);
    let expected = Timeouts {
        request: Duration::from_millis(250),
        queue: Duration::from_millis(20),
        header: Duration::from_secs(1),
        body: Duration::from_secs(3),
        drain: Duration::from_secs(120),
    };
    assert_eq!(settings.timeouts, expected);
    for argument in Cli::command().get_arguments() {
        let flag = format!("--{}", argument.get_long().unwrap());
        let is_tried = everything().contains(&flag.as_str());
        assert!(
            is_tried || ["--help", "--version"].contains(&flag.as_str()),
            "{flag}"
        );
    }

    let named: Vec<_> = std::iter::once("serve").chain(everything()).collect();
    assert_eq!(serve(&named).settings(), Ok(settings));
}

#[test]
fn an_issuer_within_the_machine_may_do_without_tls() {
    for issuer in [
        "http://localhost:3000",
        "http://127.0.0.1:3000/a",
        "http://[::1]",
    ] {
        let client = client_to("http://localhost:8080/back");
        let flags: Vec<_> = client
            .into_iter()
            .chain(["--oidc-issuer", issuer])
            .collect();
        let settings = serve(&flags).settings().unwrap();
        assert_eq!(settings.openid.unwrap().issuer, issuer);
    }
    let google = serve(&client_to("https://shop.example/back")).settings();
    let google = google.unwrap().openid.unwrap();
    assert_eq!(google.issuer, "https://accounts.google.com");
}

#[test]
fn clients_are_limited_unless_told_otherwise() {
    let limits = |args: &[&str]| serve(args).settings().unwrap().rate_limit;
    assert_eq!(limits(&["--rate-limit", "on"]), limits(&[]));
    assert_eq!(limits(&["--rate-limit", "off"]), None);
}

#[test]
fn any_loopback_address_may_do_without_a_secret() {
    for address in [
        "127.0.0.1:0",
        "127.9.9.9:80",
        "[::1]:80",
        "[::ffff:127.0.0.1]:80",
    ] {
        let settings = serve(&["--listen", address]).settings().unwrap();
        assert_eq!(settings.jwt_secret, None, "{address}");
    }
    let any_ports = ["--listen", "127.0.0.1:0", "--ops-listen", "127.0.0.1:0"];
    assert!(serve(&any_ports).settings().is_ok());
}

#[test]
fn a_keyspace_gets_no_demo_catalogue() {
    let secret = ["--jwt-secret", "s"];
    let demo = |store| {
        let args = [&secret[..], &["--store", store, "--demo-catalog", "on"]].concat();
        serve(&args).settings().unwrap().demo_catalog
    };
    assert!(demo("embedded:x"));
    assert!(!demo("scylla://a/shop"));
}
