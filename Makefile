# Palabre: `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

LISTEN ?= 127.0.0.1:8080
DATA ?= $(if $(DEMO),palabre-demo,palabre-data)
KILLS ?= 50
DURATION ?= 600
SEED ?=

# The benchmarks open many sockets.
MANY_FILES := ulimit -n "$$(ulimit -H -n)";

# Faults on purpose, which the checks must find: then it ends with 1.
planted = for plant in lost-frame early-frame; do status=0; \
	target/$(1)/chaos --palabre target/$(1)/palabre --duration 5 --plant $$plant || status=$$?; \
	[ $$status = 1 ] || { echo "the planted $$plant was not found"; exit 1; }; done; echo "Every planted fault was found."

.PHONY: help
help: ## List the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: run
run: page ## Build page and server, and start it on the embedded store (LISTEN=…, DATA=…); DEMO=1: a demo, in a folder of its own
	cargo build --release --bin palabre
	exec target/release/palabre $(if $(DEMO),demo,serve) --listen $(LISTEN) --data $(DATA)

.PHONY: cluster
cluster: ## Start PostgreSQL, Redis, three nodes and a balancer on this machine (LISTEN=…); Ctrl-C stops them
	cargo build --release --bin palabre
	PALABRE_LISTEN=$(LISTEN) exec scripts/cluster/run target/release/palabre

.PHONY: test
test: test-needs web/node_modules ## Install what tests need, then check format, lints and docs and run every test
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
	cd web && npm run --silent lint && npm run --silent check && npm run --silent test && npm run --silent build
	cargo build --workspace --bins --tests
	cd web && npm run --silent e2e
	cargo test --workspace
	target/debug/crash --palabre target/debug/palabre --kills 5
	target/debug/chaos --palabre target/debug/palabre --duration 60
	$(call planted,debug)

.PHONY: test-long
test-long: test-needs ## Run what takes longer than the tests may: ten minutes of chaos, 200 kills
	cargo build --release --workspace --bins
	target/release/crash --palabre target/release/palabre --kills 200 $(if $(SEED),--seed $(SEED))
	target/release/chaos --palabre target/release/palabre --duration 600 $(if $(SEED),--seed $(SEED))
	$(call planted,release)

.PHONY: test-needs
test-needs:
	@scripts/install-test-needs

# Without Node the server is built all the same, and says that its page is missing.
.PHONY: page
page:
	@if scripts/has-node; then $(MAKE) --no-print-directory page-with-node; \
	else echo "Node is missing or older than 20.19: building the server without its page"; fi

.PHONY: page-with-node
page-with-node: web/node_modules
	cd web && npm run --silent build

.PHONY: wire
wire: web/node_modules ## Write the page's types anew from what the server says
	cargo run --quiet --bin palabre -- openapi > target/openapi.json
	mv target/openapi.json web/src/wire/openapi.json
	cd web && npm run --silent wire

web/node_modules: web/package-lock.json
	cd web && npm ci --silent
	touch $@

.PHONY: story
story: ## Play the story: a driver, two passengers, a kill in the middle, an audit
	cargo build --release --workspace --bins
	target/release/story --palabre target/release/palabre

.PHONY: crash
crash: ## Kill the server KILLS times under load and check what it had promised (SEED=…)
	cargo build --release --workspace --bins
	target/release/crash --palabre target/release/palabre --kills $(KILLS) $(if $(SEED),--seed $(SEED))

.PHONY: chaos
chaos: test-needs ## Let everything fail around three nodes for DURATION seconds and check what they had promised (SEED=…)
	cargo build --release --workspace --bins
	target/release/chaos --palabre target/release/palabre --duration $(DURATION) $(if $(SEED),--seed $(SEED))

.PHONY: planted
planted: test-needs ## Show that the checks of chaos find faults that are planted on purpose
	cargo build --release --workspace --bins
	$(call planted,release)

.PHONY: bench-chat
bench-chat: ## Measure the chat beside a bare broadcaster: messages/s, latency, CPU, memory, replay, start
	cargo build --release --workspace --bins
	$(MANY_FILES) target/release/bench-chat --palabre target/release/palabre

.PHONY: bench-nodes
bench-nodes: test-needs ## Measure the chat of two nodes on PostgreSQL and Redis beside the same broadcaster, and delivery across nodes
	cargo build --release --workspace --bins
	$(MANY_FILES) target/release/bench-chat --palabre target/release/palabre --nodes 2 --conversations 64,1000

.PHONY: bench-search
bench-search: ## Measure searches among 10,000 and 100,000 offers: searches/s, latency, CPU
	cargo build --release --workspace --bins
	target/release/bench-search --palabre target/release/palabre

.PHONY: bench-booking
bench-booking: ## Measure bookings, instant and negotiated, and count every seat: bookings/s, latency, CPU
	cargo build --release --workspace --bins
	target/release/bench-booking --palabre target/release/palabre

.PHONY: hostile
hostile: ## Put the server under clients that never read, dribble, declare 2^63 bytes or come by thousands, while others talk
	cargo build --release --workspace --bins
	$(MANY_FILES) target/release/hostile --palabre target/release/palabre

.PHONY: bench-log
bench-log: test-needs ## Measure the log on SQLite and on PostgreSQL beside a raw file: acknowledgements/s, bytes written
	$(MANY_FILES) cargo bench --bench log

.PHONY: bench
bench: ## Measure the log, the replay and the matching index
	cargo bench --workspace --bench '*'
