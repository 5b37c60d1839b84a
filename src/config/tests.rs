//! Argument lists and what becomes of them. The variables themselves are tried in a process of
//! their own, so that tests neither see nor touch this one's environment.

use super::*;
use std::path::PathBuf;
use std::time::Duration;

/// The command line without its environment.
fn cli(args: &[&str]) -> Result<Cli, Stop> {
    fn detached(command: clap::Command) -> clap::Command {
        command
            .mut_args(|argument| argument.env(clap::builder::Resettable::Reset))
            .mut_subcommands(detached)
    }
    let args = std::iter::once("cartwright").chain(args.iter().copied());
    detached(Cli::command())
        .try_get_matches_from(args)
        .and_then(|matches| clap::FromArgMatches::from_arg_matches(&matches))
        .map_err(|error| stop(&error))
}

fn serve(args: &[&str]) -> ServeArgs {
    match cli(args).unwrap().into_command() {
        Command::Serve(args) => *args,
        _ => panic!("{args:?} does something else"),
    }
}

fn refusal(args: &[&str]) -> String {
    match cli(args) {
        Err(Stop::Refuse(line)) => line,
        Err(Stop::Show(_)) => panic!("{args:?} shows the help"),
        Ok(cli) => match cli.into_command() {
            Command::Serve(serve) => serve.settings().unwrap_err().to_string(),
            _ => panic!("{args:?} does something else"),
        },
    }
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

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
            queue: 100ms,
            header: 10s,
            body: 10s,
            drain: 25s,
        },
    }
    "#);
    assert_eq!(serve(&["serve"]).settings(), Ok(settings));
}

const EVERYTHING: &str = "--listen [::]:80 --ops-listen off \
    --store scylla://a,b:1234,[::1]:9/my_shop2 --store-user the-user --store-password the-pass \
    --store-ca ca.pem --store-certificate cert.pem --store-key key.pem --store-datacenter eu \
    --store-one-datacenter on --node-name the-node --cluster-listen 0.0.0.0:7100 \
    --cluster-address node1.internal:7100 --cluster-secret the-common-secret --cluster-ca a.pem \
    --cluster-certificate b.pem --cluster-key c.pem --cluster-detection 9s --drain-delay 4s \
    --jwt-secret the-secret \
    --admin-email root@example.com --admin-password the-password --demo-catalog off \
    --google-client-id the-client --google-client-secret the-client-secret \
    --google-redirect-url http://shop.example/back --oidc-issuer https://issuer.example/a \
    --cors-origins https://Shop.example,,http://[::1]:3000, \
    --rate-limit user=1/s,anonymous=2/m:3 --trusted-proxies 10.0.0.0/8,::1 \
    --log warn,cartwright=debug --log-format json \
    --otlp-endpoint http://Collector:4317 --trace-sample 0.25 \
    --max-connections 1 --max-in-flight 2 --user-queue 3 --max-residents 4 \
    --login-queue 10000000 --request-timeout 250ms --queue-timeout 20ms --header-timeout 1s \
    --body-timeout 3s --drain-timeout 2m";

fn everything() -> Vec<&'static str> {
    EVERYTHING.split_whitespace().collect()
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

