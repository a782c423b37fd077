# Everything here works on a fresh machine with Python 3.11 or newer and make; `make help` lists it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: help
help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

# The stamp is newer than what it was made from: nothing is installed twice, and nothing stale is used.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Flowledger needs Python 3.11 or newer; say make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip>=25.1,<27"
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --group bench --editable ".[async,local]"
	@touch $@

.PHONY: install
install: $(VENV)/installed ## a virtual environment with exactly the versions of constraints.txt

.PHONY: demo
demo: install ## agents do real work on embedded servers, recorded live; ends by itself
	@$(BIN)/flowledger demo

.PHONY: up
up: install ## everything on this machine, until Ctrl-C
	@$(BIN)/flowledger up

# Tests start hundreds of Python processes: what was compiled is kept for the next, even if the shell forbids it.
KEEP_COMPILED := PYTHONDONTWRITEBYTECODE=

.PHONY: test
test: install ## ruff, mypy, import-linter, pytest
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(KEEP_COMPILED) $(BIN)/pytest --numprocesses auto --dist worksteal

.PHONY: bench
bench: install ## Flowledger beside its peers, in one run on the same servers, 20 minutes; tables, bench/results.json
	$(BIN)/python -m bench

.PHONY: bench-sample
bench-sample: install ## every part of it with tiny numbers, some minutes: it shows that all of it runs, and no figures
	$(BIN)/python -m bench --rounds 1 --seconds 1 --events 200 --rows 1000 --members 20 --results /dev/null

.PHONY: bench-mail
bench-mail: install ## how long a message takes from one agent to another, beside Redis pub/sub: a table and bench/mail.json
	$(BIN)/python -m bench.mail

.PHONY: plans
plans: install ## every look-up on a million rows of each kind, its index and its time; a table in docs/lookups.md
	$(BIN)/python -m tests.plans

.PHONY: pages
pages: install ## the pages of the ledger at a million executions: the time and the queries of each
	$(BIN)/python -m tests.pages

.PHONY: erasing
erasing: install ## 1,000 of 100,000 executions are erased under load, on both databases; everything is searched for them
	$(BIN)/python -m tests.erasing

.PHONY: faults
faults: install ## every fault of the fault plan at length, more than an hour; a table and docs/reliability.md
	$(BIN)/python -m tests.faults --report docs/reliability.md

.PHONY: provenance
provenance: install ## who owns what by `flowledger why`, against the oracle, for all kinds on both databases at length
	PROVENANCE_EXAMPLES=50 $(BIN)/pytest tests/workers/test_provenance.py

.PHONY: surroundings
surroundings: install ## settings of other people's servers: right rows or a clear refusal of each; a table in docs/surroundings.md
	$(BIN)/python -m tests.surroundings

.PHONY: schema-files
schema-files: install ## renew docs/schema, which is written from the models
	$(BIN)/python -m tests.schema.files

.PHONY: schemas
schemas: install ## 10,000 events and 10,000 mutants made from the schemas, through drains on both databases
	SCHEMA_EVENTS=10000 $(BIN)/pytest --timeout 1200 tests/schema

.PHONY: year
year: install ## a year of ten million events in half an hour, with retention all the while; its picture in docs/images
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group pictures
	$(BIN)/python -m tests.year --picture docs/images/year.svg

.PHONY: update
update: ## renew constraints.txt with today's releases, within the ranges of pyproject.toml
	rm -rf $(VENV)/update
	$(PYTHON) -m venv $(VENV)/update
	$(VENV)/update/bin/python -m pip install --quiet --disable-pip-version-check "pip>=25.1,<27"
	$(VENV)/update/bin/python -m pip install --quiet --group dev --group bench --group pictures ".[async,local]"
	echo "# The exact versions that make installs by; renewed by make update." > constraints.txt
	$(VENV)/update/bin/python -m pip freeze --exclude flowledger >> constraints.txt
	rm -rf $(VENV)/update build *.egg-info

.PHONY: clean
clean: ## forget everything that make made
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
