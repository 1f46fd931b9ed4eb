# Every command of the project. `make help` prints this list; `make check` is what CI runs.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

# The first of these that is Python 3.11 or newer and can make a virtual environment.
PYTHON ?= $(shell for p in python3.11 python3 python3.12 python3.13 python3.14 /usr/bin/python3.11 /usr/bin/python3; do \
	$$p -c 'import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
UV := .tools/bin/uv
ARGS ?=
# Certificates are the system's, so that a company's own mirror or proxy works for uv as it does for pip.
export UV_SYSTEM_CERTS := true
POINTS ?= 200

# Stamps carry the hash of what they installed, so a changed lock installs again and an unchanged one does nothing.
hash = $(shell cat $(1) 2>/dev/null | sha256sum | cut -c1-16)
TOOLS := .tools/.done-$(call hash,requirements/tools.lock)
PROJECT_FILES := pyproject.toml packages/client/pyproject.toml requirements/tools.lock
RUNTIME := .venv/.runtime-$(call hash,requirements/runtime.lock $(PROJECT_FILES))
DEV := .venv/.dev-$(call hash,requirements/runtime.lock requirements/dev.lock $(PROJECT_FILES))

.PHONY: help
help: ## print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1m%-12s\033[0m %s\n", $$1, $$2 }' Makefile

# ---------------------------------------------------------------------------------------------------- install

.PHONY: setup
setup: $(DEV) ## make the virtual environment with everything the checks need

$(TOOLS):
	@if [ -z "$(PYTHON)" ]; then echo "Trivium needs Python 3.11 or newer with its venv module." >&2; exit 1; fi
	@echo "Installing the installer (uv, hash-locked) ..."
	@rm -rf .tools
	@$(PYTHON) -m venv .tools
	@.tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: \
		-r requirements/tools.lock 2> >(grep -v '^WARNING: Location' >&2)
	@touch $@

# The runtime comes first and alone: `make run` waits for nothing else. The dev lock holds the same versions and more.
$(RUNTIME): $(TOOLS)
	@echo "Installing Trivium ..."
	@$(call install,requirements/runtime.lock)
	@touch $@

$(DEV): $(TOOLS)
	@echo "Installing Trivium and what its checks need ..."
	@$(call install,requirements/dev.lock)
	@touch $(RUNTIME) $@

# The project's own two wheels are links into src; they are built outside, so that no build tool enters .venv.
define install
[ -x $(BIN)/python ] || $(UV) venv --quiet --python $(PYTHON) .venv; \
rm -rf .venv/.runtime-* .venv/.dev-* .venv/.own; \
$(UV) pip sync --quiet --python $(BIN)/python --require-hashes $(1); \
.tools/bin/python -m hatchling build -t wheel:editable -d .venv/.own >/dev/null 2>&1; \
cd packages/client && ../../.tools/bin/python -m hatchling build -t wheel:editable -d ../../.venv/.own >/dev/null 2>&1; cd ../..; \
$(UV) pip install --quiet --offline --no-deps --python $(BIN)/python .venv/.own/*.whl
endef

.PHONY: hooks
hooks: ## check format, lint and imports before each commit of this clone
	@git config core.hooksPath tools/hooks

# Locks carry hashes and no index address. Versions move only when asked: `make lock ARGS=--upgrade`.
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-emit-package trivium-client --custom-compile-command "make lock" $(ARGS)
EXTRAS := --extra postgres --extra grpc --extra mcp --extra otel --extra prometheus --extra audio

.PHONY: lock
lock: $(TOOLS) ## write the requirement locks again
	@$(COMPILE) requirements/tools.in -o requirements/tools.lock
	@$(COMPILE) pyproject.toml -o requirements/runtime.lock
	@$(COMPILE) pyproject.toml $(EXTRAS) --group dev -c requirements/runtime.lock -o requirements/dev.lock

# ---------------------------------------------------------------------------------------------------- run

.PHONY: run serve demo
run: $(RUNTIME) ## start with a sample agent on 127.0.0.1:8080 (ARGS="--port 9000")
	@exec $(BIN)/trivium demo $(ARGS)

serve: $(RUNTIME) ## start without samples (ARGS as for run)
	@exec $(BIN)/trivium serve $(ARGS)

demo: run ## the five-minute tour: what `run` prints

# ---------------------------------------------------------------------------------------------------- check

.PHONY: check fmt style lint types arch generate generated docs
check: style lint types arch generated docs test ## everything that CI runs

fmt: $(DEV) ## format and fix
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

style: $(DEV) ## format, check only
	@$(BIN)/ruff format --check

lint: $(DEV) ## ruff
	@$(BIN)/ruff check

types: $(DEV) ## mypy, strict; pyright, strict, over what users of the client write
	@$(BIN)/mypy
	@$(BIN)/basedpyright --warnings

arch: $(DEV) ## import rules
	@$(BIN)/lint-imports

generate: $(DEV) ## write generated code and reference pages again
	@$(BIN)/python -m tools.generate

generated: $(DEV) ## fail if `generate` would change a file
	@$(BIN)/python -m tools.generate --check

docs: $(DEV) ## build the manual into site/, strictly (the tests execute it)
	@$(BIN)/zensical build --strict --clean

# ---------------------------------------------------------------------------------------------------- test

.PHONY: test test-fast test-pg fault bench bench-peers
test: $(DEV) ## all tests (ARGS="-k words")
	@$(BIN)/pytest $(ARGS)

test-fast: $(DEV) ## no server, no browser, no PostgreSQL
	@$(BIN)/pytest -m "not server and not browser and not postgres" $(ARGS)

test-pg: $(DEV) ## only what runs on PostgreSQL
	@$(BIN)/pytest -m postgres $(ARGS)

fault: $(DEV) ## kill the server at random points of runs (POINTS=200)
	@TRIVIUM_FAULT_POINTS=$(POINTS) $(BIN)/pytest tests/faults $(ARGS)

bench: $(DEV) ## measure speed and memory
	@$(BIN)/python -m bench $(ARGS)

bench-peers: $(DEV) ## the same beside other frameworks, in environments of their own
	@$(BIN)/python -m bench.peers $(ARGS)
