use super::*;
use crate::import::progress::Logged;
use crate::import::{Format, Input, Options, run};
use crate::sources::Sources;
use crate::store::Catalogs;
use crate::store::memory::MemoryStore;

fn records(seed: u64, products: u64) -> Vec<Record> {
    let generator = Generator::new(seed, products);
    generator.records().map(Result::unwrap).collect()
}

fn products(records: &[Record]) -> Vec<&Product> {
    let products = records.iter().filter_map(|record| match &record.row {
        CatalogRow::Product(product) => Some(&**product),
        _ => None,
    });
    products.collect()
}

#[test]
fn a_seed_makes_one_catalogue_and_another_another() {
    assert_eq!(records(7, 50), records(7, 50));
    assert_ne!(records(7, 50), records(8, 50));
    let generator = Generator::new(7, 50);
    assert_eq!(Some(&generator.product(49).unwrap()), records(7, 50).last());
}

/// Held fast, so that figures measured on a catalogue mean the same for ever.
#[test]
fn a_catalogue_never_changes() {
    let mut text = Vec::new();
    Generator::new(1, 1).write_ndjson(&mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    insta::assert_snapshot!(text.lines().last().unwrap(), @r#"{"type":"product","id":"gen-0000000","sku":"SKU-0000000","name":"Gakehe Ravoza Pipiru Lakuju","description":"Fogepa rapuza kujano navehi mapijo jagobi gamopu bababa bababa gakehe gakehe mopifa bababa jilobi budavo gakehe bababa sipili. Lot lot00000000, everyday.","base_price":{"amount":26260,"currency":"USD"},"brand_id":"gen-brand-0","category_id":"gen-cat-2","stock":458}"#);
}

#[test]
fn words_match_as_many_products_as_they_say() {
    let generator = Generator::new(3, 110);
    let records = records(3, 110);
    let with = |word: &str| {
        let begun = |text: &str| {
            let mut words = text.split(|letter: char| !letter.is_alphanumeric());
            words.any(|other| other.starts_with(word))
        };
        let products = products(&records).into_iter();
        products
            .filter(|product| begun(&product.name) || begun(&product.description))
            .count() as u64
    };
    for block in 0..5 {
        assert_eq!(with(&generator.rare_word(block).unwrap()), RARE);
    }
    assert_eq!(generator.rare_word(5), None);
    let (half, count) = generator.half_word();
    assert_eq!((with(half), count), (55, 55));
}

#[test]
fn texts_are_as_long_as_those_of_shops() {
    let records = records(1, 200);
    let products = products(&records);
    let sum: usize = products.iter().map(|one| one.description.len()).sum();
    assert!((140..165).contains(&(sum / products.len())), "{sum}");
}

#[tokio::test]
async fn what_is_written_is_imported_whole_to_the_same_rows() {
    let generator = Generator::new(5, 600);
    let mut text = Vec::new();
    generator.write_ndjson(&mut text).unwrap();
    let sources = Sources::system();
    let store = MemoryStore::new(sources.clock.clone());
    let input = Input {
        file: "generated".to_owned(),
        format: Format::Ndjson,
        data: &*text,
    };
    let report = run(&store, &sources, input, Options::default(), &mut Logged).await;
    let total = report.unwrap().total();
    assert_eq!((total.refused, total.unchanged, total.changed), (0, 0, 0));
    for record in generator.records() {
        let row = record.unwrap().row;
        let stored = store.catalog_rows(vec![row.key()]).await.unwrap();
        assert_eq!(undated(stored[0].clone().unwrap()), undated(row));
    }
}

fn undated(mut row: CatalogRow) -> CatalogRow {
    let times = match &mut row {
        CatalogRow::Category(row) => (&mut row.created_at, &mut row.updated_at),
        CatalogRow::Brand(row) => (&mut row.created_at, &mut row.updated_at),
        CatalogRow::Product(row) => (&mut row.created_at, &mut row.updated_at),
        _ => return row,
    };
    (*times.0, *times.1) = (Timestamp(0), Timestamp(0));
    row
}
