use super::*;
use crate::catalog::fixture::{category, product};
use crate::domain::catalog::{Brand, Catalog, Category, Status};
use crate::domain::ids::{BrandId, CategoryId, ProductId};
use crate::domain::money::Rate;
use crate::domain::shop::{Shop, TaxRate};
use crate::domain::time::Timestamp;
use crate::sources::SystemClock;
use crate::store::CatalogRow;
use crate::store::fault::{Fault, FaultPlan, FaultyStore, Op};
use crate::store::memory::MemoryStore;
use proptest::prelude::*;
use std::collections::BTreeMap;

/// What readers can learn of a view.
#[derive(Debug, PartialEq)]
struct Shown {
    listing: Vec<Arc<Product>>,
    categories: Vec<Category>,
    lists: BTreeMap<CategoryId, Vec<ProductId>>,
    brands: Vec<Brand>,
    shop: Shop,
    found: Vec<(Vec<ProductId>, usize)>,
}

fn shown(view: &View, keywords: &[&str]) -> Shown {
    let snapshot = &view.snapshot;
    let listing: Vec<_> = snapshot.listing().page(0, usize::MAX).cloned().collect();
    for product in &listing {
        assert_eq!(snapshot.product(&product.id), Some(&**product));
    }
    let ids = |products: &[Arc<Product>]| -> Vec<_> {
        products.iter().map(|product| product.id.clone()).collect()
    };
    let lists = snapshot.categories().iter().map(|category| {
        let list = snapshot.category(&category.id).unwrap();
        let products: Vec<_> = list.page(0, usize::MAX).cloned().collect();
        (category.id.clone(), ids(&products))
    });
    let found = keywords.iter().map(|text| {
        let keywords = Keywords::parse(text).unwrap();
        let found = view.find(&keywords, 0, 10_000).unwrap();
        assert_eq!(found.total, found.products.len());
        (ids(&found.products), found.total)
    });
    Shown {
        lists: lists.collect(),
        found: found.collect(),
        categories: snapshot.categories().to_vec(),
        brands: snapshot.brands().to_vec(),
        shop: snapshot.shop().clone(),
        listing,
    }
}

fn memory() -> MemoryStore {
    MemoryStore::new(Arc::new(SystemClock))
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().build().unwrap().block_on(future)
}

/// The view that follows must show what one that is loaded now shows.
async fn assert_current(live: &Live, store: &(impl Catalogs + ?Sized), keywords: &[&str]) {
    live.follow(store).await.unwrap();
    let fresh = Live::load(store).await.unwrap();
    let (followed, fresh) = (live.current(), fresh.current());
    assert_eq!(followed.position, fresh.position);
    assert_eq!(shown(&followed, keywords), shown(&fresh, keywords));
}

fn put(row: Product) -> CatalogRow {
    CatalogRow::Product(Box::new(row))
}

fn some_category() -> impl Strategy<Value = Option<CategoryId>> {
    let id = (0..5u8).prop_map(|n| CategoryId::parse(&format!("c{n}")).unwrap());
    prop::option::weighted(0.8, id)
}

fn some_row() -> impl Strategy<Value = CatalogRow> {
    let words = || prop::collection::vec("[ab]{1,2}", 0..3).prop_map(|words| words.join(" "));
    let status = prop_oneof![
        4 => Just(Status::Active),
        1 => Just(Status::Draft),
        1 => Just(Status::Archived),
    ];
    let products = (
        0..12u8,
        words(),
        words(),
        0..3i64,
        status,
        some_category(),
        0..3i64,
    );
    let products = products.prop_map(|(id, name, text, created, status, category_id, price)| {
        let mut row = product(&format!("p{id}"), &name, &text);
        row.base_price.amount = price;
        put(Product {
            created_at: Timestamp(created),
            status,
            category_id,
            ..row
        })
    });
    let categories = (0..4u8, some_category(), any::<bool>(), "[xy]");
    let categories = categories.prop_map(|(id, parent_id, active, name)| {
        CatalogRow::Category(Category {
            parent_id,
            active,
            name,
            ..category(&format!("c{id}"), None)
        })
    });
    let brands =
        (0..3u8, any::<bool>()).prop_map(|(id, active)| CatalogRow::Brand(brand(id, active)));
    let rates = (0..3u32).prop_map(|rate| CatalogRow::TaxRate(tax(rate)));
    prop_oneof![8 => products, 3 => categories, 1 => brands, 1 => rates]
}

