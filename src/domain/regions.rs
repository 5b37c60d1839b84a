//! Countries, and the states of those whose taxes depend on them (ISO 3166).
//!
//! Codes and English names alone: what is taxed where is the shop's data.

/// The officially assigned codes of ISO 3166-1 alpha-2, sorted.
const COUNTRIES: [&str; 249] = [
    "AD", "AE", "AF", "AG", "AI", "AL", "AM", "AO", "AQ", "AR", "AS", "AT", "AU", "AW", "AX", "AZ",
    "BA", "BB", "BD", "BE", "BF", "BG", "BH", "BI", "BJ", "BL", "BM", "BN", "BO", "BQ", "BR", "BS",
    "BT", "BV", "BW", "BY", "BZ", "CA", "CC", "CD", "CF", "CG", "CH", "CI", "CK", "CL", "CM", "CN",
    "CO", "CR", "CU", "CV", "CW", "CX", "CY", "CZ", "DE", "DJ", "DK", "DM", "DO", "DZ", "EC", "EE",
    "EG", "EH", "ER", "ES", "ET", "FI", "FJ", "FK", "FM", "FO", "FR", "GA", "GB", "GD", "GE", "GF",
    "GG", "GH", "GI", "GL", "GM", "GN", "GP", "GQ", "GR", "GS", "GT", "GU", "GW", "GY", "HK", "HM",
    "HN", "HR", "HT", "HU", "ID", "IE", "IL", "IM", "IN", "IO", "IQ", "IR", "IS", "IT", "JE", "JM",
    "JO", "JP", "KE", "KG", "KH", "KI", "KM", "KN", "KP", "KR", "KW", "KY", "KZ", "LA", "LB", "LC",
    "LI", "LK", "LR", "LS", "LT", "LU", "LV", "LY", "MA", "MC", "MD", "ME", "MF", "MG", "MH", "MK",
    "ML", "MM", "MN", "MO", "MP", "MQ", "MR", "MS", "MT", "MU", "MV", "MW", "MX", "MY", "MZ", "NA",
    "NC", "NE", "NF", "NG", "NI", "NL", "NO", "NP", "NR", "NU", "NZ", "OM", "PA", "PE", "PF", "PG",
    "PH", "PK", "PL", "PM", "PN", "PR", "PS", "PT", "PW", "PY", "QA", "RE", "RO", "RS", "RU", "RW",
    "SA", "SB", "SC", "SD", "SE", "SG", "SH", "SI", "SJ", "SK", "SL", "SM", "SN", "SO", "SR", "SS",
    "ST", "SV", "SX", "SY", "SZ", "TC", "TD", "TF", "TG", "TH", "TJ", "TK", "TL", "TM", "TN", "TO",
    "TR", "TT", "TV", "TW", "TZ", "UA", "UG", "UM", "US", "UY", "UZ", "VA", "VC", "VE", "VG", "VI",
    "VN", "VU", "WF", "WS", "YE", "YT", "ZA", "ZM", "ZW",
];

/// A state's code (ISO 3166-2 without the country) and an English name of it.
type State = (&'static str, &'static str);

/// The states, the district, the territories, and the armed forces' post. A second row for a code
/// is a second name.
const UNITED_STATES: &[State] = &[
    ("AA", "Armed Forces Americas"),
    ("AE", "Armed Forces Europe"),
    ("AK", "Alaska"),
    ("AL", "Alabama"),
    ("AP", "Armed Forces Pacific"),
    ("AR", "Arkansas"),
    ("AS", "American Samoa"),
    ("AZ", "Arizona"),
    ("CA", "California"),
    ("CO", "Colorado"),
    ("CT", "Connecticut"),
    ("DC", "District of Columbia"),
    ("DE", "Delaware"),
    ("FL", "Florida"),
    ("GA", "Georgia"),
    ("GU", "Guam"),
    ("HI", "Hawaii"),
    ("IA", "Iowa"),
    ("ID", "Idaho"),
    ("IL", "Illinois"),
    ("IN", "Indiana"),
    ("KS", "Kansas"),
    ("KY", "Kentucky"),
    ("LA", "Louisiana"),
    ("MA", "Massachusetts"),
    ("MD", "Maryland"),
    ("ME", "Maine"),
    ("MI", "Michigan"),
    ("MN", "Minnesota"),
    ("MO", "Missouri"),
    ("MP", "Northern Mariana Islands"),
    ("MS", "Mississippi"),
    ("MT", "Montana"),
    ("NC", "North Carolina"),
    ("ND", "North Dakota"),
    ("NE", "Nebraska"),
    ("NH", "New Hampshire"),
    ("NJ", "New Jersey"),
    ("NM", "New Mexico"),
    ("NV", "Nevada"),
    ("NY", "New York"),
    ("OH", "Ohio"),
    ("OK", "Oklahoma"),
    ("OR", "Oregon"),
    ("PA", "Pennsylvania"),
    ("PR", "Puerto Rico"),
    ("RI", "Rhode Island"),
    ("SC", "South Carolina"),
    ("SD", "South Dakota"),
    ("TN", "Tennessee"),
    ("TX", "Texas"),
    ("UM", "United States Minor Outlying Islands"),
    ("UT", "Utah"),
    ("VA", "Virginia"),
    ("VI", "U.S. Virgin Islands"),
    ("VI", "Virgin Islands, U.S."),
    ("VT", "Vermont"),
    ("WA", "Washington"),
    ("WI", "Wisconsin"),
    ("WV", "West Virginia"),
    ("WY", "Wyoming"),
];

