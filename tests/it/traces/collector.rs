//! The program, and a collector to which it sends.

use crate::process::api::Api;
use crate::process::binary::Shop;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use serde_json::json;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportTraceServiceRequest>>>);

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn fill_a_cart(url: &str) {
    let api = Api::of(url);
    let token = api.token("ann@example.com").await;
    for _ in 0..20 {
        let body = json!({"product_id": "prod-1", "quantity": 1});
        let answer = api.post("/cart/items", Some(&token), body).await;
        assert_eq!(answer.status, 200, "{:?}", answer.body);
    }
}

#[tokio::test]
async fn a_server_that_stops_has_sent_its_traces() {
    let collector = Collector::default();
    let incoming = TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}", incoming.local_addr().unwrap());
    let service = TraceServiceServer::new(collector.clone());
    let served = Server::builder().add_service(service);
    tokio::spawn(served.serve_with_incoming(incoming));

    let shop = Shop::new();
    let flags = [
        "--otlp-endpoint",
        &endpoint,
        "--trace-sample",
        "1",
        "--node-name",
        "one",
    ];
    let server = shop.start(&flags);
    fill_a_cart(&server.url).await;
    tokio::task::spawn_blocking(|| server.stop()).await.unwrap();

    let sent = collector.0.lock().unwrap();
    let resources: Vec<_> = sent.iter().flat_map(|sent| &sent.resource_spans).collect();
    let resource = format!("{:?}", resources[0].resource);
    for told in ["service.name", "cartwright", "service.instance.id", "one"] {
        assert!(
            resource.contains(&format!("{told:?}")),
            "{told}: {resource}"
        );
    }
    let scopes = resources.iter().flat_map(|of| &of.scope_spans);
    let names: Vec<_> = scopes
        .flat_map(|of| &of.spans)
        .map(|span| &*span.name)
        .collect();
    for (name, count) in [("POST /api/v1/cart/items", 20), ("user.command", 20)] {
        let found = names.iter().filter(|found| **found == name).count();
        assert!(found >= count, "{name}: {names:?}");
    }
}

#[tokio::test]
async fn a_collector_that_hangs_or_is_away_harms_nobody() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
    let (hanging, away) = (address(&silent), address(&gone));
    drop(gone);
    for collector in [hanging, away] {
        let shop = Shop::new();
        let endpoint = format!("http://{collector}");
        let server = shop.start(&["--otlp-endpoint", &endpoint, "--trace-sample", "1"]);
        fill_a_cart(&server.url).await;
        tokio::task::spawn_blocking(|| server.stop()).await.unwrap();
    }
}
