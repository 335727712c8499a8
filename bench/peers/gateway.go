package main

import (
	"context"
	"net/http"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	posternv1 "postern/gen/postern/v1"
)

// gateway is grpc-gateway with its generated handlers and its default options.
func gateway(upstream string) (http.Handler, error) {
	connection, err := grpc.NewClient(upstream, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return nil, err
	}
	mux := runtime.NewServeMux()
	return mux, posternv1.RegisterJobServiceHandler(context.Background(), mux, connection)
}
