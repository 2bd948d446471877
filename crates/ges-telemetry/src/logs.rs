//! Log lines on standard output: JSON for machines, plain text for people.
//!
//! Texts longer than the configured length are cut (`log.max_len`), and chatty libraries speak only from WARN.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{Format, FormatEvent, JsonFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;

use crate::metrics::Metrics;

/// Libraries whose INFO and DEBUG lines tell an operator nothing.
const CHATTY: [&str; 13] = [
    "fred",
    "h2",
    "hyper",
    "hyper_util",
    "mio",
    "moka",
    "opentelemetry",
    "opentelemetry_sdk",
    "reqwest",
    "rustls",
    "sqlx",
    "tokio_util",
    "tower",
];

/// The shape of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// One JSON object a line.
    Json,
    /// For people at a terminal.
    Text,
}

/// How to log.
#[derive(Debug, Clone, Copy)]
pub struct Logs {
    /// Least serious level that is written.
    pub level: Level,
    /// The shape of lines.
    pub layout: Layout,
    /// Longest message or field in bytes; longer ones are cut.
    pub max_len: usize,
}

/// Logging was already set up in this process.
#[derive(Debug, thiserror::Error)]
#[error("logging was already set up in this process")]
pub struct AlreadyStarted;

impl Logs {
    /// Sends the log lines of this process to standard output. Lines that cannot be written are counted.
    ///
    /// # Errors
    /// [`AlreadyStarted`] on the second call.
    pub fn start(self, metrics: Metrics) -> Result<(), AlreadyStarted> {
        let subscriber = self.subscriber(Counted { metrics, to: Arc::new(io::stdout) });
        tracing::subscriber::set_global_default(subscriber).map_err(|_| AlreadyStarted)
    }

    fn subscriber<W>(self, writer: W) -> Box<dyn Subscriber + Send + Sync>
    where
        W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
    {
        let registry = tracing_subscriber::registry().with(self.filter());
        // Failures are counted by the writer; a second complaint on standard error would go nowhere either.
        let layer = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(writer).log_internal_errors(false);
        match self.layout {
            Layout::Json => {
                let format = JsonLine { max_len: self.max_len };
                Box::new(registry.with(layer.fmt_fields(JsonFields::new()).event_format(format)))
            }
            Layout::Text => {
                let max_len = self.max_len;
                let fields = tracing_subscriber::fmt::format::debug_fn(move |writer, field, value| {
                    let text = cut(format!("{value:?}"), max_len);
                    if field.name() == "message" { write!(writer, "{text}") } else { write!(writer, "{field}={text}") }
                });
                let fields = tracing_subscriber::field::MakeExt::delimited(fields, " ");
                Box::new(registry.with(layer.event_format(Format::default()).fmt_fields(fields)))
            }
        }
    }

    fn filter(self) -> Targets {
        let quiet = LevelFilter::from_level(self.level).min(LevelFilter::WARN);
        Targets::new().with_default(self.level).with_targets(CHATTY.map(|target| (target, quiet)))
    }
}

/// Counts what cannot be written.
struct Counted<O> {
    metrics: Metrics,
    to: Arc<dyn Fn() -> O + Send + Sync>,
}

struct CountedWriter<'a, O> {
    metrics: &'a Metrics,
    to: O,
}

impl<'a, O: Write> MakeWriter<'a> for Counted<O> {
    type Writer = CountedWriter<'a, O>;

    fn make_writer(&'a self) -> Self::Writer {
        CountedWriter { metrics: &self.metrics, to: (self.to)() }
    }
}

impl<O: Write> Write for CountedWriter<'_, O> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // The whole line at once: a line written in part counts once, too.
        match self.to.write_all(bytes) {
            Ok(()) => Ok(bytes.len()),
            Err(error) => {
                self.metrics.logging_failure();
                Err(error)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// One JSON object a line: timestamp, level, target, message, then the fields of the event and of its spans, inner
/// ones first.
struct JsonLine {
    max_len: usize,
}

impl<S> FormatEvent<S, JsonFields> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let mut line = Line { max_len: self.max_len, fields: BTreeMap::new() };
        event.record(&mut line);
        for span in context.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            let Some(fields) = extensions.get::<FormattedFields<JsonFields>>() else { continue };
            let fields: Map<String, Value> = serde_json::from_str(fields).unwrap_or_default();
            for (name, value) in fields {
                line.fields.entry(name).or_insert(value);
            }
        }
        let mut object = Map::new();
        object.insert("timestamp".into(), timestamp.into());
        object.insert("level".into(), event.metadata().level().as_str().into());
        object.insert("target".into(), event.metadata().target().into());
        for (name, value) in line.fields {
            // Our own three names cannot be taken by a field.
            object.entry(name).or_insert(value);
        }
        writeln!(writer, "{}", Value::Object(object))
    }
}

struct Line {
    max_len: usize,
    fields: BTreeMap<String, Value>,
}

