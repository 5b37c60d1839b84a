//! What is shown: all flags in the help, no secret there or in debug output.

use super::*;

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
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