/// Flags of a client whose people come back to `url`.
const fn client_to(url: &str) -> [&str; 6] {
    let [id, secret, back] = [
        "--google-client-id",
        "--google-client-secret",
        "--google-redirect-url",
    ];
    [id, "x", secret, "the-client-secret", back, url]
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
fn a_keyspace_gets_no_demo_catalogue() {
    let secret = ["--jwt-secret", "s"];
    let demo = |store| {
        let args = [&secret[..], &["--store", store, "--demo-catalog", "on"]].concat();
        serve(&args).settings().unwrap().demo_catalog
    };
    assert!(demo("embedded:x"));
    assert!(!demo("scylla://a/shop"));
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

#[test]
fn the_help_names_every_variable_and_default_and_is_no_refusal() {
    for args in [&["--help"][..], &["serve", "--help"]] {
        let Err(Stop::Show(help)) = cli(args) else {
            panic!("no help");
        };
        assert!(!help.contains("clap"), "{help}");
    }
    let Err(Stop::Show(version)) = cli(&["--version"]) else {
        panic!("no version");
    };
    assert_eq!(
        version.trim(),
        concat!("cartwright ", env!("CARGO_PKG_VERSION"))
    );

    let help = Cli::command().render_long_help().to_string();
    for argument in Cli::command().get_arguments() {
        let flag = argument.get_long().unwrap();
        if ["help", "version"].contains(&flag) {
            continue;
        }
        let variable = argument.get_env().unwrap().to_str().unwrap();
        let same_name = format!("{PREFIX}{}", flag.replace('-', "_").to_uppercase());
        assert_eq!(variable, same_name);
        assert!(help.contains(&format!("[env: {variable}")), "{variable}");
        assert!(argument.get_help().is_some(), "{flag} is explained");
        for default in argument.get_default_values() {
            let default = default.to_str().unwrap();
            let shown = format!("[default: {default}]");
            assert!(
                default.is_empty() || help.contains(&shown),
                "{flag}: {default}"
            );
        }
    }
    assert!(help.contains("Commerce back end"), "{help}");
    let limits = RateLimits::default().to_string();
    assert!(help.contains(&limits), "{limits}: {help}");
}

#[test]
fn misspelt_variables_are_found() {
    let unknown = |names: &[&str]| unknown_variables(names.iter().map(|name| (*name).to_owned()));
    let known = known_variables();
    assert!(known.contains("CARTWRIGHT_JWT_SECRET") && known.contains("CARTWRIGHT_STORE"));
    assert_eq!(unknown_variables(known.into_iter()), Vec::<String>::new());
    assert_eq!(
        unknown(&["PATH", "HOME", "cartwright_x", "XCARTWRIGHT_Y"]),
        [""; 0]
    );
    assert_eq!(
        unknown(&["CARTWRIGHT_JWT_SECERT", "CARTWRIGHT_", "CARTWRIGHT_LISTEN"]),
        ["CARTWRIGHT_", "CARTWRIGHT_JWT_SECERT"]
    );
    let kubernetes = [
        "CARTWRIGHT_SERVICE_HOST",
        "CARTWRIGHT_SERVICE_PORT_HTTP",
        "CARTWRIGHT_PORT",
        "CARTWRIGHT_PORT_8080_TCP_ADDR",
    ];
    assert_eq!(unknown(&kubernetes), [""; 0]);
    assert_eq!(unknown(&["CARTWRIGHT_PORT"]), ["CARTWRIGHT_PORT"]);
}

#[test]
fn secrets_stay_out_of_debug_output_and_help() {
    let args = serve(&everything());
    let shown = format!("{args:?} {:?}", args.clone().settings().unwrap());
    for secret in [
        "the-secret",
        "root@example.com",
        "the-password",
        "the-user",
        "the-pass",
    ] {
        assert!(!shown.contains(secret), "{shown}");
    }
    for name in [
        "jwt_secret",
        "admin_email",
        "admin_password",
        "store_user",
        "store_password",
    ] {
        let command = Cli::command();
        let argument = command
            .get_arguments()
            .find(|a| a.get_id() == name)
            .unwrap();
        assert!(argument.is_hide_env_values_set(), "{name}");
    }
}

/// Runs in a process of its own, started by the test below.
#[test]
#[ignore = "needs the environment that its caller makes"]
fn in_another_environment() {
    let args = std::env::var("ARGS").unwrap();
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    match parse(args.split(' ').map(OsString::from), names) {
        Ok(Command::Serve(serve)) => {
            let listen = serve.addresses.listen;
            println!("serves {listen} {}", serve.limits.user_queue);
        }
        Ok(Command::Import(import)) => println!("imports into {:?}", import.store.address),
        Ok(Command::Health(health)) => println!("asks {}", health.addresses.operations()),
        Ok(Command::Migrate(migrate)) => println!("migrates {:?}", migrate.store.address),
        Ok(Command::Generate(_)) => println!("generates"),
        Err(Stop::Refuse(line)) => println!("refused: {line}"),
        Err(Stop::Show(_)) => println!("helps"),
    }
}

#[test]
fn variables_are_read_and_flags_win() {
    let run = |args: &str, variables: &[(&str, &str)]| {
        let child = "config::tests::in_another_environment";
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args([child, "--exact", "--ignored", "--nocapture"])
            .env_clear()
            .env("ARGS", args)
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let listen = ("CARTWRIGHT_LISTEN", "127.0.0.1:81");
    for (args, variables, expected) in [
        ("cartwright", &[listen][..], "serves 127.0.0.1:81 128"),
        (
            "cartwright --user-queue 7",
            &[listen, ("CARTWRIGHT_USER_QUEUE", "8")],
            "serves 127.0.0.1:81 7",
        ),
        (
            "cartwright serve",
            &[listen, ("CARTWRIGHT_USER_QUEUE", "8")],
            "serves 127.0.0.1:81 8",
        ),
        (
            "cartwright import x.csv",
            &[listen, ("CARTWRIGHT_STORE", "embedded:/d")],
            "imports into Embedded(\"/d\")",
        ),
        (
            "cartwright health",
            &[listen, ("CARTWRIGHT_OPS_LISTEN", "off")],
            "asks 127.0.0.1:81",
        ),
        (
            "cartwright health --ready",
            &[listen, ("CARTWRIGHT_OPS_LISTEN", "[::1]:82")],
            "asks [::1]:82",
        ),
        (
            "cartwright",
            &[("CARTWRIGHT_USER_QEUE", "8")],
            "refused: unknown environment variable CARTWRIGHT_USER_QEUE",
        ),
        (
            "cartwright",
            &[("CARTWRIGHT_BODY_TIMEOUT", "soon")],
            "refused: invalid value 'soon' for '--body-timeout",
        ),
        (
            "cartwright --help",
            &[("CARTWRIGHT_USER_QEUE", "8")],
            "helps",
        ),
    ] {
        let said = run(args, variables);
        assert!(said.contains(expected), "{args}: {said}");
    }
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
