package main

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"

	"connectrpc.com/vanguard"
	"golang.org/x/net/http2"

	_ "postern/gen/postern/v1"
)

// transcoder is vanguard in front of a reverse proxy that speaks HTTP/2 without TLS to the server.
func transcoder(upstream string) (http.Handler, error) {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: upstream})
	proxy.FlushInterval = -1
	proxy.Transport = &http2.Transport{
		AllowHTTP: true,
		DialTLSContext: func(ctx context.Context, network, address string, _ *tls.Config) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address)
		},
	}
	service := vanguard.NewService("postern.v1.JobService", proxy, vanguard.WithTargetProtocols(vanguard.ProtocolGRPC), vanguard.WithTargetCodecs(vanguard.CodecProto))
	return vanguard.NewTranscoder([]*vanguard.Service{service})
}
