# On a machine with git, make and python3 >= 3.11 (with venv): `make demo` and `make test` do all the set-up.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt
LOCK := pyproject.toml constraints.txt
# how many tests run at a time
TESTS := 4
PYTEST_TOGETHER = $(BIN)/python -m pytest -n $(TESTS) --dist worksteal

.PHONY: help install demo test quick checks rewritten lint types layers bench docs docs-serve pages changelog clean

help:
	@echo "make install   make .venv with everything that a user needs"
	@echo "make demo   set up, then run a job on Prefect's embedded server"
	@echo "make test   set up, then lint, types, layers and every test: some half an hour on two cores"
	@echo "make quick  the same without the slow tests"
	@echo "make lint, make types, make layers   one of the checks alone"
	@echo "make bench  run the benchmarks"
	@echo "make docs   build the documentation into site/ (make docs-serve shows it)"
	@echo "make pages  renew the pages, tables and types that are made from data or code"
	@echo "make changelog  move the notes in changes/ into CHANGELOG.md"
	@echo "make clean  remove .venv and everything else that was made"

install: $(VENV)/.run

demo: $(VENV)/.run
	@$(BIN)/python examples/demo.py

# those that measure time come last, one by one
test: checks
	@$(PYTEST_TOGETHER) -m "not alone"
	@$(BIN)/python -m pytest -m alone

quick: checks
	@$(PYTEST_TOGETHER) -m "not alone and not slow"
	@$(BIN)/python -m pytest -m "alone and not slow"

# side by side, since each of them takes one processor
checks: $(VENV)/.all
	@$(MAKE) --no-print-directory --output-sync=target -j2 types rewritten lint layers

# pytest rewrites the tests' assertions, and keeps that: else each of its processes would do it;
# what cannot be imported is told when the tests run
rewritten: $(VENV)/.all
	@$(BIN)/python -m pytest --collect-only -qq >/dev/null 2>&1 || true

lint: $(VENV)/.all
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(VENV)/.all
	@$(BIN)/mypy

layers: $(VENV)/.all
	@$(BIN)/lint-imports --no-logo

bench: $(VENV)/.all
	@$(BIN)/python -m pytest benchmarks --benchmark-enable -s

docs: $(VENV)/.all
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

docs-serve: $(VENV)/.all
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs serve

# pages, tables and types that are made from data or code
pages: $(VENV)/.all
	@$(BIN)/python docs/build_compatibility.py
	@$(BIN)/python docs/build_controls.py
	@$(BIN)/python docs/build_errors.py
	@$(BIN)/python docs/build_front.py
	@$(BIN)/python docs/build_layers.py
	@$(BIN)/python deployments/build_pools.py

# release notes from the fragments in changes/
changelog: $(VENV)/.all
	@$(BIN)/towncrier build --yes

clean:
	rm -rf $(VENV) demo-output site build dist .hypothesis .mypy_cache .ruff_cache .pytest_cache .import_linter_cache \
	  .grimp_cache .benchmarks *.egg-info

# What is wrong with this machine's Python, in one line; empty where nothing is.
PROBLEM = $(shell \
  if ! command -v "$(PYTHON)" >/dev/null 2>&1; then \
    echo "no $(PYTHON) found: install Python 3.11 or newer, or name one: make PYTHON=/path/to/python3"; \
  elif ! "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
    echo "$$("$(PYTHON)" --version 2>&1) is too old: 3.11 or newer is needed, as in make PYTHON=python3.12"; \
  elif ! "$(PYTHON)" -c 'import venv, ensurepip; ensurepip.version()' 2>/dev/null; then \
    echo "$(PYTHON) has no venv module: install it first (Debian, Ubuntu: apt-get install python3-venv)"; \
  fi)

# a failure or an interruption leaves no half-made environment behind
$(VENV)/.made:
	$(if $(PROBLEM),$(error $(PROBLEM)))
	@rm -rf $(VENV)
	@echo "Making $(VENV) with $$("$(PYTHON)" --version)"
	@trap 'rm -rf $(VENV); exit 1' HUP INT TERM; \
	  "$(PYTHON)" -m venv $(VENV) && touch $@ || { rm -rf $(VENV); exit 1; }

# what a user needs
$(VENV)/.run: $(VENV)/.made $(LOCK)
	@echo "Installing rios_flows and what it needs (about a minute, once)"
	@$(PIP_INSTALL) -e .
	@touch $@

# and what a developer needs; of that much is never imported, and need not be compiled
$(VENV)/.all: $(VENV)/.made $(LOCK)
	@echo "Installing rios_flows with all extras (one to two minutes, once)"
	@$(PIP_INSTALL) --no-compile -e '.[all]'
	@touch $@ $(VENV)/.run
