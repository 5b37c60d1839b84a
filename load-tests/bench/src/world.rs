//! A node without HTTP, on an embedded store of its own, and the store beside it that the baseline
//! writes to.

use crate::Failure;
use crate::generated;
use crate::measure::Sample;
use cartwright::actors::{Bounds, Options, System};
use cartwright::catalog::Live;
use cartwright::cluster::Cluster;
use cartwright::domain::access::user_role;
use cartwright::domain::account::{Claim, Credential, Email, Profile};
use cartwright::domain::ids::{FamilyId, UserId};
use cartwright::domain::user::{Command, Request};
use cartwright::import::generate::Generator;
use cartwright::import::progress::Logged;
use cartwright::import::{self, Format, Input};
use cartwright::sources::Sources;
use cartwright::store::Users as _;
use cartwright::store::embedded::{self, EmbeddedStore};
use cartwright::store::{Store, UserRecord};
use futures::future::join_all;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::time::Instant;

/// How many clients ask at once.
pub(crate) const CLIENTS: u64 = 64;

const BOUNDS: Bounds = Bounds {
    waiting: 1_024,
    residents: 1_024,
};

/// One product of which there is more than can be asked for.
const HOT: &str = r#"{"type": "product", "id": "hot", "sku": "HOT", "name": "A hot product", "stock": 4000000000, "base_price": {"amount": 100, "currency": "USD"}}"#;

/// A store in a folder that goes with it.
pub(crate) struct Disk {
    pub(crate) store: Arc<EmbeddedStore>,
    dir: TempDir,
}

impl Disk {
    /// Holds the hot product.
    pub(crate) async fn new(dir: &Path) -> Result<Self, Failure> {
        let disk = Self::empty(dir)?;
        let data = HOT.as_bytes();
        let input = Input {
            file: "shop".to_owned(),
            format: Format::Ndjson,
            data,
        };
        let (sources, options) = (Sources::system(), import::Options::default());
        let report = import::run(&*disk.store, &sources, input, options, &mut Logged).await?;
        assert_eq!(report.total().refused, 0, "the product is imported");
        Ok(disk)
    }

    /// Holds a generated catalogue.
    pub(crate) async fn generated(dir: &Path, catalogue: &Generator) -> Result<Self, Failure> {
        let disk = Self::empty(dir)?;
        generated::import(&disk.store, catalogue).await?;
        Ok(disk)
    }

    fn empty(dir: &Path) -> Result<Self, Failure> {
        let dir = tempfile::tempdir_in(dir)?;
        let store = Self::open(dir.path())?;
        Ok(Self { store, dir })
    }

    /// Opens the store in a folder, and reads all of it.
    pub(crate) fn open(dir: &Path) -> Result<Arc<EmbeddedStore>, Failure> {
        let clock = Sources::system().clock;
        let store = EmbeddedStore::open(dir, clock, embedded::Options::default())?;
        Ok(Arc::new(store))
    }

    /// The folder, once another process may open the store in it.
    pub(crate) async fn closed(self) -> Result<TempDir, Failure> {
        let store = self.store;
        tokio::task::spawn_blocking(move || store.close()).await?;
        Ok(self.dir)
    }
}

/// A node.
pub(crate) struct World {
    pub(crate) disk: Disk,
    pub(crate) system: System,
    pub(crate) sources: Sources,
}

impl World {
    pub(crate) async fn new(dir: &Path) -> Result<Self, Failure> {
        let (disk, sources) = (Disk::new(dir).await?, Sources::system());
        let options = Options {
            store: disk.store.clone() as Arc<dyn Store>,
            sources: sources.clone(),
            catalog: Arc::new(Live::load(&*disk.store).await?),
            cluster: Cluster::alone(),
            users: BOUNDS,
            stocks: BOUNDS,
            commit_time: Duration::from_secs(5),
            recovery_pause: Duration::from_secs(3_600),
        };
        let system = System::start(options).await?;
        Ok(Self {
            disk,
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

    /// What is stored of a user.
    pub(crate) async fn stored(&self, user: UserId) -> Result<UserRecord, Failure> {
        Ok(self.disk.store.user(user).await?.value)
    }

    pub(crate) async fn stop(&self) {
        self.system.stop(soon()).await;
    }
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
