# `make` alone lists the targets. Each does its own set-up: Python 3.11+, git and make are all it assumes.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
# A uv on the PATH is used; else one is installed into .tools, which nothing else touches.
UV := $(or $(shell command -v uv),.tools/bin/uv)
RUN := $(UV) run --frozen --no-sync

.PHONY: help setup run test check format lock torture torture-short demo-data e2e-n8n bench reference build clean

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

torture: setup ## 100,000 messages, 8 senders, 10 × kill -9: nothing lost, repeated or out of order (SEED=n repeats a run)
	$(RUN) python -m tests.torture $(if $(SEED),--seed $(SEED)) $(ARGS)

torture-short: setup ## the same with 5,000 messages and 3 kills
	$(RUN) python -m tests.torture --messages 5000 --kills 3 $(if $(SEED),--seed $(SEED)) $(ARGS)

demo-data: setup ## replay real dialogues in many scripts and read them back four ways, byte for byte
	$(RUN) python -m tests.demo_data $(ARGS)

e2e-n8n: setup ## install a real n8n (cached) and run the workflows of n8n/workflows in it
	$(RUN) python -m pytest n8n/e2e $(ARGS)

bench: setup ## measure against Litestar and bare servers; writes bench/RESULTS.md
	$(RUN) python -m bench

reference: setup ## write the generated pages of docs/reference anew
	$(RUN) python -m umbral_chat.reference docs/reference

build: setup ## build every package's wheel into dist/
	rm -rf dist
	$(UV) build --quiet --all-packages --wheel --out-dir dist

clean: ## remove what the targets made
	rm -rf .venv .tools dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
