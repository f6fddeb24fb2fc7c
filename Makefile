# The doors a newcomer needs: run · test · bench · lint · interop · crash.
# Everything is installed into .venv on first use; nothing else is touched.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
FAMILIES := plugins/host_commands
PROJECTS := pyproject.toml $(FAMILIES:%=%/pyproject.toml)
PORT ?=
PYTEST_ARGS ?=

.PHONY: run test bench lint interop crash

run: $(VENV)/installed
	@$(BIN)/openclaw up $(if $(PORT),--port $(PORT))

test: $(VENV)/developing
	$(BIN)/python -m pytest -m "not interop and not crash" -n 2 --dist loadfile $(PYTEST_ARGS)

interop: $(VENV)/developing
	$(BIN)/python -m pytest -m interop --timeout 600 $(PYTEST_ARGS)

# Real processes killed at random instants; OPENCLAW_CRASH_ROUNDS=200 for the long run.
crash: $(VENV)/developing
	$(BIN)/python -m pytest -m crash --timeout 3000 -s $(PYTEST_ARGS)

bench: $(VENV)/developing
	$(BIN)/python -m bench.run $(BENCH_ARGS)

lint: $(VENV)/developing
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Core first: a family depends on it, and pip does not see one editable from another.
$(VENV)/installed: $(PROJECTS) constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing openclaw-core and its families into $(VENV) …"
	@$(PIP) --editable .
	@$(PIP) $(FAMILIES:%=--editable %[node])
	@touch $@

$(VENV)/developing: $(VENV)/installed
	@echo "installing the tools for tests and checks into $(VENV) …"
	@$(PIP) --editable .[dev]
	@touch $@
