//! A node without HTTP, on data of its own.

use crate::Failure;
use crate::data::{Data, Place};
use crate::measure::Sample;
use cartwright::actors::user::Users;
use cartwright::actors::{Bounds, Options, System};
use cartwright::catalog::Live;
use cartwright::cluster::Cluster;
use cartwright::domain::access::user_role;
use cartwright::domain::account::{Claim, Credential, Email, Profile};
use cartwright::domain::address::{Address, AddressInput};
use cartwright::domain::catalog::Attributes;
use cartwright::domain::ids::{FamilyId, ProductId, UserId};
use cartwright::domain::user::{Checkout, Command, Request};
use cartwright::metrics::Metrics;
use cartwright::sources::Sources;
use cartwright::store::{Store, UserRecord};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many clients ask at once.
pub(crate) const CLIENTS: u64 = 64;

const BOUNDS: Bounds = Bounds {
    waiting: 1_024,
    residents: 1_024,
};

/// A node.
pub(crate) struct World {
    pub(crate) data: Data,
    pub(crate) system: System,
    pub(crate) sources: Sources,
}

impl World {
    pub(crate) async fn new(place: &Place) -> Result<Self, Failure> {
        let (data, sources) = (Data::open(place).await?, Sources::system());
        let system = system(data.store(), &sources, BOUNDS).await?;
        Ok(Self {
            data,
            system,
            sources,
        })
    }

    /// A registered user.
    pub(crate) async fn user(&self) -> Result<UserId, Failure> {
        let id = UserId(self.sources.entropy.uuid());
        let email = format!("{id}@example.com");
        let profile = Profile {
            email: Email::parse(&email).ok_or("an e-mail address is made wrongly")?,
            first_name: "Ann".to_owned(),
            last_name: "Lee".to_owned(),
            email_verified: false,
            created_at: self.sources.clock.now(),
        };
        let claim = Claim {
            user_id: id,
            credential: Credential::Password("none".to_owned()),
            profile,
            roles: BTreeSet::from([user_role()]),
        };
        let open = Command::OpenSession {
            claim: Box::new(claim),
            family: FamilyId(id.0),
            token_hash: [0; 32],
        };
        self.system
            .users()
            .ask(id, Request::anonymous(open), soon())
            .await?;
        Ok(id)
    }

    /// A registered user with so many lines of the hot product in the cart.
    pub(crate) async fn shopper(&self, lines: u64) -> Result<UserId, Failure> {
        let user = self.user().await?;
        let hot = ProductId::parse("hot")?;
        for line in 0..lines {
            let engraving = Attributes::from([("engraving".to_owned(), line.to_string())]);
            add(&self.system.users(), user, &hot, engraving).await?;
        }
        Ok(user)
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        self.data.store()
    }

    /// What is stored of a user.
    pub(crate) async fn stored(&self, user: UserId) -> Result<UserRecord, Failure> {
        Ok(self.store().user(user).await?.value)
    }

    pub(crate) async fn stop(&self) {
        self.system.stop(soon()).await;
    }
}

/// The actors of a node that is alone.
pub(crate) async fn system(
    store: Arc<dyn Store>,
    sources: &Sources,
    bounds: Bounds,
) -> Result<System, Failure> {
    let options = Options {
        catalog: Arc::new(Live::load(&*store).await?),
        store,
        sources: sources.clone(),
        cluster: Cluster::alone(),
        users: bounds,
        stocks: bounds,
        commit_time: Duration::from_secs(5),
        recovery_pause: Duration::from_secs(3_600),
        metrics: Metrics::default(),
    };
    Ok(System::start(options).await?)
}

/// Puts one of a product into a user's cart.
pub(crate) async fn add(
    users: &Users,
    user: UserId,
    product: &ProductId,
    attributes: Attributes,
) -> Result<(), Failure> {
    let add = Command::AddItem {
        product_id: product.clone(),
        variant_id: None,
        quantity: 1,
        attributes,
    };
    users.ask(user, Request::of(add, 0), soon()).await?;
    Ok(())
}

/// Orders what is in a user's cart.
pub(crate) async fn order(users: &Users, user: UserId) -> Result<(), Failure> {
    let text = |text: &str| Some(text.to_owned());
    let address = AddressInput {
        first_name: text("Ann"),
        last_name: text("Lee"),
        address1: text("1 Main Street"),
        city: text("New York"),
        state: text("NY"),
        postal_code: text("10001"),
        country: text("US"),
        ..AddressInput::default()
    };
    let address = Address::parse(address, "shipping_address");
    let checkout = Checkout {
        shipping_address: address.map_err(|refused| format!("{refused:?}"))?,
        billing_address: None,
        payment_method_id: "pm_1".to_owned(),
        promotion_codes: Vec::new(),
        shipping_method_id: None,
        notes: String::new(),
        expected_total: None,
    };
    let request = Request::of(Command::PlaceOrder(Box::new(checkout)), 0);
    users.ask(user, request, soon()).await?;
    Ok(())
}

/// When a request is given up.
pub(crate) fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Has every client do the same thing over and over until `end`, and counts.
pub(crate) async fn closed_loop<F>(
    end: Instant,
    once: impl Fn(u64) -> F + Clone + Send + 'static,
) -> Result<Sample, Failure>
where
    F: Future<Output = Result<(), Failure>> + Send,
{
    let clients = (0..CLIENTS).map(|client| {
        let once = once.clone();
        tokio::spawn(async move {
            let mut done = 0;
            while Instant::now() < end {
                once(client).await?;
                done += 1;
            }
            Ok::<u64, Failure>(done)
        })
    });
    let mut all = 0;
    for done in join_all(clients).await {
        all += done??;
    }
    Ok(Sample::Count(all))
}
