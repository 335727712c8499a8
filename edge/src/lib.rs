//! A descriptor-driven proxy: REST, SSE, gRPC and gRPC-Web in front of any gRPC service.
