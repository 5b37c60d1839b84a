//! Bad histories are found, and good ones are not taken for bad.

use super::*;

fn lines(lines: &[(&str, u64)]) -> Lines {
    let owned = lines
        .iter()
        .map(|(line, units)| ((*line).to_owned(), *units));
    owned.collect()
}

fn shown(of: &[(&str, u64)]) -> Outcome {
    Outcome::Done(Some(lines(of)))
}

fn add(line: &str, quantity: u64) -> Call {
    let line = line.to_owned();
    Call::Add { line, quantity }
}

fn set(line: &str, quantity: u64) -> Call {
    let line = line.to_owned();
    Call::Set { line, quantity }
}

fn order(name: &str) -> Call {
    let name = name.to_owned();
    Call::Order { name }
}

/// Of one customer, sent and answered at these seconds.
fn judged(
    events: &[(u64, u64, Call, Outcome)],
    cart: &[(&str, u64)],
    orders: &[(&str, &[(&str, u64)])],
) -> Vec<String> {
    let ann = || "ann".to_owned();
    let events = events.iter().cloned();
    let events = events.map(|(sent, answered, call, outcome)| Event {
        customer: ann(),
        call,
        sent: Duration::from_secs(sent),
        answered: Duration::from_secs(answered),
        outcome,
        put_off: Vec::new(),
    });
    let history = History {
        events: events.collect(),
        phases: vec![(Duration::ZERO, "all".to_owned())],
    };
    let orders: Vec<Order> = orders
        .iter()
        .map(|(name, of)| Order {
            name: (*name).to_owned(),
            lines: lines(of),
        })
        .collect();
    let sold = orders.iter().flat_map(|order| order.lines.values()).sum();
    let stock = Stock {
        received: 100,
        available: 100 - sold,
        held: 0,
        sold,
    };
    let end = Final {
        carts: BTreeMap::from([(ann(), lines(cart))]),
        orders: BTreeMap::from([(ann(), orders)]),
        stock,
    };
    check(&history, &end).violations
}

const NOTHING: Vec<String> = Vec::new();

/// Exactly one, which says this.
fn assert_found(violations: &[String], part: &str) {
    assert_eq!(violations.len(), 1, "{violations:#?}");
    assert!(violations[0].contains(part), "{violations:#?}");
}

#[test]
fn changes_one_after_the_other_are_explained() {
    let events = [
        (0, 1, add("a", 2), shown(&[("a", 2)])),
        (2, 3, set("a", 5), shown(&[("a", 5)])),
        (4, 5, add("b", 1), shown(&[("a", 5), ("b", 1)])),
        (6, 7, order("o"), shown(&[("a", 5), ("b", 1)])),
        (8, 9, order("p"), Outcome::Refused("cart_empty".to_owned())),
        (8, 9, Call::Read, shown(&[])),
        (10, 11, add("c", 3), shown(&[("c", 3)])),
    ];
    let order = ("o", [("a", 5), ("b", 1)].as_slice());
    assert_eq!(judged(&events, &[("c", 3)], &[order]), NOTHING);
}

#[test]
fn changes_at_once_are_explained_by_either_order() {
    let events = [
        (0, 9, add("a", 1), shown(&[("a", 1), ("b", 1)])),
        (0, 9, add("b", 1), shown(&[("b", 1)])),
    ];
    assert_eq!(judged(&events, &[("a", 1), ("b", 1)], &[]), NOTHING);
    let both_first = [
        (0, 9, add("a", 1), shown(&[("a", 1)])),
        (0, 9, add("b", 1), shown(&[("b", 1)])),
    ];
    let found = judged(&both_first, &[("a", 1), ("b", 1)], &[]);
    assert_found(&found, "nothing explains");
}

#[test]
fn an_acknowledged_change_that_is_lost_is_found() {
    let events = [
        (0, 1, add("a", 1), shown(&[("a", 1)])),
        (2, 3, set("a", 2), shown(&[("a", 2)])),
    ];
    assert_found(&judged(&events[..1], &[], &[]), "the cart in the end, {}");
    assert_found(&judged(&events, &[("a", 1)], &[]), "the cart in the end");
    // One that was acknowledged without a cart, too.
    let replayed = [(0, 1, add("a", 1), Outcome::Done(None))];
    assert_found(&judged(&replayed, &[], &[]), "the cart in the end");
}

#[test]
fn a_change_that_took_effect_twice_is_found() {
    let once = [(0, 1, add("a", 1), shown(&[("a", 1)]))];
    assert_found(&judged(&once, &[("a", 2)], &[]), "the cart in the end");
    let unknown = [(0, 1, add("a", 1), Outcome::Unknown)];
    assert_found(&judged(&unknown, &[("a", 2)], &[]), "the cart in the end");
    // Set again to what it had been before somebody else's change.
    let back = [
        (0, 1, add("a", 1), shown(&[("a", 1)])),
        (2, 3, set("a", 2), Outcome::Unknown),
        (4, 5, set("a", 3), shown(&[("a", 3)])),
        (6, 7, Call::Read, shown(&[("a", 2)])),
        (8, 9, Call::Read, shown(&[("a", 3)])),
    ];
    assert_found(&judged(&back, &[("a", 3)], &[]), "8.000..   9.000 ann read");
}

