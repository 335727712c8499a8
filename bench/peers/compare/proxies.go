package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"connectrpc.com/vanguard"
	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	books "postern/gen/comparison/v1"
)

const edgeName = "Postern"

// proxy is one of those that are compared.
type proxy struct {
	name string
	// Without a slash at the end.
	url string
}

// programs are the files that are not part of this one, and those that run.
type programs struct {
	postern, envoy, descriptors string
	running                     *sync.WaitGroup
}

func (p programs) start(command *exec.Cmd) error {
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		return err
	}
	p.running.Go(func() { command.Wait() })
	return nil
}

// start starts all proxies, each with its defaults; they end with the context.
func start(ctx context.Context, programs programs, upstream string) ([]proxy, error) {
	edge, err := startEdge(ctx, programs, upstream)
	if err != nil {
		return nil, err
	}
	gateway, err := startGateway(ctx, upstream)
	if err != nil {
		return nil, err
	}
	envoy, err := startEnvoy(ctx, programs, upstream)
	if err != nil {
		return nil, err
	}
	transcoder, err := startVanguard(upstream)
	if err != nil {
		return nil, err
	}
	return []proxy{{edgeName, edge}, {"grpc-gateway", gateway}, {"Envoy", envoy}, {"Vanguard", transcoder}}, nil
}

func startEdge(ctx context.Context, programs programs, upstream string) (string, error) {
	edge := exec.CommandContext(ctx, programs.postern, "edge", "--listen", "127.0.0.1:0",
		"--upstream", "http://"+upstream, "--descriptor-set", programs.descriptors)
	edge.Env = append(os.Environ(), "POSTERN_ADMIN_LISTEN=127.0.0.1:0", "RUST_LOG=error")
	output, err := edge.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := programs.start(edge); err != nil {
		return "", err
	}
	for lines := bufio.NewScanner(output); lines.Scan(); {
		if url, ok := strings.CutPrefix(lines.Text(), "edge "); ok {
			return strings.TrimSpace(url), nil
		}
	}
	return "", errors.New("the edge says no address")
}

// grpc-gateway with its generated handlers.
func startGateway(ctx context.Context, upstream string) (string, error) {
	connection, err := grpc.NewClient(upstream, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	mux := runtime.NewServeMux()
	if err := books.RegisterBooksHandler(ctx, mux, connection); err != nil {
		return "", err
	}
	return serve(mux)
}

// vanguard in front of a reverse proxy that speaks HTTP/2 without TLS to the server.
func startVanguard(upstream string) (string, error) {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: upstream})
	proxy.FlushInterval = -1
	proxy.Transport = &http.Transport{Protocols: protocols}
	service := vanguard.NewService("comparison.v1.Books", proxy,
		vanguard.WithTargetProtocols(vanguard.ProtocolGRPC), vanguard.WithTargetCodecs(vanguard.CodecProto))
	handler, err := vanguard.NewTranscoder([]*vanguard.Service{service})
	if err != nil {
		return "", err
	}
	return serve(handler)
}

func serve(handler http.Handler) (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	go http.Serve(listener, handler)
	return "http://" + listener.Addr().String(), nil
}

// Envoy with its filters for gRPC-Web and JSON. Errors as JSON are the one thing that is not its default.
const envoyConfig = `{"static_resources": {
  "listeners": [{"address": {"socket_address": {"address": "127.0.0.1", "port_value": %d}},
    "filter_chains": [{"filters": [{"name": "http", "typed_config": {
      "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
      "stat_prefix": "in",
      "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"],
        "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "upstream", "timeout": "60s"}}]}]},
      "http_filters": [
        {"name": "web", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_web.v3.GrpcWeb"}},
        {"name": "json", "typed_config": {
          "@type": "type.googleapis.com/envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
          "proto_descriptor": %q, "services": ["comparison.v1.Books"], "convert_grpc_status": true}},
        {"name": "router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}]}}]}]}],
  "clusters": [{"name": "upstream", "type": "STATIC",
    "load_assignment": {"cluster_name": "upstream", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": {"socket_address":
      {"address": "127.0.0.1", "port_value": %s}}}}]}]},
    "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
      "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
      "explicit_http_config": {"http2_protocol_options": {}}}}}]}}`

func startEnvoy(ctx context.Context, programs programs, upstream string) (string, error) {
	// Envoy tells its port to its own administration alone: take one that is free now.
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := free.Addr().(*net.TCPAddr)
	free.Close()
	_, port, err := net.SplitHostPort(upstream)
	if err != nil {
		return "", err
	}
	envoy := exec.CommandContext(ctx, programs.envoy, "--config-yaml", fmt.Sprintf(envoyConfig, address.Port, programs.descriptors, port),
		"--concurrency", "1", "--disable-hot-restart", "--log-level", "error")
	if err := programs.start(envoy); err != nil {
		return "", err
	}
	return "http://" + address.String(), listens(address.String())
}

// listens returns as soon as somebody listens there.
func listens(address string) error {
	for until := time.Now().Add(20 * time.Second); time.Now().Before(until); time.Sleep(20 * time.Millisecond) {
		if connection, err := net.Dial("tcp", address); err == nil {
			return connection.Close()
		}
	}
	return fmt.Errorf("nobody listens at %s", address)
}
