# `make` alone lists the targets. Each does its own set-up: Python 3.11+, git and make are all it assumes.
.DEFAULT_GOAL := help
SHELL := /bin/bash
PYTHON ?= python3
# A uv on the PATH is used; else one is installed into .tools, which nothing else touches.
UV := $(or $(shell command -v uv),.tools/bin/uv)
RUN := $(UV) run --frozen --no-sync
# Tests and labs start hundreds of processes: each would compile all that it imports, if the caller's environment had it so.
export PYTHONDONTWRITEBYTECODE :=
# On two processors four keep both busy, and a fifth costs more than it brings. WORKERS=0 runs them one by one, and so does ARGS="-p no:xdist".
WORKERS ?= 4
test-on-supabase: WORKERS = 3 # each with a Supabase of its own, which is all that these wait for
PYTEST = $(RUN) pytest $(if $(findstring no:xdist,$(ARGS)),,-n $(WORKERS))

.PHONY: help setup run test check format bench lab e2e-n8n supabase reference build clean
.PHONY: setup-browser test-on-supabase test-lowest lock

help:
	@awk -F':.*## ' '/^[a-zA-Z0-9_-]+:.*## /{printf "  \033[36m%-16s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.tools/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv .tools
	.tools/bin/python -m pip install --quiet --disable-pip-version-check uv

.venv/.synced: $(filter .tools/%,$(UV)) pyproject.toml uv.lock core/pyproject.toml $(wildcard plugins/*/pyproject.toml)
	$(UV) sync --frozen --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')"
	@touch $@

setup: .venv/.synced ## make .venv with everything a developer needs

run: setup ## serve with SQLite; open http://127.0.0.1:8750/ for the demo (ARGS="--port 8751")
	$(RUN) umbral-chat serve $(ARGS)

supabase: setup ## a local Supabase on loopback, without Docker (ARGS=--help)
	$(RUN) python -m tests.local_supabase $(ARGS)

test: setup ## run the tests, four at a time (one: make test WORKERS=0 ARGS="-k name")
	$(PYTEST) $(ARGS)

# The tests of the API, the polling edge and subscriptions unchanged on a local Supabase.
test-on-supabase: setup
	$(PYTEST) --on-supabase core/tests/http plugins/polling/tests plugins/subscriptions/tests/http $(ARGS)

# The lowest versions that the packages allow, in an environment of their own. What only tests need comes newest.
.lowest/.installed: .venv/.synced tests/packaging/lowest.py
	$(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .lowest
	$(RUN) python -m tests.packaging.lowest > .lowest/constraints.txt
	$(UV) pip install --quiet --python .lowest/bin/python --constraint .lowest/constraints.txt \
	  $(foreach folder,core $(wildcard plugins/*),--editable $(folder))
	$(UV) pip install --quiet --python .lowest/bin/python \
	  "pytest>=9" "pytest-httpx>=0.36" "pytest-xdist>=3.8" "hypothesis>=6.100"
	@touch $@

# The API, tokens, the command line and polling on them. Warnings of versions of that time about Python or each other are
# no fault of ours.
test-lowest: .lowest/.installed
	.lowest/bin/python -m pytest -n 2 -W default -m "not slow" core/tests/http core/tests/auth core/tests/cli \
	  core/tests/settings core/tests/sqlite/test_contract.py plugins/polling/tests \
	  plugins/realtime_supabase/tests/users/test_tokens.py $(ARGS)

check: setup ## ruff, mypy --strict, import contracts
	$(RUN) ruff check .
	$(RUN) ruff format --check .
	$(RUN) mypy
	$(RUN) lint-imports

format: setup ## format and mend what can be mended
	$(RUN) ruff check --fix .
	$(RUN) ruff format .

# Refresh uv.lock.
lock: $(filter .tools/%,$(UV))
	$(UV) lock

# What the labs in a browser need besides the system's Chromium.
setup-browser: setup
	$(UV) sync --frozen --group browser

lab: setup ## break a service and judge what its clients saw: NAME=crash, faults, … (without: lists them)
	UV="$(abspath $(UV))" $(RUN) python -m tests.labs "$(NAME)" $(if $(SEEDS),--seeds $(SEEDS)) \
	  $(if $(SEED),--seed $(SEED)) $(ARGS)

e2e-n8n: setup ## install a real n8n (cached) and run the workflows of n8n/workflows in it
	$(RUN) python -m pytest n8n/e2e $(ARGS)

# ARGS="--before PYTHON" measures an older environment beside, in the main table; RUNS=1 is for a look at the others.
BENCHES = supabase realtime polling presence streams subscriptions pages bridge
bench: setup ## measure it: the main table, or NAME=supabase, realtime, polling, presence, streams, subscriptions, pages, bridge
	@$(if $(filter-out $(BENCHES),$(NAME)),echo "There is no bench '$(NAME)'. NAME is one of: $(BENCHES)" >&2; exit 2)
	$(RUN) python -m bench$(if $(NAME),.$(NAME)) $(ARGS)
	$(if $(NAME),,$(RUN) python -m bench.streams $(if $(RUNS),--runs $(RUNS)))

reference: setup ## write the generated pages of docs/reference anew
	$(RUN) python -m tools.reference.pages docs/reference
	$(RUN) python -m tools.reference.cli > .venv/cli.md && mv .venv/cli.md docs/reference/cli.md
	$(RUN) python -m tests.local_supabase.access docs/reference/supabase-access.md
	$(RUN) python -m tests.local_supabase.realtime.questions.differences

build: setup ## build every package's wheel into dist/
	rm -rf dist
	$(UV) build --quiet --all-packages --wheel --out-dir dist

clean: ## remove what the targets made
	rm -rf .venv .lowest .tools dist .mypy_cache .ruff_cache .pytest_cache .hypothesis

# Until 0.3: the names that labs and benches had as targets of their own.
define moved
.PHONY: $(1)
$(1):
	@echo "make $(1) is now: make $(2)" >&2
	@$$(MAKE) --no-print-directory $(2)
endef
$(eval $(call moved,torture,lab NAME=crash))
$(eval $(call moved,torture-short,lab NAME=crash-short))
$(eval $(call moved,torture-supabase,lab NAME=crash-supabase))
$(eval $(call moved,torture-realtime,lab NAME=realtime))
$(foreach name,faults faults-short faults-mutations security,$(eval $(call moved,$(name),lab NAME=$(name))))
$(eval $(call moved,presence-lab,lab NAME=presence))
$(eval $(call moved,presence-lab-short,lab NAME=presence-short))
$(eval $(call moved,presence-lab-mutations,lab NAME=presence-mutations))
$(eval $(call moved,api-fuzz,lab NAME=fuzz))
$(eval $(call moved,demo-data,lab NAME=replay))
$(foreach name,$(filter-out pages,$(BENCHES)),$(eval $(call moved,bench-$(name),bench NAME=$(name))))
