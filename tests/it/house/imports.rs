//! Modules import one way: what each may import is a table in `ARCHITECTURE.md`.

mod source;

use super::{quoted, read, root, rows};
use source::scan;
use std::collections::{BTreeMap, BTreeSet};

/// Modules, and what each imports.
type Imports = BTreeMap<String, BTreeSet<String>>;

/// What the table says.
fn allowed() -> Imports {
    let table = rows(&read("ARCHITECTURE.md"), "## Modules");
    let listed = table.iter().skip(1).flat_map(|row| {
        let imports: BTreeSet<_> = quoted(&row[2]).into_iter().map(str::to_owned).collect();
        let names = quoted(&row[0]).into_iter().map(str::to_owned);
        names.map(move |name| (name, imports.clone()))
    });
    listed.collect()
}

/// What the code says, tests left out: every module that `lib.rs` declares, with its submodules.
fn actual() -> Imports {
    let top = scan(&read("src/lib.rs"), &[]).modules;
    let imports = top.into_iter().map(|module| {
        let mut found = BTreeSet::new();
        gather(vec![module.clone()], &mut found);
        found.remove(&module);
        (module, found)
    });
    imports.collect()
}

fn gather(module: Vec<String>, found: &mut BTreeSet<String>) {
    let stem = format!("src/{}", module.join("/"));
    let files = [format!("{stem}.rs"), format!("{stem}/mod.rs")];
    let file = files.iter().find(|file| root().join(file).is_file());
    let file = file.unwrap_or_else(|| panic!("{} has no file", module.join("::")));
    let scanned = scan(&read(file), &module);
    found.extend(scanned.imports);
    for child in scanned.modules {
        gather([module.as_slice(), &[child]].concat(), found);
    }
}

#[test]
fn modules_import_what_the_table_says_and_nothing_else() {
    let (allowed, actual) = (allowed(), actual());
    let names = |imports: &Imports| imports.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        names(&allowed),
        names(&actual),
        "the table's modules, and those of lib.rs"
    );
    for (module, imports) in &actual {
        assert_eq!(
            &allowed[module], imports,
            "the table's imports of {module}, and its real ones"
        );
    }
}

#[test]
fn no_module_imports_itself_by_way_of_others() {
    let allowed = allowed();
    let mut settled = BTreeSet::new();
    while settled.len() < allowed.len() {
        let next: Vec<_> = allowed
            .iter()
            .filter(|(module, imports)| !settled.contains(*module) && imports.is_subset(&settled))
            .map(|(module, _)| module.clone())
            .collect();
        assert!(
            !next.is_empty(),
            "a circle among those that are not of {settled:?}"
        );
        settled.extend(next);
    }
}