impl Line {
    fn put(&mut self, field: &Field, value: impl Into<Value>) {
        self.fields.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, cut(value.to_owned(), self.max_len));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, cut(format!("{value:?}"), self.max_len));
    }

    /// The error in its own words, and what the network or the file system had against it. What else lies beneath may quote values,
    /// so it is left out (I11).
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let beneath = std::iter::successors(value.source(), |error| (**error).source());
        let kind = beneath.filter_map(|error| error.downcast_ref::<io::Error>()).map(io::Error::kind).find(|kind| {
            // Everything that has no word of its own.
            *kind != io::ErrorKind::Other && !kind.to_string().starts_with("uncategorized")
        });
        let text = kind.map_or_else(|| value.to_string(), |kind| format!("{value}: {kind}"));
        self.put(field, cut(text, self.max_len));
    }
}

/// At most `max_len` bytes, ending in `…` when something is missing.
fn cut(mut text: String, max_len: usize) -> String {
    if text.len() > max_len {
        let end = text.floor_char_boundary(max_len.saturating_sub('…'.len_utf8()));
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tracing::{debug, error, info, info_span};

    use super::*;
    use crate::metrics::Identity;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn lines(logs: Logs, work: impl FnOnce()) -> Vec<String> {
        let kept = Kept::default();
        let writer = kept.clone();
        tracing::subscriber::with_default(logs.subscriber(move || writer.clone()), work);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    fn json(max_len: usize) -> Logs {
        Logs { level: Level::INFO, layout: Layout::Json, max_len }
    }

    #[test]
    fn a_json_line_carries_the_fields_of_event_and_spans() {
        let lines = lines(json(2048), || {
            let _outer = info_span!("request", corr_id = "c1", tenant = "outer").entered();
            let _inner = info_span!("attempt", tenant = "inner", n = 2).entered();
            info!(callback.id = "x", ms = 1.5, ok = true, "booked \"it\"\nnow");
        });
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(line["message"], "booked \"it\"\nnow");
        assert_eq!((&line["callback.id"], &line["ms"], &line["ok"]), (&"x".into(), &1.5.into(), &true.into()));
        assert_eq!((&line["corr_id"], &line["tenant"], &line["n"]), (&"c1".into(), &"inner".into(), &2.into()));
        assert_eq!(line["level"], "INFO");
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn an_error_is_told_with_the_trouble_beneath_and_without_its_words() {
        #[derive(Debug, thiserror::Error)]
        #[error("the record store did not answer")]
        struct Lost(#[source] Box<dyn Error + Send + Sync>);
        let refused = io::Error::new(io::ErrorKind::ConnectionRefused, "hunter2");
        let lines = lines(json(2048), || {
            for cause in [Box::new(Lost(refused.into())) as Box<dyn Error + Send + Sync>, "hunter2".into()] {
                let error = Lost(cause);
                info!(error = &error as &dyn Error, "failed");
            }
        });
        let told = |line: &str| serde_json::from_str::<Value>(line).unwrap()["error"].clone();
        assert_eq!(told(&lines[0]), "the record store did not answer: connection refused");
        assert_eq!(told(&lines[1]), "the record store did not answer");
    }

    #[test]
    fn long_texts_are_cut_at_a_character() {
        let lines = lines(json(256), || info!(note = "é".repeat(200), "{}", "x".repeat(300)));
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        for name in ["message", "note"] {
            let text = line[name].as_str().unwrap();
            assert!(text.len() <= 256 && text.ends_with('…'), "{text}");
        }
        assert_eq!(cut("short".into(), 5), "short");
    }

    #[test]
    fn chatty_libraries_and_lower_levels_are_silent() {
        let lines = lines(Logs { level: Level::DEBUG, layout: Layout::Text, max_len: 2048 }, || {
            debug!(target: "hyper::proto", "bytes");
            debug!(target: "sqlx::query", "select");
            error!(target: "hyper::proto", "broken");
            debug!(step = 1, "ours");
            tracing::trace!("too low");
        });
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("broken") && lines[1].ends_with("ours step=1"), "{lines:?}");
    }

    #[test]
    fn a_quieter_level_holds_for_chatty_libraries_too() {
        let logs = Logs { level: Level::ERROR, ..json(256) };
        assert_eq!(lines(logs, || tracing::warn!(target: "hyper", "slow")), Vec::<String>::new());
    }

    #[test]
    fn lines_that_cannot_be_written_are_counted() {
        let metrics =
            Metrics::new(&Identity { version: "1".into(), host: "h".into(), zone_data: "2026a".into() }, false);
        let writer = Counted { metrics: metrics.clone(), to: Arc::new(|| Broken) };
        tracing::subscriber::with_default(json(256).subscriber(writer), || info!("lost"));
        assert!(metrics.render().contains("LOGGING_FAILURE{host=\"h\",version=\"1\"} 1\n"));
    }
}
