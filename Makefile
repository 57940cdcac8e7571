# TrainStack needs Python 3.11 to 3.13, make and pip; everything else is installed into .venv from requirements/.
# PYTHON names another interpreter, PORT another port:  make run PORT=8080 PYTHON=python3.13

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# Locked files name every package with its hash: nothing is resolved, nothing else comes in.
INSTALL := install --disable-pip-version-check --quiet --no-deps --require-hashes

.DEFAULT_GOAL := help
.PHONY: help install run demo test browser-test lint bench soak lock clean

help:  ## what can be made
	@sed -n 's/^\([a-z-]*\):.*##  *\(.*\)/\1 \2/p' Makefile | while read -r name what; do printf '  make %-14s%s\n' "$$name" "$$what"; done

# The interpreter is looked for once; its first fitting version wins.
$(VENV)/pyvenv.cfg:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
		if $$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then \
			echo "Making $(VENV) with $$($$python --version)"; \
			rm -rf $(VENV); \
			$$python -m venv $(VENV) 2>/dev/null && exit 0; \
			rm -rf $(VENV); \
			$$python -m venv --without-pip $(VENV) && $$python -m pip --python $(VENV) install --quiet pip && exit 0; \
			rm -rf $(VENV); \
			exit 1; \
		fi; \
	done; \
	echo "TrainStack needs Python 3.11, 3.12 or 3.13. '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)." >&2; \
	echo "Name another interpreter: make install PYTHON=/path/to/python3.12" >&2; \
	exit 1

# One stamp for each locked file, so that an install whose lock has not changed does nothing.
$(VENV)/%.installed: requirements/%.txt $(VENV)/pyvenv.cfg
	@echo "Installing $<"
	@$(BIN)/python -m pip $(INSTALL) -r $<
	@touch $@

$(VENV)/dev.installed $(VENV)/browser.installed $(VENV)/bench.installed: $(VENV)/base.installed

install: $(VENV)/base.installed  ## .venv with what the server needs, in locked versions

run: install  ## portal, worker, demo on http://127.0.0.1:8000 (PORT=...), sandbox on the next; Ctrl-C stops all
	@DEBUG=$${DEBUG:-1} exec $(BIN)/python manage.py serve --demo --sandbox --port $(PORT)

demo: install  ## the demo accounts and their data, without a server
	@DEBUG=$${DEBUG:-1} $(BIN)/python manage.py migrate --verbosity 0
	@DEBUG=$${DEBUG:-1} $(BIN)/python manage.py demo

test: $(VENV)/dev.installed  ## the test suite (PYTEST="-k name" chooses)
	@DEBUG=1 $(BIN)/python -m pytest -m "not browser" $(PYTEST)

browser-test: $(VENV)/dev.installed $(VENV)/browser.installed  ## the tests that drive Chromium
	@DEBUG=1 $(BIN)/python -m pytest -m browser $(PYTEST)

lint: $(VENV)/dev.installed  ## ruff, mypy, missing migrations, Django's own checks
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@DEBUG=1 $(BIN)/mypy --no-error-summary trainstack activities integrations workouts
	@DEBUG=1 $(BIN)/python manage.py makemigrations --check --dry-run --verbosity 0
	@DEBUG=0 SECRET_KEY=$$(head -c 48 /dev/urandom | base64 -w 0) BASE_URL=https://trainstack.example \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

bench: $(VENV)/base.installed $(VENV)/bench.installed  ## the benchmarks of docs/performance.md
	@DEBUG=1 $(BIN)/python -m benchmarks $(BENCH)

soak: $(VENV)/dev.installed  ## backfills from every provider while workers are killed (SOAK="--activities 200 --kills 3")
	@$(BIN)/python -m tests.soak $(SOAK)

# UPGRADE=1 takes newer versions; without it a lock changes only where pyproject.toml did.
COMPILE = $(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet \
	--no-emit-index-url $(if $(UPGRADE),--upgrade)
lock: $(VENV)/lock.installed  ## requirements/*.txt anew from pyproject.toml (UPGRADE=1 for newer versions)
	@$(COMPILE) pyproject.toml -o requirements/base.txt
	@$(COMPILE) --group dev -c requirements/base.txt -o requirements/dev.txt
	@for group in browser bench lock; do \
		$(COMPILE) --group $$group -c requirements/base.txt -c requirements/dev.txt -o requirements/$$group.txt || exit 1; \
	done

clean:  ## removes .venv, caches and collected static files; var/ with your data stays
	@rm -rf $(VENV) staticfiles .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
