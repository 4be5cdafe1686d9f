//! Lines on standard error and, when configured, spans to a collector by OTLP over HTTP.
//!
//! There is one span per command, with the ids of what it is for and its outcome; it goes on where a client's
//! `traceparent` begins, is stored with the events, and is the parent of what they cause. Without a collector no span is
//! made. A collector that does not answer costs nothing but its spans: they wait in a bounded queue.

use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_otlp::{Protocol, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider};
use std::io::IsTerminal;
use std::time::Duration;
use tracing::Span;
use tracing::level_filters::LevelFilter;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::config::Config;

/// The most spans that wait for the collector; further ones are dropped.
const SPANS_WAITING_MAX: usize = 8_192;
/// How long spans gather.
const GATHER: Duration = Duration::from_secs(1);
/// How long a collector may take.
const EXPORT_WITHIN: Duration = Duration::from_secs(5);
/// The header, and the field of an event.
const TRACEPARENT: &str = "traceparent";

/// Sends what still waits when it is dropped.
#[must_use = "spans that wait are sent when this is dropped"]
pub struct Telemetry(Option<SdkTracerProvider>);

/// Begins to write lines and, where the settings name a collector, to send spans.
pub fn begin(config: &Config) -> anyhow::Result<Telemetry> {
    let provider = config.otlp_url.as_deref().map(provider).transpose()?;
    let spans = provider.as_ref().map(|provider| {
        // Our own spans and those of requests; what libraries say of themselves would trace its own sending.
        let ours = Targets::new().with_target("palabre", LevelFilter::DEBUG);
        tracing_opentelemetry::layer().with_tracer(provider.tracer("palabre")).with_filter(ours)
    });
    tracing_subscriber::registry().with(lines(config)).with(spans).init();
    Ok(Telemetry(provider))
}

/// Begins to write lines alone, for commands that are over soon.
pub fn begin_lines(config: &Config) {
    tracing_subscriber::registry().with(lines(config)).init();
}

/// Lines on standard error; in colours where that is a terminal.
fn lines<S: tracing::Subscriber + for<'a> LookupSpan<'a>>(config: &Config) -> impl Layer<S> + use<S> {
    let lines =
        tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    let lines = if config.log_json { lines.json().boxed() } else { lines.boxed() };
    lines.with_filter(EnvFilter::new(&config.log_filter))
}

fn provider(url: &str) -> anyhow::Result<SdkTracerProvider> {
    let is_plain = url.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http://"));
    anyhow::ensure!(is_plain, "`otlp_url` must begin with http://; for TLS, send to a collector nearby that forwards");
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", url.trim_end_matches('/')))
        .with_timeout(EXPORT_WITHIN)
        .build()?;
    let batches =
        BatchConfigBuilder::default().with_max_queue_size(SPANS_WAITING_MAX).with_scheduled_delay(GATHER).build();
    let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches).build();
    let resource = Resource::builder().with_service_name("palabre").build();
    Ok(SdkTracerProvider::builder().with_span_processor(processor).with_resource(resource).build())
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.0.as_ref().map(SdkTracerProvider::shutdown) {
            eprintln!("palabre: the last spans could not be sent: {error}");
        }
    }
}

/// Makes `span` go on where `traceparent` begins, when spans are sent.
pub fn go_on(span: &Span, traceparent: Option<&str>) {
    let Some(traceparent) = traceparent.filter(|_| !span.is_disabled()) else { return };
    let parent = TraceContextPropagator::new().extract(&Carrier(Some(traceparent.to_owned())));
    if span.set_parent(parent).is_err() {
        // The layer that would take it is not there: nobody is sent spans.
        tracing::trace!("a span has no parent");
    }
}

/// The W3C trace context of `span`; none when spans are not sent.
pub fn traceparent(span: &Span) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    let context = span.context();
    let mut carrier = Carrier(None);
    if context.span().span_context().is_valid() {
        TraceContextPropagator::new().inject_context(&context, &mut carrier);
    }
    carrier.0
}

struct Carrier(Option<String>);

impl Extractor for Carrier {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.as_deref().filter(|_| key == TRACEPARENT)
    }

    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

impl Injector for Carrier {
    fn set(&mut self, key: &str, value: String) {
        if key == TRACEPARENT {
            self.0 = Some(value);
        }
    }
}
