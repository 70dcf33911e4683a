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

.PHONY: help setup run supabase test test-lowest test-on-supabase check format lock torture torture-short torture-supabase torture-realtime faults faults-short faults-mutations api-fuzz security demo-data e2e-n8n bench bench-supabase bench-realtime bench-polling bench-presence presence-lab presence-lab-short presence-lab-mutations reference build clean

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

run: setup ## serve on http://127.0.0.1:8750 with SQLite (ARGS="--port 8751")
	$(RUN) umbral-chat serve $(ARGS)

supabase: setup ## a local Supabase on loopback, without Docker (ARGS=--help)
	$(RUN) python -m tests.local_supabase $(ARGS)

test: setup ## run the tests, four at a time (one: make test WORKERS=0 ARGS="-k name")
	$(PYTEST) $(ARGS)

test-on-supabase: setup ## run the tests of the API and the polling edge unchanged on a local Supabase
	$(PYTEST) --on-supabase core/tests/http plugins/polling/tests $(ARGS)

# The lowest versions that the packages allow, in an environment of their own. What only tests need comes newest.
.lowest/.installed: .venv/.synced tests/packaging/lowest.py
	$(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" .lowest
	$(RUN) python -m tests.packaging.lowest > .lowest/constraints.txt
	$(UV) pip install --quiet --python .lowest/bin/python --constraint .lowest/constraints.txt \
	  $(foreach folder,core $(wildcard plugins/*),--editable $(folder))
	$(UV) pip install --quiet --python .lowest/bin/python \
	  "pytest>=9" "pytest-httpx>=0.36" "pytest-xdist>=3.8" "hypothesis>=6.100"
	@touch $@

# Warnings of versions of that time about Python or each other are no fault of ours.
test-lowest: .lowest/.installed ## the API, tokens, the command line and polling on the lowest versions allowed
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

lock: $(filter .tools/%,$(UV)) ## refresh uv.lock
	$(UV) lock

torture: setup ## 100,000 messages, 8 senders, 10 × kill -9: nothing lost, repeated or out of order (SEED=n repeats a run)
	$(RUN) python -m tests.torture $(if $(SEED),--seed $(SEED)) $(ARGS)

torture-short: setup ## the same with 5,000 messages and 3 kills
	$(RUN) python -m tests.torture --messages 5000 --kills 3 $(if $(SEED),--seed $(SEED)) $(ARGS)

torture-supabase: setup ## 10,000 messages on a local Supabase, 10 × kill -9 of its PostgreSQL while the service goes on
	$(RUN) python -m tests.torture --store supabase --messages 10000 $(if $(SEED),--seed $(SEED)) $(ARGS)

torture-realtime: setup ## 20,000 messages over two instances while a local Supabase's Realtime breaks in every way
	$(RUN) python -m tests.torture_realtime $(if $(SEED),--seed $(SEED)) $(ARGS)

faults: setup ## break a whole deployment in every way, seed by seed (SEEDS=n runs 1 to n, SEED=n replays one)
	$(RUN) python -m tests.fault_lab $(if $(SEEDS),--seeds $(SEEDS)) $(if $(SEED),--seed $(SEED)) $(ARGS)

faults-short: setup ## three seeds of it, one of each deployment and style
	$(RUN) python -m tests.fault_lab --seed 2,3,6 $(ARGS)

faults-mutations: setup ## six deliberate bugs, each of which the fault lab must catch
	$(RUN) python -m tests.fault_lab.mutations $(ARGS)

presence-lab: setup ## 200 people come, type, crash and leave over two instances whose Realtime is broken (SEED=n repeats a run)
	$(RUN) python -m tests.presence_lab $(if $(SEED),--seed $(SEED)) $(ARGS)

presence-lab-short: setup ## two rounds of it
	$(RUN) python -m tests.presence_lab --seed $(or $(SEED),2) --rounds 2 --chaos 12 $(ARGS)

presence-lab-mutations: setup ## deliberate bugs, each of which the presence lab must catch
	$(RUN) python -m tests.presence_lab.mutations $(ARGS)

api-fuzz: setup ## ask every operation of the OpenAPI document what it takes and what not (SEED=n repeats a run)
	UV="$(abspath $(UV))" $(RUN) python -m tests.api_fuzz $(if $(SEED),--seed $(SEED)) $(ARGS)

security: setup ## attack the service as one client can while others use it: verdict, memory and their answer times (ARGS=--short)
	$(RUN) python -m tests.security_lab $(ARGS)

demo-data: setup ## replay real dialogues in many scripts and read them back four ways, byte for byte
	$(RUN) python -m tests.demo_data $(ARGS)

e2e-n8n: setup ## install a real n8n (cached) and run the workflows of n8n/workflows in it
	$(RUN) python -m pytest n8n/e2e $(ARGS)

bench: setup ## measure against Litestar and bare servers; writes bench/RESULTS.md (ARGS="--before PYTHON" measures an older environment beside)
	$(RUN) python -m bench $(ARGS)

bench-supabase: setup ## the same on a local Supabase, beside the functions called directly; writes bench/SUPABASE.md
	$(RUN) python -m bench.supabase

bench-realtime: setup ## sent to delivered, reads and bytes over Realtime on a local Supabase; writes bench/REALTIME.md
	$(RUN) python -m bench.realtime

bench-polling: setup ## what polling costs by clients, settings and mode; writes bench/POLLING.md (RUNS=1 for a look; 15 to 20 minutes)
	$(RUN) python -m bench.polling $(ARGS)

bench-presence: setup ## what 5,000 people who heartbeat cost; writes bench/PRESENCE.md (RUNS=1 for a look; 20 minutes)
	$(RUN) python -m bench.presence $(ARGS)

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
