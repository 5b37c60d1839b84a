//! What a server shows of itself, read.

use std::collections::{BTreeMap, BTreeSet};

/// The series of an exposition, with their values.
#[derive(Clone, Debug)]
pub struct Figures(BTreeMap<String, f64>);

impl Figures {
    pub fn of(text: &str) -> Self {
        assert!(text.ends_with("# EOF\n"), "{text}");
        let series = text.lines().filter(|line| !line.starts_with('#'));
        let mut figures = BTreeMap::new();
        for line in series {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let before = figures.insert(name.to_owned(), value.parse().unwrap());
            assert_eq!(before, None, "{name} is there twice");
        }
        Self(figures)
    }

    /// The value of a series, which is there.
    #[track_caller]
    pub fn get(&self, series: &str) -> f64 {
        match self.0.get(series) {
            Some(value) => *value,
            None => panic!("there is no {series} among {:#?}", self.0.keys()),
        }
    }

    /// By how much a series has grown since `earlier`.
    #[track_caller]
    pub fn growth(&self, earlier: &Self, series: &str) -> f64 {
        self.get(series) - earlier.get(series)
    }

    /// The series that there are.
    pub fn series(&self) -> BTreeSet<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    /// The names of all figures, each with its type and the labels that every series of it has.
    pub fn described(text: &str) -> BTreeSet<(String, String, Vec<String>)> {
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let described = types.map(|line| {
            let (name, kind) = line.split_once(' ').unwrap();
            let (name, sample) = match kind {
                "counter" => (format!("{name}_total"), format!("{name}_total")),
                "histogram" => (name.to_owned(), format!("{name}_count")),
                _ => (name.to_owned(), name.to_owned()),
            };
            (name, kind.to_owned(), labels(text, &sample))
        });
        described.collect()
    }
}

/// The names of the labels of a sample's first series.
fn labels(text: &str, sample: &str) -> Vec<String> {
    let series = text.lines().find_map(|line| {
        let rest = line.strip_prefix(sample)?;
        rest.starts_with(['{', ' ']).then_some(rest)
    });
    let series = series.unwrap_or_else(|| panic!("{sample} has no series"));
    let labels = series.split("=\"").map(|part| {
        let start = part.rfind(['{', ',']).map_or(0, |at| at + 1);
        part[start..].to_owned()
    });
    let mut labels: Vec<_> = labels.collect();
    // What follows the last value is no label.
    labels.pop();
    labels
}
