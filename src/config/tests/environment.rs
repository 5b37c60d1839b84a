//! Environment variables. They are read in a process of their own, so that tests neither see nor
//! touch those of this one.

use super::*;

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
        let child = "config::tests::environment::in_another_environment";
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
