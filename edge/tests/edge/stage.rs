//! A stage for one test: the library behind, the edge in front, both on ports of their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use postern_edge::{Config, Limits, Meters, ServeConfig, serve, upstream};
use prost_reflect::DescriptorPool;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Client};
use crate::upstream::{Call, Handler, Library, Reply};

/// Nothing in these tests takes as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) struct Stage {
    pub(crate) client: Client,
    pub(crate) edge: SocketAddr,
    pub(crate) shutdown: CancellationToken,
    pub(crate) servers: JoinSet<()>,
    calls: mpsc::UnboundedReceiver<Call>,
}

impl Stage {
    /// Every call is answered with an empty message.
    pub(crate) async fn new() -> Self {
        Self::with(|call| call.ok(json!({}))).await
    }

    pub(crate) async fn with(handler: impl Fn(&Call) -> Reply + Send + Sync + 'static) -> Self {
        Self::with_limits(Limits::default(), handler).await
    }

    pub(crate) async fn with_limits(
        limits: Limits,
        handler: impl Fn(&Call) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::start(Config { limits, ..config() }, Arc::new(handler)).await
    }

    /// Every call is answered with an empty message; pages of these origins may call.
    pub(crate) async fn with_origins(origins: &[&str]) -> Self {
        let cors_origins = origins.iter().map(|origin| origin.parse().unwrap()).collect();
        Self::with_config(Config {
            cors_origins,
            ..config()
        })
        .await
    }

    /// Every call is answered with an empty message.
    pub(crate) async fn with_config(config: Config) -> Self {
        Self::start(config, Arc::new(|call: &Call| call.ok(json!({})))).await
    }

    /// As [`Self::with`], counted there.
    pub(crate) async fn with_meters(
        meters: Meters,
        handler: impl Fn(&Call) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let config = Config {
            meters: Some(meters),
            ..config()
        };
        Self::start(config, Arc::new(handler)).await
    }

    async fn start(config: Config, handler: Handler) -> Self {
        let (sender, calls) = mpsc::unbounded_channel();
        let mut servers = JoinSet::new();
        let behind = listen(&mut servers, library(handler, sender), CancellationToken::new()).await;
        let shutdown = CancellationToken::new();
        let channel = upstream::channel(&format!("http://{behind}")).unwrap();
        let edge = listen(&mut servers, config.build(channel).unwrap(), shutdown.clone()).await;
        Self {
            client: Client::new(edge),
            edge,
            shutdown,
            servers,
            calls,
        }
    }

    /// The next call that the library received.
    pub(crate) async fn call(&mut self) -> Call {
        let call = tokio::time::timeout(PATIENCE, self.calls.recv()).await;
        call.expect("the library was not called").unwrap()
    }

    /// Whether the library was not called (again).
    pub(crate) fn is_quiet(&mut self) -> bool {
        self.calls.try_recv().is_err()
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.client.get(path, &[]).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.client
            .send("POST", path, &[("content-type", "application/json")], body)
            .await
    }
}

/// A library that answers by the handler.
pub(crate) fn library(
    handler: Handler,
    calls: mpsc::UnboundedSender<Call>,
) -> impl tower::Service<
    http::Request<hyper::body::Incoming>,
    Response = http::Response<crate::upstream::Body>,
    Error = std::convert::Infallible,
    Future: Send,
> + Clone
+ Send
+ 'static {
    let pool = DescriptorPool::decode(descriptor_set()).unwrap();
    let library = Library { pool, handler, calls };
    tower::service_fn(move |request| library.clone().answer(request))
}

/// An edge for the library.
pub(crate) fn config() -> Config {
    Config {
        descriptor_set: descriptor_set(),
        ..Config::default()
    }
}

/// An edge for the library on a free port, before these upstreams.
pub(crate) async fn edge_before(servers: &mut JoinSet<()>, upstreams: &str) -> SocketAddr {
    let edge = config().build(upstream::channel(upstreams).unwrap()).unwrap();
    listen(servers, edge, CancellationToken::new()).await
}

/// Serves on a free port.
pub(crate) async fn listen<S, B>(
    servers: &mut JoinSet<()>,
    service: S,
    shutdown: CancellationToken,
) -> SocketAddr
where
    S: tower::Service<
            http::Request<hyper::body::Incoming>,
            Response = http::Response<B>,
            Error = std::convert::Infallible,
            Future: Send,
        > + Clone
        + Send
        + 'static,
    B: http_body::Body<Data = Bytes, Error: Into<tower::BoxError>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    servers.spawn(serve(listener, service, ServeConfig::default(), shutdown));
    address
}

/// library.proto with all that it imports.
pub(crate) fn descriptor_set() -> Bytes {
    compile("library.proto")
}

fn compile(file: &str) -> Bytes {
    let root = env!("CARGO_MANIFEST_DIR");
    let own = format!("{root}/tests/edge");
    let vendored = format!("{root}/../proto");
    let mut compiler = protox::Compiler::new([own, vendored]).unwrap();
    compiler.include_imports(true).open_file(file).unwrap();
    compiler.encode_file_descriptor_set().into()
}

/// A descriptor set of one method with this HTTP rule (none when it is empty), or of several.
pub(crate) fn descriptor_set_of(rules: &[&str]) -> Bytes {
    let methods: String = rules
        .iter()
        .enumerate()
        .map(|(index, rule)| match *rule {
            "" => format!("rpc M{index}(In) returns (Out);\n"),
            rule => format!("rpc M{index}(In) returns (Out) {{ option (google.api.http) = {{{rule}}}; }}\n"),
        })
        .collect();
    let text = format!(
        "syntax = \"proto3\"; package made;
         import \"google/api/annotations.proto\"; import \"google/api/httpbody.proto\";
         service S {{ {methods} }}
         message In {{ string a = 1; repeated string list = 2; In in = 3; map<string, string> map = 4; }}
         message Out {{ string b = 1; Out out = 2; }}"
    );
    let folder = std::env::temp_dir().join(format!("edge-{}", uuid::Uuid::now_v7()));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("made.proto"), text).unwrap();
    let vendored = format!("{}/../proto", env!("CARGO_MANIFEST_DIR"));
    let mut compiler = protox::Compiler::new([folder.to_str().unwrap(), &vendored]).unwrap();
    let opened = compiler.include_imports(true).open_file("made.proto").map(drop);
    std::fs::remove_dir_all(&folder).unwrap();
    opened.unwrap();
    compiler.encode_file_descriptor_set().into()
}
