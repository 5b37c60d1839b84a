//! The way of finished spans to a collector: a bounded queue, a thread that empties it, and a log
//! line when the collector fails and when it is back. Whatever the collector does, nobody waits for
//! it.

use super::FLUSH_TIME;
use super::head::Head;
use crate::config::{Share, TraceSettings};
use crate::sources::Entropy;
use crate::telemetry::TelemetryError;
use opentelemetry::trace::{SpanKind, Status, TracerProvider};
use opentelemetry::{KeyValue, Value};
use opentelemetry_otlp::{
    RetryPolicy, SpanExporter as OtlpExporter, WithExportConfig, WithTonicConfig,
};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanData, SpanExporter,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tonic::transport::{ClientTlsConfig, Endpoint};
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::registry::LookupSpan;

/// Finished spans that wait to be sent; more are dropped.
const MAX_WAITING: usize = 2_048;
/// Spans that are sent at once.
const MAX_BATCH: usize = 512;
/// How long a span waits for others at most.
const BATCH_TIME: Duration = Duration::from_secs(1);
/// How long connecting to the collector, and sending a batch, may take each.
const SEND_TIME: Duration = Duration::from_secs(3);
/// Attributes, events and links that a span keeps; commits have links to as many requests as wait.
const MAX_PARTS: u32 = 128;

/// Traces requests, and sends what it has of them.
pub struct Traces {
    provider: SdkTracerProvider,
    head: Head,
}

impl Traces {
    /// To a collector, as node `name`. Sends on the runtime that this is called in.
    ///
    /// # Errors
    /// [`TelemetryError::Collector`]; not where it is merely away.
    pub fn to_collector(
        settings: &TraceSettings,
        name: &str,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, TelemetryError> {
        let unusable = |error: String| TelemetryError::Collector(error);
        let endpoint = Endpoint::from_shared(settings.endpoint.clone());
        let mut endpoint = endpoint.map_err(|error| unusable(error.to_string()))?;
        if settings.endpoint.starts_with("https:") {
            let tls = ClientTlsConfig::new().with_native_roots();
            let with_tls = endpoint.tls_config(tls);
            endpoint = with_tls.map_err(|error| unusable(error.to_string()))?;
        }
        let channel = endpoint.connect_timeout(SEND_TIME).timeout(SEND_TIME);
        let exporter = OtlpExporter::builder()
            .with_tonic()
            .with_channel(channel.connect_lazy())
            .with_timeout(SEND_TIME)
            .with_retry_policy(RetryPolicy::disabled())
            .build();
        let exporter = exporter.map_err(|error| unusable(error.to_string()))?;
        Ok(Self::to(exporter, settings.sample, name, entropy))
    }

    /// To an exporter, as node `name`.
    #[must_use]
    pub fn to(
        exporter: impl SpanExporter + 'static,
        sample: Share,
        name: &str,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let batches = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_WAITING)
            .with_max_export_batch_size(MAX_BATCH)
            .with_scheduled_delay(BATCH_TIME)
            .build();
        let exporter = Reported {
            exporter,
            lost: AtomicU64::new(0),
        };
        let processor = BatchSpanProcessor::builder(exporter).with_batch_config(batches);
        let resource = Resource::builder().with_service_name("cartwright");
        let resource = resource.with_attributes([
            KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            KeyValue::new("service.instance.id", name.to_owned()),
        ]);
        let provider = SdkTracerProvider::builder()
            // What comes here was chosen already.
            .with_sampler(Sampler::AlwaysOn)
            .with_resource(resource.build())
            .with_max_attributes_per_span(MAX_PARTS)
            .with_max_events_per_span(MAX_PARTS)
            .with_max_links_per_span(MAX_PARTS)
            .with_span_processor(processor.build());
        Self {
            provider: provider.build(),
            head: Head { sample, entropy },
        }
    }

