# Every target sets up .venv from the lock when it is missing or out of date; a second call starts at once.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
SPARK := .venv-spark/bin
SPARK_READY := .venv-spark/.ready
PACKAGES := miner queries sinks schedules

.DEFAULT_GOAL := help
.PHONY: help demo sample test test-postgres test-crash test-spark test-atlas atlas lint format bench lock clean

help:  ## say what can be made
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(READY)  ## mine a made-up estate into demo-out/: lineage, popularity, ledger
	$(BIN)/uc-miner demo --out demo-out --force

sample: $(READY)  ## write a made-up estate of system tables into sample-out/
	rm -rf sample-out
	$(BIN)/uc-miner sample --out sample-out

test: $(READY)  ## run the tests
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist worksteal

test-postgres: $(READY)  ## run the tests of the ledger on a real PostgreSQL, started from what is installed
	$(BIN)/python -m pytest tests/postgres tests/miner tests/schedules/test_daemon_week.py --ledger postgresql \
	  -n auto --maxprocesses 2 --dist worksteal

KILLS ?= 20
test-crash: $(READY)  ## kill the miner with -9 (KILLS=20) times on each database, and run it again
	$(BIN)/python -m pytest tests/crash --kills $(KILLS) --ledger sqlite --ledger postgresql \
	  -n auto --maxprocesses 2 --dist worksteal

test-spark: $(SPARK_READY)  ## run every shipped query on real Spark too, fetched once (needs a JDK, 17 or newer, 450 MB)
	$(SPARK)/python -m pytest tests/spark -o faulthandler_timeout=300 -o faulthandler_exit_on_timeout=true

test-atlas: $(READY)  ## run the tests against a real Apache Atlas, fetched once (needs mvn, 330 MB)
	$(BIN)/python -m pytest tests/atlas

atlas: $(READY)  ## start a real Apache Atlas to play with (FRESH=1: an empty one)
	$(BIN)/python -m tests.atlas.server $(if $(FRESH),--fresh)

lint: $(READY)  ## check style, types and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## mend what the formatter and the linter can mend themselves
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(READY)  ## measure speed and memory against a raw lower bound
	$(BIN)/python -m tests.bench

lock: $(READY)  ## take the newest versions pyproject.toml allows into the lock files
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --extra dev --extra keyvault --extra postgres --constraints requirements.lock --output-file requirements-dev.lock
	$(BIN)/uv pip compile --group spark $(LOCK) --constraints requirements-dev.lock --output-file requirements-spark.lock

# One lock for all platforms and all Python versions allowed; hashes, and no address of where packages came from.
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--custom-compile-command "make lock" --no-config

clean:  ## remove everything made here, .venv too
	rm -rf .venv .venv-spark .atlas demo-out sample-out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements-dev.lock
$(SPARK_READY): requirements-dev.lock requirements-spark.lock

# An environment holds what its locks name; that of Spark (half a gigabyte) what the tests run with, and Spark.
$(READY) $(SPARK_READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "This needs Python 3.11 or newer; '$(PYTHON)' is $$($(PYTHON) --version 2>/dev/null || echo not found)." \
	       "Name another one: make PYTHON=python3.12 ..." >&2; exit 1; }
	@echo "setting up $(@D) (once, $(if $(filter requirements-spark.lock,$^),some minutes,about a minute))"
	@$(@D)/bin/python -c '' 2>/dev/null || $(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(if $(filter requirements-spark.lock,$^), \
	  $(@D)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-build-isolation -r requirements-spark.lock)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@
