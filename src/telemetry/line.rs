//! What a line of the log looks like: the event, and of which request it is. Spans are not told:
//! they are there for traces, and those of other crates say nothing of ours.

use super::caller::Request;
use std::borrow::Cow;
use std::fmt;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Json, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// For people: the event, then the request's fields.
pub(super) struct ForPeople;

/// For machines: one object, the request's fields beside the event's.
pub(super) struct ForMachines(Format<Json>);

impl ForMachines {
    pub(super) fn new(format: Format<Json>) -> Self {
        let format = format.flatten_event(true);
        Self(format.with_current_span(false).with_span_list(false))
    }
}

/// Tells the fields of the request that `event` is of, but for those that it has itself.
fn tell_request(
    event: &Event<'_>,
    mut tell: impl FnMut(&'static str, Cow<'_, str>) -> fmt::Result,
) -> fmt::Result {
    let Some(request) = Request::current() else {
        return Ok(());
    };
    let own = event.metadata().fields();
    let mut fields = request.fields();
    fields.try_for_each(|(name, value)| match own.field(name) {
        None => tell(name, value),
        Some(_) => Ok(()),
    })
}

impl<S, N> FormatEvent<S, N> for ForPeople
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let (level, target) = (event.metadata().level(), event.metadata().target());
        let (dimmed, coloured, plain) = match writer.has_ansi_escapes() {
            true => ("\x1b[2m", colour(*level), "\x1b[0m"),
            false => ("", "", ""),
        };
        write!(writer, "{dimmed}")?;
        SystemTime.format_time(&mut writer)?;
        write!(
            writer,
            "{plain} {coloured}{level:>5}{plain} {dimmed}{target}:{plain} "
        )?;
        context.format_fields(writer.by_ref(), event)?;
        tell_request(event, |name, value| write!(writer, " {name}={value}"))?;
        writeln!(writer)
    }
}

/// What a terminal shows in the level's colour from there on.
fn colour(level: Level) -> &'static str {
    match level {
        Level::TRACE => "\x1b[35m",
        Level::DEBUG => "\x1b[34m",
        Level::INFO => "\x1b[32m",
        Level::WARN => "\x1b[33m",
        Level::ERROR => "\x1b[31m",
    }
}

impl<S, N> FormatEvent<S, N> for ForMachines
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        let object = line.trim_end();
        writer.write_str(object.strip_suffix('}').ok_or(fmt::Error)?)?;
        tell_request(event, |name, value| {
            write!(writer, ",\"{name}\":{}", serde_json::Value::from(value))
        })?;
        writeln!(writer, "}}")
    }
}
