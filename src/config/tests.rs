//! Argument lists and what becomes of them.

mod commands;
mod environment;
mod refused;
mod shown;
mod taken;

use super::*;

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

/// Every flag of `serve`.
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

/// Flags of a client whose people come back to `url`.
const fn client_to(url: &str) -> [&str; 6] {
    let [id, secret, back] = [
        "--google-client-id",
        "--google-client-secret",
        "--google-redirect-url",
    ];
    [id, "x", secret, "the-client-secret", back, url]
}