    pub(in crate::telemetry) fn layer<S>(&self) -> impl Layer<S> + Send + Sync + 'static
    where
        S: Subscriber + for<'span> LookupSpan<'span> + Send + Sync + 'static,
    {
        tracing_opentelemetry::layer()
            .with_tracer(self.provider.tracer(env!("CARGO_PKG_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(self.head.clone())
    }

    /// Sends what waits, and nothing from then on. Blocks meanwhile, for [`FLUSH_TIME`] at most.
    pub fn close(self) {
        if let Err(error) = self.provider.shutdown_with_timeout(FLUSH_TIME) {
            tracing::warn!(%error, "telemetry.traces.unsent");
        }
    }
}

/// Tells when spans are lost and when no more are, once each; and calls things as OpenTelemetry
/// does.
#[derive(Debug)]
struct Reported<E> {
    exporter: E,
    /// Since the last batch that was not.
    lost: AtomicU64,
}

impl<E: SpanExporter> SpanExporter for Reported<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let spans = batch.len() as u64;
        let batch = batch.into_iter().map(conventional).collect();
        let sent = self.exporter.export(batch).await;
        match &sent {
            Ok(()) => {
                let lost = self.lost.swap(0, Ordering::Relaxed);
                if lost > 0 {
                    tracing::info!(lost, "telemetry.traces.resumed");
                }
            }
            Err(error) => {
                if self.lost.fetch_add(spans, Ordering::Relaxed) == 0 {
                    tracing::warn!(%error, "telemetry.traces.lost");
                }
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// The span as OpenTelemetry's conventions have it.
fn conventional(mut span: SpanData) -> SpanData {
    span.span_kind = match &*span.name {
        "http.request" | "cluster.call" => SpanKind::Server,
        "cluster.hop" | "store.write" => SpanKind::Client,
        _ => SpanKind::Internal,
    };
    let of = |key: &str| {
        let found = span.attributes.iter().find(|at| at.key.as_str() == key);
        found.map(|at| at.value.clone())
    };
    if let Some(Value::I64(500..)) = of("http.response.status_code") {
        span.status = Status::error("");
    }
    if let (Some(method), Some(route)) = (of("http.request.method"), of("http.route")) {
        span.name = format!("{method} {route}").trim_end().to_owned().into();
    }
    span
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LogFormat;
    use crate::telemetry::subscriber;
    use futures::FutureExt;
    use opentelemetry::InstrumentationScope;
    use opentelemetry::trace::{SpanContext, SpanId};
    use opentelemetry_sdk::error::OTelSdkError;
    use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
    use std::io::Seek;
    use std::sync::atomic::AtomicBool;
    use std::time::UNIX_EPOCH;

    /// A collector that is there or not.
    #[derive(Debug, Default)]
    struct Flaky {
        is_there: AtomicBool,
    }

    impl SpanExporter for Flaky {
        async fn export(&self, _: Vec<SpanData>) -> OTelSdkResult {
            match self.is_there.load(Ordering::Relaxed) {
                true => Ok(()),
                false => Err(OTelSdkError::InternalFailure("away".to_owned())),
            }
        }
    }

    #[test]
    fn a_failure_that_lasts_is_logged_once_and_its_end_too() {
        let log = Arc::new(tempfile::tempfile().unwrap());
        let lines = subscriber("info", LogFormat::Text, None, false, log.clone()).unwrap();
        let reported = Reported {
            exporter: Flaky::default(),
            lost: AtomicU64::new(0),
        };
        let export = |is_there: bool| {
            reported
                .exporter
                .is_there
                .store(is_there, Ordering::Relaxed);
            let exported = reported.export(vec![span("cluster.hop")]).now_or_never();
            assert_eq!(exported.unwrap().is_ok(), is_there);
        };
        tracing::subscriber::with_default(lines, || {
            for is_there in [true, false, false, false, true, true, false] {
                export(is_there);
            }
        });
        (&*log).rewind().unwrap();
        let told = std::io::read_to_string(&*log).unwrap();
        let said = |line: &str| line.split_once("export: ").unwrap().1.to_owned();
        let told: Vec<_> = told.lines().map(said).collect();
        let lost = "telemetry.traces.lost error=Operation failed: away";
        assert_eq!(told, [lost, "telemetry.traces.resumed lost=3", lost]);
    }

    fn span(name: &'static str) -> SpanData {
        SpanData {
            span_context: SpanContext::NONE,
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: name.into(),
            start_time: UNIX_EPOCH,
            end_time: UNIX_EPOCH,
            attributes: Vec::new(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::default(),
        }
    }

    #[test]
    fn a_request_is_called_by_method_and_route_and_failed_by_its_status() {
        let called = |status: i64, route: &'static str| {
            let mut span = span("http.request");
            span.attributes = vec![
                KeyValue::new("http.request.method", "GET"),
                KeyValue::new("http.route", route),
                KeyValue::new("http.response.status_code", status),
            ];
            let span = conventional(span);
            (span.name, span.span_kind, span.status)
        };
        let fine = ("GET /cart".into(), SpanKind::Server, Status::Unset);
        assert_eq!(called(404, "/cart"), fine);
        let failed = ("GET".into(), SpanKind::Server, Status::error(""));
        assert_eq!(called(503, ""), failed);
        assert_eq!(
            conventional(span("cluster.hop")).span_kind,
            SpanKind::Client
        );
        assert_eq!(
            conventional(span("user.commit")).span_kind,
            SpanKind::Internal
        );
    }
}
