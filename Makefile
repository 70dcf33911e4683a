# `make` alone lists the targets. Each does its own set-up: Python 3.11+, git and make are all it assumes.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
# A uv on the PATH is used; else one is installed into .tools, which nothing else touches.
UV := $(or $(shell command -v uv),.tools/bin/uv)
RUN := $(UV) run --frozen --no-sync

.PHONY: help setup run test check format lock build clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-zA-Z0-9_-]+:.*## /{printf "  \033[36m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/.synced: $(filter .tools/%,$(UV)) pyproject.toml uv.lock core/pyproject.toml $(wildcard plugins/*/pyproject.toml)
	$(UV) sync --frozen --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $@

setup: .venv/.synced ## make .venv with everything a developer needs

run: setup ## serve on http://127.0.0.1:8750 with SQLite
	$(RUN) umbral-chat serve

test: setup ## run the tests (one: make test ARGS="-k name")
	$(RUN) pytest $(ARGS)

check: setup ## ruff, mypy --strict, import contracts
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports

format: setup ## format and mend what can be mended
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

lock: $(filter .tools/%,$(UV)) ## refresh uv.lock
	$(UV) lock

build: setup ## build every package's wheel into dist/
	rm -rf dist
	$(UV) build --quiet --all-packages --wheel --out-dir dist

clean: ## remove what the targets made
	rm -rf .venv .tools dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
