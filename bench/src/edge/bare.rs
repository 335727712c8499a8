//! A bare proxy: what it costs to take HTTP/1.1 in and send HTTP/2 out, and nothing else.

use bytes::Bytes;
use http::{Request, Response, Uri};
use http_body_util::BodyExt as _;
use http_body_util::combinators::BoxBody;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};

type Body = BoxBody<Bytes, hyper::Error>;

/// Serves on a free port, which it prints.
pub(crate) async fn serve(upstream: &str) -> anyhow::Result<()> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<HttpConnector, Body> = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build(connector);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (client, upstream) = (client.clone(), upstream.to_owned());
        let service =
            hyper::service::service_fn(move |request| forward(client.clone(), upstream.clone(), request));
        tokio::spawn(async move {
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        });
    }
}

async fn forward(
    client: Client<HttpConnector, Body>,
    upstream: String,
    request: Request<Incoming>,
) -> Result<Response<Incoming>, hyper_util::client::legacy::Error> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", http::uri::PathAndQuery::as_str);
    let uri: Uri = format!("http://{upstream}{path}")
        .parse()
        .expect("both parts are valid");
    let method = request.method().clone();
    let forwarded = Request::builder()
        .method(method)
        .uri(uri)
        .body(request.into_body().boxed());
    client.request(forwarded.expect("the parts are valid")).await
}
