use super::*;
use std::time::Duration;

#[derive(Clone, Copy)]
enum Colour {
    Red,
    Blue,
}

labels!(Colour, "colour", Red => "red", Blue => "blue");

#[derive(Clone, Copy)]
enum Size {
    Small,
    Large,
}

labels!(Size, "size", Small => "small", Large => "large");

#[test]
fn every_series_is_there_before_anything_was_counted() {
    let metrics = Metrics::default();
    let sold = By::<(Colour, Size), Counter>::default();
    metrics.register("sold", "What was sold", sold.clone());
    sold.of((Colour::Blue, Size::Small)).inc();
    sold.of((Colour::Blue, Size::Large)).inc_by(2);
    insta::assert_snapshot!(metrics.render().unwrap(), @r#"
    # HELP sold What was sold.
    # TYPE sold counter
    sold_total{colour="red",size="small"} 0
    sold_total{colour="red",size="large"} 0
    sold_total{colour="blue",size="small"} 1
    sold_total{colour="blue",size="large"} 2
    # EOF
    "#);
}

#[test]
fn a_bound_belongs_to_its_bucket() {
    let metrics = Metrics::default();
    let sizes = Histogram::of_sizes();
    metrics.register("at_once", "How many at once", sizes.clone());
    for number in [1, 2, 3, 256, 257] {
        sizes.held(number);
    }
    let text = metrics.render().unwrap();
    for line in [
        "at_once_sum 519.0",
        "at_once_count 5",
        r#"at_once_bucket{le="1.0"} 1"#,
        r#"at_once_bucket{le="2.0"} 2"#,
        r#"at_once_bucket{le="4.0"} 3"#,
        r#"at_once_bucket{le="128.0"} 3"#,
        r#"at_once_bucket{le="256.0"} 4"#,
        r#"at_once_bucket{le="+Inf"} 5"#,
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
    }
}

#[test]
fn times_are_shown_in_seconds() {
    let metrics = Metrics::default();
    let times = By::<Colour, Histogram>::each(|_| Histogram::of_times());
    metrics.register_in(Unit::Seconds, "wait", "How long", times.clone());
    times.of(Colour::Red).took(Duration::from_millis(250));
    let text = metrics.render().unwrap();
    for line in [
        "# UNIT wait_seconds seconds",
        r#"wait_seconds_sum{colour="red"} 0.25"#,
        r#"wait_seconds_bucket{le="0.1",colour="red"} 0"#,
        r#"wait_seconds_bucket{le="0.25",colour="red"} 1"#,
        r#"wait_seconds_count{colour="blue"} 0"#,
    ] {
        assert!(text.lines().any(|shown| shown == line), "{line} in {text}");
    }
}

#[test]
fn what_somebody_else_has_is_read_when_it_is_shown() {
    let metrics = Metrics::default();
    let held = Arc::new(Mutex::new(1_usize));
    let read = held.clone();
    let reading = Reading::number(move || *read.lock().unwrap());
    metrics.register("held", "What is held", reading);
    *held.lock().unwrap() = 3;
    assert!(metrics.render().unwrap().contains("\nheld 3.0\n"));
}

#[test]
fn of_two_servers_each_has_its_own() {
    let (one, other) = (Metrics::default(), Metrics::default());
    let counter = Counter::default();
    one.register("asked", "How often", counter.clone());
    counter.inc();
    assert!(one.render().unwrap().contains("asked_total 1"));
    assert_eq!(other.render().unwrap(), "# EOF\n");
}
