# The doors a newcomer needs: run · test · bench · ui · lint · interop · agents · browser · crash · herd ·
# families · test-postgres · docs.
# Everything is installed into .venv on first use; nothing else is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
FAMILIES := $(sort $(patsubst %/pyproject.toml,%,$(wildcard plugins/*/pyproject.toml)))
PAGES := $(patsubst %/package.json,%/node_modules/.built,$(wildcard ui/package.json plugins/*/ui/package.json))
PROJECTS := pyproject.toml $(FAMILIES:%=%/pyproject.toml)
PORT ?=
PYTEST_ARGS ?=

.PHONY: run test test-postgres bench bench-families bench-queue ui lint interop agents browser crash herd families docs

run: $(VENV)/installed
	@$(BIN)/openclaw up $(if $(PORT),--port $(PORT))

# Two workers for each of two cores: half of a test's time is waiting for a disk or another process.
test: $(VENV)/developing
	$(BIN)/python -m pytest -m "not interop and not crash and not herd and not families and not postgres and not browser and not docs and not agents" -n 4 --dist loadfile --no-loadscope-reorder $(PYTEST_ARGS)

# Every store suite, over SQLite and over a PostgreSQL cluster of its own, which needs the server's
# programs (Debian: apt-get install postgresql) and is gone afterwards.
test-postgres: $(VENV)/postgres
	$(BIN)/python -m pytest tests/store tests/gateway/test_stores_*.py --timeout 300 $(PYTEST_ARGS)

interop: $(VENV)/developing
	$(BIN)/python -m pytest -m interop -n 2 --dist loadfile --timeout 900 $(PYTEST_ARGS)

# Real processes killed at random instants; OPENCLAW_CRASH_ROUNDS=200 for the long run.
crash: $(VENV)/developing
	$(BIN)/python -m pytest -m crash --timeout 3000 -s $(PYTEST_ARGS)

# 2,000 nodes that connect, flap and come back at once; OPENCLAW_HERD_NODES for another number.
herd: $(VENV)/developing
	$(BIN)/python -m pytest -m herd --timeout 2000 -s $(PYTEST_ARGS)

# The families against the real thing: Chromium, an X server, gpsd, a synthesiser (.ci/packages); and the
# services under a real systemd.
families: $(VENV)/developing
	$(BIN)/python -m pytest -m families --timeout 180 $(PYTEST_ARGS)

# Agents as their makers start them: a process each, with the SDK of the Model Context Protocol.
agents: $(VENV)/developing
	$(BIN)/python -m pytest -m agents -n 2 --dist loadfile --timeout 180 $(PYTEST_ARGS)

# The Control UI in a real Chromium (.ci/packages); pictures of every page are left in build/screenshots.
browser: $(VENV)/developing
	$(BIN)/python -m pytest -m browser --timeout 300 $(PYTEST_ARGS)

# The site, into build/site, and every command and snippet on its pages. What a page needs besides
# (nginx, Chromium …; .ci/packages) is named where it is missing; OPENCLAW_DOCS_ALL=1 lets that fail.
docs: $(VENV)/docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	$(BIN)/python -m pytest tests/documentation -m "docs or not docs" -n 2 --timeout 300 $(PYTEST_ARGS)

bench: $(VENV)/developing bench-families
	$(BIN)/python -m bench.run $(BENCH_ARGS)

# What the families cost a gateway that runs none: size, load time, idle memory.
bench-families: $(VENV)/developing
	$(BIN)/python -m bench.families

# The durable queue: 100,000 items over 1,000 nodes; BENCH_ARGS="--items 10000 --nodes 100" is quick.
bench-queue: $(VENV)/developing
	$(BIN)/python -m bench.pending $(BENCH_ARGS)

lint: $(VENV)/developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Pages that npm bundles. Without npm or the network all else works, and such a page says what it lacks.
ui: $(PAGES)

.SECONDEXPANSION:
%/node_modules/.built: %/package.json %/package-lock.json $$(shell find $$*/src $$(wildcard $$*/*.js $$*/*.mjs $$*/*.html) -type f)
	@echo "building the page of $* …"
	@cd $* && npm ci --silent && npm run --silent build && touch node_modules/.built || \
		echo "the page of $* is not built: it takes Node.js 20 or newer, npm and its registry; later: make ui"

# Core first: a family depends on it, and pip does not see one editable from another.
$(VENV)/installed: $(PROJECTS) constraints.txt | ui
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing openclaw-core and its families into $(VENV) …"
	@$(PIP) --editable .[discovery,mcp,tls]
	@$(PIP) $(FAMILIES:%=--editable %[node])
	@touch $@

$(VENV)/developing: $(VENV)/installed
	@echo "installing the tools for tests and checks into $(VENV) …"
	@$(PIP) --editable .[dev]
	@touch $@

$(VENV)/postgres: $(VENV)/developing
	@$(PIP) --editable .[postgres]
	@touch $@

$(VENV)/docs: $(VENV)/developing
	@$(PIP) --editable .[docs]
	@touch $@
