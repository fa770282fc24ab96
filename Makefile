# The menu. `make run` serves, `make test` proves; both do all their set-up.

CACHE  ?= $(or $(LIKENESS_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/likeness)
export LIKENESS_CACHE := $(CACHE)

.PHONY: help run setup test check dev bench fuzz audit soak fmt clean

help:            ## This text
	@grep -E '^[a-z]+: .*##|^[a-z]+:  .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run:             ## Build, install the model packs if missing, start the server; keys are printed at the first start
	@scripts/need run
	@scripts/web
	cargo build --release -p likeness
	target/release/likeness models install --if-missing
	LIKENESS_DEV_TLS=$${LIKENESS_DEV_TLS:-1} exec target/release/likeness serve

setup:           ## Build for development and install the model packs that tests use
	@scripts/need setup
	@scripts/web
	cargo build -p likeness
	target/debug/likeness models install --if-missing
	@scripts/optional-packs target/debug/likeness

test:            ## Everything: set-up, format, lints, tidy, unit and integration tests, other people's clients
	@scripts/test

check:           ## Quick: format, lints, tidy, unit tests, types of the pages
	cargo fmt --check
	@scripts/web check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo test --workspace --lib --bins --test tidy

dev:             ## Serve from the development build; the pages on http://127.0.0.1:5173 reload when they change
	@scripts/need run
	@scripts/web
	cargo build -p likeness
	target/debug/likeness models install --if-missing
	@scripts/dev target/debug/likeness

bench:           ## Measure this machine, beside peers where benches/peers/install has put them
	@scripts/need run
	@scripts/web
	cargo build --release -p likeness
	target/release/likeness models install --if-missing
	target/release/likeness bench $(if $(wildcard $(LIKENESS_CACHE)/peers/installed.txt),--peers)

fuzz:            ## Fuzz every parser of bytes from outside, a minute each (SECONDS=, RUNS=, TARGETS=)
	@SECONDS_EACH=$(or $(SECONDS),60) RUNS=$(RUNS) scripts/fuzz $(TARGETS)

audit:           ## Licences, versions, sources and known faults of all dependencies
	@scripts/audit

soak:            ## Attack a server of its own for MINUTES (10) and see that a quiet account is served
	@scripts/need run
	@scripts/web
	cargo build --release -p likeness
	target/release/likeness models install --if-missing
	@scripts/soak target/release/likeness $(or $(MINUTES),10)

fmt:             ## Format all code
	cargo fmt

clean:           ## Remove what was built; packs and data stay
	cargo clean