const CANADA: &[State] = &[
    ("AB", "Alberta"),
    ("BC", "British Columbia"),
    ("MB", "Manitoba"),
    ("NB", "New Brunswick"),
    ("NL", "Newfoundland and Labrador"),
    ("NS", "Nova Scotia"),
    ("NT", "Northwest Territories"),
    ("NU", "Nunavut"),
    ("ON", "Ontario"),
    ("PE", "Prince Edward Island"),
    ("QC", "Quebec"),
    ("SK", "Saskatchewan"),
    ("YT", "Yukon"),
];

const AUSTRALIA: &[State] = &[
    ("ACT", "Australian Capital Territory"),
    ("NSW", "New South Wales"),
    ("NT", "Northern Territory"),
    ("QLD", "Queensland"),
    ("SA", "South Australia"),
    ("TAS", "Tasmania"),
    ("VIC", "Victoria"),
    ("WA", "Western Australia"),
];

/// Whether `code`, in capitals, is an officially assigned ISO 3166-1 alpha-2 code.
#[must_use]
pub fn is_country(code: &str) -> bool {
    COUNTRIES.binary_search(&code).is_ok()
}

/// Whether an address in `country` must name one of the country's states.
#[must_use]
pub fn has_states(country: &str) -> bool {
    !states(country).is_empty()
}

/// The code of the state that `text` names in `country` (a code in capitals): by its code, by its
/// code behind the country's (`US-NY`), or by its English name, in any case. `None` where it names
/// none, and for every country without [`has_states`].
#[must_use]
pub fn state_code(country: &str, text: &str) -> Option<&'static str> {
    let text = text.trim().to_uppercase();
    let after_country = text
        .strip_prefix(country)
        .and_then(|rest| rest.strip_prefix('-'));
    let code = after_country.unwrap_or(&text);
    states(country)
        .iter()
        .find(|(known, name)| *known == code || name.eq_ignore_ascii_case(&text))
        .map(|(known, _)| *known)
}

fn states(country: &str) -> &'static [State] {
    match country {
        "US" => UNITED_STATES,
        "CA" => CANADA,
        "AU" => AUSTRALIA,
        _ => &[],
    }
}

/// The territories of the United States that have a country code of their own, so that an address
/// there can be written either way.
const US_TERRITORIES: [&str; 6] = ["AS", "GU", "MP", "PR", "UM", "VI"];

/// The territory that is a country of its own as well as a state of the United States, where
/// country and state name one.
#[must_use]
pub fn us_territory<'a>(country: &'a str, state: &'a str) -> Option<&'a str> {
    let code = if country == "US" { state } else { country };
    US_TERRITORIES.contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn countries_are_sorted_distinct_pairs_of_capitals() {
        assert!(COUNTRIES.is_sorted_by(|a, b| a < b));
        for code in COUNTRIES {
            assert!(is_country(code));
            assert!(code.len() == 2 && code.bytes().all(|letter| letter.is_ascii_uppercase()));
        }
        for wrong in ["", "us", "UK", "EU", "XK", "USA", "ZZ", "AN"] {
            assert!(!is_country(wrong), "{wrong}");
        }
    }

    #[test]
    fn every_state_is_found_by_each_of_its_spellings() {
        for (country, count) in [("US", 60), ("CA", 13), ("AU", 8)] {
            let codes: BTreeSet<_> = states(country).iter().map(|(code, _)| *code).collect();
            assert_eq!(codes.len(), count, "{country}");
            for (code, name) in states(country) {
                for spelling in [
                    (*code).to_owned(),
                    format!(" {country}-{} ", code.to_lowercase()),
                    name.to_lowercase(),
                    name.to_uppercase(),
                ] {
                    assert_eq!(state_code(country, &spelling), Some(*code), "{spelling}");
                }
            }
        }
    }

    #[test]
    fn names_of_two_states_never_collide() {
        for country in ["US", "CA", "AU"] {
            let texts = states(country)
                .iter()
                .flat_map(|(code, name)| [*code, *name])
                .map(str::to_uppercase);
            for text in texts {
                let found: BTreeSet<_> = states(country)
                    .iter()
                    .filter(|(code, name)| *code == text || name.to_uppercase() == text)
                    .map(|(code, _)| code)
                    .collect();
                assert_eq!(found.len(), 1, "{text}");
            }
        }
    }

    #[test]
    fn territories_are_countries_and_states() {
        for code in US_TERRITORIES {
            assert!(is_country(code));
            assert_eq!(state_code("US", code), Some(code));
            assert_eq!(us_territory("US", code), Some(code));
            assert_eq!(us_territory(code, "anywhere"), Some(code));
        }
        for (country, state) in [("US", "NY"), ("US", ""), ("DE", "PR"), ("CA", "GU")] {
            assert_eq!(us_territory(country, state), None, "{country} {state}");
        }
    }

    #[test]
    fn what_names_no_state_is_none() {
        for (country, text) in [
            ("US", ""),
            ("US", "ON"),
            ("US", "CA-ON"),
            ("US", "US-"),
            ("US", "US-NEW YORK"),
            ("US", "N.Y."),
            ("CA", "NY"),
            ("AU", "QL"),
            ("DE", "BY"),
        ] {
            assert_eq!(state_code(country, text), None, "{country} {text}");
        }
        assert!(has_states("AU") && !has_states("DE"));
    }
}
