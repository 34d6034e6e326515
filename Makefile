# Everything a person or CI does here. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
EXTRAS := table,demo,dev
UV := $(BIN)/uv
READY := $(VENV)/.ready
COMPILE := uv pip compile --quiet --generate-hashes --no-emit-index-url --no-emit-find-links --universal \
	--python-version 3.11 --extra table --extra demo --extra dev pyproject.toml
PYTEST_ARGS ?=

.PHONY: help setup demo test check bench lock wheel clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(READY) ## make .venv with everything, as locked

# The venv and uv in it. Every prerequisite that is missing is named with the line that brings it.
$(UV):
	@$(PYTHON) -c '' 2>/dev/null || { echo >&2 "error: no $(PYTHON). Debian: apt-get install -y python3 python3-venv"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo >&2 "error: $(PYTHON) is $$($(PYTHON) -V), older than 3.11. With another one: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -c 'import venv, ensurepip' 2>/dev/null \
		|| { echo >&2 "error: $(PYTHON) has no venv module. Debian: apt-get install -y python3-venv"; exit 2; }
	@test -x $(BIN)/python || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo >&2 "error: the Python of $(VENV) is older than 3.11: make clean, then make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip >/dev/null 2>&1 \
		|| { echo >&2 "error: $(VENV) has no pip (it was not made here): make clean, then again"; exit 2; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check 'uv>=0.9' \
		|| { echo >&2 "error: pip could not install uv; what it said stands above"; exit 5; }

$(READY): pyproject.toml requirements.lock | $(UV)
	@echo "installing what requirements.lock names (the first time some minutes: torch brings 4 GB)"
	@$(UV) pip install --quiet --python $(BIN)/python -c requirements.lock -e '.[$(EXTRAS)]' \
		|| { echo >&2 "error: uv could not install it; what it said stands above"; exit 5; }
	@touch $(READY)

demo: setup ## run the flights pipeline on real data, then again: all hits
	@$(BIN)/tiphys run workflows/pipelines/flights.py
	@echo; echo "and once more: nothing changed, so nothing runs"
	@$(BIN)/tiphys run workflows/pipelines/flights.py

test: setup ## all tests of this machine (pure ones and real processes)
	@command -v strace >/dev/null || { echo >&2 "error: no strace, which one test needs. Debian: apt-get install -y strace"; exit 2; }
	@$(BIN)/python -m pytest -n 2 --dist worksteal -q $(PYTEST_ARGS)

check: setup ## lint, types, import contracts, lock in step, README commands
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { $(BIN)/ruff format --check .; exit 1; }
	@$(BIN)/mypy
	@$(BIN)/pyright --pythonpath $(BIN)/python
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.checks.readme README.md docs/*.md workflows/pipelines/README.md
	@$(BIN)/python -m tests.checks.sizes
	@cp requirements.lock $(VENV)/lock.again && PATH="$$PWD/$(BIN):$$PATH" $(COMPILE) --no-header -o $(VENV)/lock.again >/dev/null \
		&& diff <(grep -v '^ *#' requirements.lock) <(grep -v '^ *#' $(VENV)/lock.again) \
		|| { echo >&2 "error: requirements.lock is not in step with pyproject.toml: make lock"; exit 1; }

bench: setup ## measure; exits 4 below a bar (results: benchmarks/results)
	@$(BIN)/python -m benchmarks

lock: $(UV) ## resolve requirements.lock again (UPGRADE=--upgrade for newer versions)
	@PATH="$$PWD/$(BIN):$$PATH" $(COMPILE) $(UPGRADE) -o requirements.lock >/dev/null

wheel: setup ## build dist/tiphys-*.whl
	@rm -rf dist && $(UV) build --wheel --out-dir dist .

clean: ## remove what the targets made, but not stores (.tiphys)
	@rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -not -path './.git/*' -prune -exec rm -rf {} +
