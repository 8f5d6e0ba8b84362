use std::fmt;
use std::io::IsTerminal as _;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, fmt as lines};

use crate::cli::LogLines;
use crate::failure::Failure;

/// What says what is logged.
pub(crate) const FILTER: &str = "HOLOBIONT_LOG";
/// What is logged when nothing is said. The engine warns ten times a second of a peer that is away:
/// the connections say so once.
const DEFAULT_FILTER: &str = "info,openraft=error,h2=warn,hyper=warn";

/// Log lines of this process from here on, on standard error. Where trust is simulated, every line
/// says so.
pub(crate) fn start(format: LogLines, simulated: bool) -> Result<(), Failure> {
    let asked = std::env::var(FILTER).unwrap_or_else(|_| DEFAULT_FILTER.to_owned());
    let filter = EnvFilter::try_new(&asked).map_err(|error| Failure::Usage {
        what: format!("{FILTER} is {asked:?}: {error}"),
        help: "such as info, debug, or info,holobiont_committee_raft=debug",
    })?;
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let format = Lines { format, simulated, colour };
    let subscriber = lines().with_env_filter(filter).with_writer(std::io::stderr);
    subscriber.event_format(format).try_init().map_err(|error| Failure::Usage {
        what: format!("log lines cannot be written: {error}"),
        help: "this process has a log of its own already: please report this",
    })
}

/// One line an event, for people or for machines.
struct Lines {
    format: LogLines,
    simulated: bool,
    colour: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let now = jiff::Timestamp::now();
        let metadata = event.metadata();
        match self.format {
            LogLines::Terminal => {
                let (on, off) = if self.colour { colour(*metadata.level()) } else { ("", "") };
                write!(writer, "{now:.3} {on}{:>5}{off} ", metadata.level())?;
                if self.simulated {
                    writer.write_str("SIMULATED-TDX ")?;
                }
                writer.write_str(&fields.message)?;
                for (name, value) in &fields.others {
                    match value {
                        Value::String(text) => write!(writer, " {name}={text:?}")?,
                        other => write!(writer, " {name}={other}")?,
                    }
                }
            }
            LogLines::Json => {
                let mut line = Map::new();
                line.insert("time".to_owned(), format!("{now:.3}").into());
                line.insert("level".to_owned(), metadata.level().as_str().into());
                line.insert("simulated".to_owned(), self.simulated.into());
                line.insert("target".to_owned(), metadata.target().into());
                line.insert("message".to_owned(), fields.message.into());
                line.extend(fields.others);
                write!(writer, "{}", Value::Object(line))?;
            }
        }
        writer.write_char('\n')
    }
}

const fn colour(level: Level) -> (&'static str, &'static str) {
    match level {
        Level::ERROR => ("\x1b[31m", "\x1b[0m"),
        Level::WARN => ("\x1b[33m", "\x1b[0m"),
        Level::INFO => ("\x1b[32m", "\x1b[0m"),
        _ => ("\x1b[2m", "\x1b[0m"),
    }
}

#[derive(Default)]
struct Fields {
    message: String,
    others: Map<String, Value>,
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.message = text;
        } else {
            self.others.insert(field.name().to_owned(), text.into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = value.to_owned();
        } else {
            self.others.insert(field.name().to_owned(), value.into());
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.others.insert(field.name().to_owned(), value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.others.insert(field.name().to_owned(), value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.others.insert(field.name().to_owned(), value.into());
    }
}