#[test]
fn a_stale_read_is_found() {
    let events = [
        (0, 1, add("a", 1), shown(&[("a", 1)])),
        (2, 3, Call::Read, shown(&[])),
    ];
    assert_found(&judged(&events, &[("a", 1)], &[]), "read");
    let at_once = [(0, 3, add("a", 1), shown(&[("a", 1)])), events[1].clone()];
    assert_eq!(judged(&at_once, &[("a", 1)], &[]), NOTHING);
}

#[test]
fn a_read_of_what_is_undone_later_is_found() {
    let events = [
        (0, 9, add("a", 1), Outcome::Unknown),
        (1, 2, Call::Read, shown(&[("a", 1)])),
    ];
    assert_eq!(judged(&events, &[("a", 1)], &[]), NOTHING);
    assert_found(&judged(&events, &[], &[]), "the cart in the end, {}");
}

#[test]
fn an_unknown_change_may_be_there_or_not_and_late() {
    let events = [
        (0, 1, add("a", 1), Outcome::Unknown),
        (2, 3, Call::Read, shown(&[])),
    ];
    assert_eq!(judged(&events, &[], &[]), NOTHING);
    assert_eq!(judged(&events, &[("a", 1)], &[]), NOTHING);
}

#[test]
fn an_order_takes_what_it_drafted_once_and_leaves_what_came_meanwhile() {
    let meanwhile = [
        (0, 1, add("a", 1), shown(&[("a", 1)])),
        (2, 9, order("o"), shown(&[("a", 1)])),
        (3, 4, set("a", 3), Outcome::Unknown),
        (3, 4, add("b", 1), shown(&[("a", 3), ("b", 1)])),
    ];
    let once = ("o", [("a", 1)].as_slice());
    let left = [("a", 2), ("b", 1)];
    assert_eq!(judged(&meanwhile, &left, &[once]), NOTHING);
    let found = judged(&meanwhile, &[("a", 3), ("b", 1)], &[once]);
    assert_found(&found, "the cart in the end");
}

#[test]
fn orders_that_are_lost_doubled_or_made_up_are_found() {
    let events = [
        (0, 1, add("a", 1), shown(&[("a", 1)])),
        (2, 3, order("o"), shown(&[("a", 1)])),
    ];
    let lines = [("a", 1)].as_slice();
    let (o, p) = (("o", lines), ("p", lines));
    assert_eq!(judged(&events, &[], &[o]), NOTHING);
    assert!(judged(&events, &[], &[])[0].contains("order o: done, {a: 1}: lost"));
    assert!(judged(&events, &[], &[o, o])[0].contains("placed 2 times"));
    assert_found(
        &judged(&events, &[], &[o, p]),
        "nobody asked for the order p",
    );
    let unknown = [
        events[0].clone(),
        (2, 3, order("o"), Outcome::Unknown),
        (4, 5, Call::Read, shown(&[("a", 1)])),
    ];
    assert_eq!(judged(&unknown, &[], &[o]), NOTHING);
    assert_eq!(judged(&unknown, &[("a", 1)], &[]), NOTHING);
    // It took nothing from the cart.
    assert_found(&judged(&unknown, &[("a", 1)], &[o]), "the cart in the end");
    let refused = Outcome::Refused("cart_changed".to_owned());
    let refused = [events[0].clone(), (2, 3, order("o"), refused)];
    assert!(judged(&refused, &[], &[o])[0].contains("refused, and placed"));
}

#[test]
fn stock_that_is_held_missing_or_oversold_is_found() {
    let judged = |available, held, sold| {
        let stock = Stock {
            received: 10,
            available,
            held,
            sold,
        };
        let order = Order {
            name: "o".to_owned(),
            lines: lines(&[("a", 4)]),
        };
        let end = Final {
            orders: BTreeMap::from([("nobody".to_owned(), vec![order])]),
            stock,
            ..Final::default()
        };
        check(&History::default(), &end).violations.len()
    };
    assert_eq!(judged(6, 0, 4), 0);
    assert_eq!(judged(4, 2, 4), 1);
    assert_eq!(judged(5, 0, 4), 1);
    assert_eq!(judged(7, 0, 3), 1);
}

#[test]
fn a_verdict_counts_and_names_the_violation() {
    let event = |call, outcome, put_off: &[u64]| Event {
        customer: "ann".to_owned(),
        call,
        sent: Duration::from_secs(1),
        answered: Duration::from_secs(2),
        outcome,
        put_off: put_off.iter().map(|at| Duration::from_secs(*at)).collect(),
    };
    let history = History {
        events: vec![
            event(add("a", 1), Outcome::Done(None), &[1]),
            event(add("b", 1), Outcome::Unknown, &[5]),
        ],
        phases: vec![
            (Duration::ZERO, "calm".to_owned()),
            (Duration::from_secs(4), "storm".to_owned()),
        ],
    };
    let end = Final {
        carts: BTreeMap::from([("ann".to_owned(), Lines::new())]),
        ..Final::default()
    };
    insta::assert_snapshot!(check(&history, &end).to_string(), @r"
       sent   done refused unknown     503  slowest  phase
          2      1       0       1       1   1.00 s  calm
          0      0       0       0       1   0.00 s  storm
    1 customers, 0 orders, Stock { received: 0, available: 0, held: 0, sold: 0 }
    verdict: VIOLATED
      ann: nothing explains the cart in the end, {}
        possible before it: {a: 1}
    the customer of the first:
         1.000..   2.000 ann add a: 1: done before, put off 1 times
         1.000..   2.000 ann add b: 1: unknown, put off 1 times
    ");
}