fn brand(id: u8, active: bool) -> Brand {
    Brand {
        id: BrandId::parse(&format!("b{id}")).unwrap(),
        name: "Brand".to_owned(),
        slug: String::new(),
        description: String::new(),
        logo_url: String::new(),
        active,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

fn tax(rate: u32) -> TaxRate {
    TaxRate {
        country: "DE".to_owned(),
        state: None,
        rate: Rate(rate),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn following_any_changes_gives_what_a_fresh_load_gives(
        before in prop::collection::vec(some_row(), 0..30),
        batches in prop::collection::vec(prop::collection::vec(some_row(), 1..12), 1..6),
    ) {
        block_on(async {
            let store = memory();
            store.put_catalog(before).await.unwrap();
            let live = Live::load(&store).await.unwrap();
            for batch in batches {
                let last = live.current();
                let was = shown(&last, &["a", "ab b"]);
                store.put_catalog(batch).await.unwrap();
                assert_current(&live, &store, &["a", "b", "aa", "ab b", "bb a"]).await;
                assert_eq!(shown(&last, &["a", "ab b"]), was, "a view that was taken stays");
            }
        });
    }
}

/// Many small changes, so that segments of the index are merged, slots are used again, and
/// products stand in many chunks.
#[tokio::test]
async fn thousands_of_products_are_followed_through_many_changes() {
    let store = memory();
    let made = |n: u32, round: u32| {
        let words = format!("all w{} v{}", (n * 7 + round) % 40, n % 3);
        Product {
            created_at: Timestamp((n * 31 % 500).into()),
            category_id: CategoryId::parse(&format!("c{}", (n + round) % 4)).ok(),
            status: if (n + round).is_multiple_of(9) {
                Status::Draft
            } else {
                Status::Active
            },
            ..product(&format!("p{n}"), &words, "")
        }
    };
    let categories = [
        ("c0", None),
        ("c1", Some("c0")),
        ("c2", Some("c1")),
        ("c3", None),
    ];
    let categories = categories.map(|(id, parent)| CatalogRow::Category(category(id, parent)));
    store.put_catalog(categories.to_vec()).await.unwrap();
    let all: Vec<_> = (0..3_000).map(|n| put(made(n, 0))).collect();
    for some in all.chunks(256) {
        store.put_catalog(some.to_vec()).await.unwrap();
    }
    let live = Live::load(&store).await.unwrap();
    let keywords = ["all", "w1", "w17 v2", "w", "v1 all"];
    let untouched = ProductId::parse("p2999").unwrap();
    let held = live.current().snapshot.find(&untouched).cloned().unwrap();
    for round in 1..=20 {
        let changed = (0..40).map(|n| put(made((n * 67 + round * 13) % 2_999, round)));
        let new = (0..5).map(|n| put(made(3_000 + round * 5 + n, round)));
        store
            .put_catalog(changed.chain(new).collect())
            .await
            .unwrap();
        live.follow(&store).await.unwrap();
    }
    assert_current(&live, &store, &keywords).await;
    let view = live.current();
    let now = view.snapshot.find(&untouched).unwrap();
    assert!(Arc::ptr_eq(&held, now), "what did not change is shared");
    let slots = view.snapshot.slots.len();
    let listed = view.snapshot.listing().total();
    assert_eq!(slots, listed + view.snapshot.free.len(), "no slot is lost");
}

#[tokio::test]
async fn more_changes_than_one_view_takes_in_are_followed_to_the_end() {
    let store = memory();
    let live = Live::load(&store).await.unwrap();
    for round in 0..40 {
        let rows =
            (0..=u8::MAX).map(|n| CatalogRow::Brand(brand(n, n.wrapping_add(round) % 2 == 0)));
        store.put_catalog(rows.collect()).await.unwrap();
    }
    assert_current(&live, &store, &[]).await;
    assert_eq!(live.current().position, 40 * 256);
}

#[tokio::test]
async fn what_the_log_cannot_tell_is_read_whole_and_shares_what_stayed() {
    let (store, other) = (memory(), memory());
    let rows = |names: [&str; 2]| {
        let names = (0..).zip(names);
        names
            .map(|(n, name)| put(product(&format!("p{n}"), name, "")))
            .collect()
    };
    store.put_catalog(rows(["one", "two"])).await.unwrap();
    store.put_catalog(rows(["one", "three"])).await.unwrap();
    let live = Live::load(&store).await.unwrap();
    let before = live.current();
    // Its log never got as far.
    other.put_catalog(rows(["one", "four"])).await.unwrap();
    assert_current(&live, &other, &["one", "three", "four"]).await;
    let id = ProductId::parse("p0").unwrap();
    let held = |view: &View| view.snapshot.find(&id).cloned().unwrap();
    assert!(Arc::ptr_eq(&held(&before), &held(&live.current())));
    // From there on it is followed.
    other.put_catalog(rows(["five", "four"])).await.unwrap();
    assert_current(&live, &other, &["one", "five", "four"]).await;
}

#[tokio::test]
async fn what_is_written_while_the_catalogue_is_read_is_not_missed() {
    let store = FaultyStore::new(memory(), FaultPlan::NONE);
    let scanned = store.pause(|op| matches!(op, Op::Read("shop")));
    let loading = tokio::spawn({
        let store = store.clone();
        async move { Live::load(&store).await.unwrap() }
    });
    scanned.reached(1).await;
    store
        .put_catalog(vec![put(product("late", "Late", ""))])
        .await
        .unwrap();
    drop(scanned);
    let live = loading.await.unwrap();
    assert_current(&live, &store, &["late"]).await;
    assert_eq!(live.current().snapshot.listing().total(), 1);
}

#[tokio::test]
async fn a_failure_leaves_the_last_view_and_is_made_good() {
    let store = FaultyStore::new(memory(), FaultPlan::NONE);
    let live = Live::load(&store).await.unwrap();
    store
        .put_catalog(vec![put(product("new", "New", ""))])
        .await
        .unwrap();
    for read in ["catalog_changes", "catalog_rows"] {
        store.script(move |op| {
            matches!(op, Op::Read(name) if *name == read).then_some(Fault::Refused)
        });
        assert!(matches!(
            live.follow(&store).await,
            Err(LoadError::Store(_))
        ));
        assert_eq!(live.current().snapshot.listing().total(), 0);
    }
    store.script(|_| None);
    assert_current(&live, &store, &["new"]).await;
    assert_eq!(live.current().snapshot.listing().total(), 1);
}

#[tokio::test]
async fn a_change_is_followed_without_reading_the_rest() {
    let store = FaultyStore::new(memory(), FaultPlan::NONE);
    let live = Live::load(&store).await.unwrap();
    store.script(|op| {
        let whole = ["products", "categories", "brands", "shop"];
        matches!(op, Op::Read(name) if whole.contains(name)).then_some(Fault::Refused)
    });
    for name in ["One", "Two", "Three"] {
        let row = put(product("p", name, ""));
        store.put_catalog(vec![row]).await.unwrap();
        live.follow(&store).await.unwrap();
        let found = live.current().find(&Keywords::parse(name).unwrap(), 0, 1);
        assert_eq!(found.unwrap().total, 1, "{name}");
    }
}

#[tokio::test]
async fn an_index_that_was_lost_is_made_anew() {
    let store = memory();
    let live = Live::load(&store).await.unwrap();
    store
        .put_catalog(vec![put(product("new", "New", ""))])
        .await
        .unwrap();
    *live.0.indexer.lock().await = None;
    assert_current(&live, &store, &["new"]).await;
    assert!(live.0.indexer.lock().await.is_some());
    store
        .put_catalog(vec![put(product("new", "Newer", ""))])
        .await
        .unwrap();
    assert_current(&live, &store, &["new", "newer"]).await;
}
