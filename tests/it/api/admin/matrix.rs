//! Every route of administration, asked by everybody there is.

use super::{Office, Person};
use crate::app::SECRET;
use cartwright::auth::access::AccessTokens;
use cartwright::auth::secret::Secret;
use cartwright::domain::ids::UserId;
use cartwright::domain::time::Timestamp;
use cartwright::http::endpoints::{Access, ENDPOINTS, Endpoint};
use cartwright::sources::{Clock, Sources};
use serde_json::json;
use std::sync::Arc;

struct Past;

impl Clock for Past {
    fn now(&self) -> Timestamp {
        Timestamp(1_700_000_000_000)
    }
}

fn is_admins(endpoint: &Endpoint) -> bool {
    endpoint.path.starts_with("/api/v1/admin/")
}

/// The status of asking for what is not there.
async fn status(office: &Office, endpoint: &Endpoint, who: &Person) -> u16 {
    let nobody = uuid::Uuid::max().to_string();
    let path = endpoint.path.strip_prefix("/api/v1/admin").unwrap();
    let path = path
        .replace(":permId", &nobody)
        .replace(":roleId", &nobody)
        .replace(":id", &nobody);
    let method = endpoint.method.clone();
    let (status, body) = office.ask(who, method, &path, &json!({})).await;
    if !status.is_success() {
        assert!(body["error"]["code"].is_string(), "{path}: {body}");
    }
    status.as_u16()
}

/// What a row of the matrix allows.
#[derive(Clone, Copy)]
struct Allowed {
    staff: bool,
    view_users: bool,
    manage_users: bool,
}

const NOTHING: Allowed = Allowed {
    staff: false,
    view_users: false,
    manage_users: false,
};
const EVERYTHING: Allowed = Allowed {
    staff: true,
    view_users: true,
    manage_users: true,
};

impl Allowed {
    fn may(self, endpoint: &Endpoint) -> bool {
        match endpoint.access {
            Access::Staff => self.staff,
            Access::Permission("view_users") => self.view_users,
            Access::Permission("manage_users") => self.manage_users,
            other => panic!("{} is for {other:?}", endpoint.path),
        }
    }
}

#[tokio::test]
async fn whoever_has_no_role_for_it_is_refused() {
    let office = Office::open().await;
    office.role("clerk", &[]).await;
    office.role("greeter", &["view_users"]).await;
    office.role("bouncer", &["manage_users"]).await;
    let removed = office.staff("rem", "manager").await;
    office.remove(&office.root, &removed, "manager").await;
    let removed = super::log_in(&office.app, &removed.email).await;
    let deleted = office.role("short_lived", &["view_users"]).await;
    let stripped = office.staff("str", "short_lived").await;
    office
        .delete(&office.root, &format!("/roles/{deleted}"))
        .await;
    let greeter = Allowed {
        view_users: true,
        ..NOTHING
    };
    let bouncer = Allowed {
        manage_users: true,
        ..NOTHING
    };
    let support = Allowed {
        manage_users: false,
        ..EVERYTHING
    };
    let everybody = [
        (office.user("usr").await, NOTHING),
        (office.staff("clk", "clerk").await, NOTHING),
        (removed, NOTHING),
        (stripped, NOTHING),
        (claims_to_be_admin(&office).await, NOTHING),
        (office.staff("grt", "greeter").await, greeter),
        (office.staff("bnc", "bouncer").await, bouncer),
        (office.staff("sup", "customer_experience").await, support),
        (office.staff("man", "manager").await, EVERYTHING),
        (office.root.clone(), EVERYTHING),
    ];
    let endpoints = ENDPOINTS.iter().filter(|endpoint| is_admins(endpoint));
    assert_eq!(endpoints.clone().count(), 19);
    for endpoint in endpoints {
        for (who, allowed) in &everybody {
            let status = status(&office, endpoint, who).await;
            let told = format!("{} {} by {}", endpoint.method, endpoint.path, who.email);
            if allowed.may(endpoint) {
                assert!([200, 204, 400, 404].contains(&status), "{told}: {status}");
            } else {
                assert_eq!(status, 403, "{told}");
            }
        }
    }
}

/// A token with our signature that names more roles than the account has.
async fn claims_to_be_admin(office: &Office) -> Person {
    let user = office.user("cla").await;
    let tokens = AccessTokens::new(&Secret::parse(SECRET).unwrap(), Sources::system());
    let id = UserId::parse(&user.id).unwrap();
    let token = tokens.issue(id, vec!["admin".to_owned()], 0).token;
    Person { token, ..user }
}

#[tokio::test]
async fn a_token_that_counts_for_nothing_is_refused_first() {
    let office = Office::open().await;
    let root = UserId::parse(&office.root.id).unwrap();
    let issue = |secret: &str, sources, user| {
        let tokens = AccessTokens::new(&Secret::parse(secret).unwrap(), sources);
        tokens.issue(user, vec!["admin".to_owned()], 1).token
    };
    let past = Sources {
        clock: Arc::new(Past),
        ..Sources::system()
    };
    let deactivated = office.staff("dea", "manager").await;
    office.set_active(&office.root, &deactivated, false).await;
    let changed = office.staff("cha", "manager").await;
    office.remove(&office.root, &changed, "manager").await;
    let nobody = UserId(uuid::Uuid::max());
    let other = "q7Lm2-Xe9Rb4cVz1NdTgJw6HkPsYaUf3";
    let tokens = [
        issue(SECRET, past, root),
        issue(other, Sources::system(), root),
        issue(SECRET, Sources::system(), nobody),
        deactivated.token,
        changed.token,
        "x".to_owned(),
    ];
    for endpoint in ENDPOINTS.iter().filter(|endpoint| is_admins(endpoint)) {
        for (number, token) in tokens.iter().enumerate() {
            let who = Person {
                token: token.clone(),
                ..office.root.clone()
            };
            let status = status(&office, endpoint, &who).await;
            assert_eq!(
                status, 401,
                "{} {}: {number}",
                endpoint.method, endpoint.path
            );
        }
        let path = endpoint.path.replace(':', "");
        let request = office.app.request(endpoint.method.clone(), &path);
        assert_eq!(request.send().await.unwrap().status(), 401, "{path}");
    }
}
