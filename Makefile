# `make` lists the targets. They create and use .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SOURCES := scimsync tests benchmarks

.DEFAULT_GOAL := help
.PHONY: help demo test test-fast coverage interop chaos lint format bench docs messages lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 11

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "scimsync needs Python 3.11 or newer; make PYTHON=python3.12 names another one" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || sh .ci/install-venv $(PYTHON)
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV)"
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]' --group dev
	@$(BIN)/python -m compileall -q scimsync  # as pip does with what is not editable
	@touch $@

demo: $(READY)  ## show two days in a made-up company, against a SCIM server on this machine
	@$(BIN)/scimsync demo

test: $(READY)  ## run all tests
	@sh .ci/install-servers
	@$(BIN)/pytest -n auto

test-fast: $(READY)  ## run the unit tests: no server, no database, no files; within seconds
	@$(BIN)/pytest -q -n auto tests/unit

coverage: $(READY)  ## run all tests and report branch coverage
	@sh .ci/install-servers
	@$(BIN)/pytest -n auto --cov --cov-report=term

interop: $(READY)  ## run all scenarios against SCIM servers that others wrote; write their page
	@sh .ci/install-servers scimmy-express5 better-auth django
	@SCIMSYNC_INTEROP=all $(BIN)/pytest -n auto tests/interop
	@$(BIN)/python -m tests.interop.page

chaos: $(READY)  ## run random kills, faults, lies, and hostile input for long; SEED=N repeats a run
	@sh .ci/install-servers
	@SCIMSYNC_CHAOS=long SCIMSYNC_CHAOS_SEED=$(SEED) $(BIN)/pytest -n auto -s tests/chaos tests/probe/test_clean_up.py tests/reconcile/test_random_changes.py tests/unit/sources/test_http_incremental.py tests/acceptance/test_same_company.py

lint: $(READY)  ## check style, types, and import rules
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/mypy scimsync tests benchmarks
	@$(BIN)/lint-imports

format: $(READY)  ## format the code
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

bench: $(READY)  ## measure speed and memory, as ratios
	@missed=0; for file in benchmarks/bench_*.py; do $(BIN)/python -m benchmarks.$$(basename $$file .py) || missed=1; done; exit $$missed

docs: $(READY)  ## check the documentation and the examples
	@$(BIN)/pytest -q tests/docs

messages: $(READY)  ## write docs/messages.md and the tables of other pages
	@$(BIN)/python -m tests.docs.messages_page
	@$(BIN)/python -m tests.docs.safety_page
	@$(BIN)/python -m tests.docs.presets_page
	@$(BIN)/python -m tests.docs.probe_checks_page

lock: $(READY)  ## upgrade the dependencies and pin their versions
	@$(BIN)/python -m pip install --quiet --upgrade '.[all]' --group dev
	@$(BIN)/python -m pip freeze --exclude-editable --exclude scimsync > constraints.txt

clean:  ## remove the environment and caches
	@rm -rf tests/interop/packages/*/node_modules tests/interop/packages/*/.venv
	@rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .import_linter_cache .coverage
