# All that is done to this project, by name. Needs make and one of Python 3.11, 3.12 and 3.13; everything else comes
# into .venv by itself. ONCE=1 and other settings of a target pass through the environment.

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
UV := uv==0.13.9

export PYTHONPATH := $(CURDIR)/include

.DEFAULT_GOAL := help
.PHONY: help setup run test lint types check e2e night coverage bench docs lock clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' Makefile

setup: $(READY)  ## .venv with everything of requirements.txt, and the project itself

# pyenv's shims are there for versions that are not: only an interpreter that runs counts.
$(READY): requirements.txt pyproject.toml
	@fit='import ensurepip, sys, venv; raise SystemExit(not (3, 11) <= sys.version_info[:2] <= (3, 13))'; \
	if ! $(BIN)/python -c "$$fit" >/dev/null 2>&1; then \
		found=; \
		for candidate in $(PYTHON) python3.13 python3.12 python3.11 python3; do \
			if $$candidate -c "$$fit" >/dev/null 2>&1; then found=$$candidate; break; fi; \
		done; \
		if [ -z "$$found" ]; then \
			echo "No Python 3.11, 3.12 or 3.13 with venv was found: install one, or name it: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.12" >&2; \
			exit 1; \
		fi; \
		if [ -n "$(PYTHON)" ] && [ "$$found" != "$(PYTHON)" ]; then echo "$(PYTHON) is no Python 3.11, 3.12 or 3.13: taking $$found" >&2; fi; \
		$$found -m venv --clear $(VENV) || exit 1; \
	fi
	@echo "Installing requirements.txt into $(VENV); the first time this takes a few minutes."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

run: setup  ## sandbox, Airflow and one night over a generated district (ONCE=1: then stop everything; TENANT=fern: another example)
	@$(BIN)/python -m roster_sandbox.demo

test: setup  ## all tests but the long end-to-end ones
	$(BIN)/python -m pytest -m "not e2e" --numprocesses auto --dist worksteal

e2e: setup  ## the long end-to-end tests
	$(BIN)/python -m pytest -m e2e -rs

night: setup  ## the one end-to-end night that continuous integration runs
	$(BIN)/python -m pytest -m night -rs

lint: setup  ## ruff, codespell, and that generated documents are current
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/codespell
	$(BIN)/python -m roster.checks.rules_page --check
	$(BIN)/python -m roster.tenant_page --check
	$(BIN)/python -m roster.lint.page --check

types: setup  ## mypy and the contracts of imports
	$(BIN)/mypy
	$(BIN)/lint-imports

check: test lint types  ## what has to hold before a commit

coverage: setup  ## the tests of the library alone, with its branch coverage; it makes them half as slow again
	$(BIN)/python -m pytest tests/roster tests/nights --numprocesses auto --dist worksteal --cov --cov-report=term

bench: setup  ## measures, and prints seconds and memory
	$(BIN)/python -m tests.benchmarks

docs: setup  ## writes docs/ pages that come from the code
	$(BIN)/python -m roster.checks.rules_page
	$(BIN)/python -m roster.tenant_page
	$(BIN)/python -m roster.lint.page

lock: setup  ## resolves requirements.txt again from pyproject.toml (UPGRADE=1: to the newest of everything)
	@$(BIN)/python -m venv --clear .work/lock
	@.work/lock/bin/python -m pip install --quiet --disable-pip-version-check $(UV)
	@.work/lock/bin/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --quiet \
		--annotation-style line --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade) --output-file requirements.txt
	@rm -rf .work/lock

clean:  ## removes all that make has made, .venv and .work included
	rm -rf $(VENV) .work build dist .coverage* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache include/*.egg-info
	find dags include plugins tests -name __pycache__ -type d -prune -exec rm -rf {} +
