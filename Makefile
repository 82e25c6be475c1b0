# Needs Python 3.11 or newer and make; everything else is installed into .venv from the locks.
#   make demo    set up, then open the demo            make check   format, lint, types, contracts
#   make test    set up, then run the tests            make bench   measure speed and size
#   make crash   the long suites                       make lock    remake the locked requirements
#   make pictures   take the README's pictures from the demo, and list the keys
# ARGS passes further arguments on:  make test ARGS="tests/architecture -x"

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VENV := .venv
PY := $(VENV)/bin/python
RUN_READY := $(VENV)/.run-ready
DEV_READY := $(VENV)/.dev-ready
SOURCES := kernel app themes tests
PIP := $(PY) -m pip --disable-pip-version-check --no-input
ARGS ?=

# Which interpreter makes the environment: PYTHON=... if given, else the first that will do.
PYTHONS := $(or $(PYTHON),python3.13 python3.12 python3.11 python3 python)

.PHONY: help demo test check format bench crash pictures lock setup clean

help:
	@sed -n 's/^#   //p' Makefile

demo: $(RUN_READY)
	@$(VENV)/bin/quarterdeck demo $(ARGS)

test: $(DEV_READY)
	$(PY) -m pytest -n auto --dist loadgroup $(ARGS)

check: $(DEV_READY)
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m pyright
	$(VENV)/bin/lint-imports

format: $(DEV_READY)
	$(PY) -m ruff format .
	$(PY) -m ruff check --fix .

bench: $(DEV_READY)
	$(PY) tests/benchmarks/run.py $(ARGS)

crash: $(DEV_READY)
	QUARTERDECK_CRASH=long $(PY) -m pytest -m crash --timeout=0 $(ARGS)

pictures: $(DEV_READY)
	$(PY) -m tests.pictures.take

setup: $(DEV_READY)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis .coverage

# Keeps the pinned versions that still fit; UPGRADE=--upgrade takes the newest of everything.
COMPILE = $(VENV)/bin/uv pip compile pyproject.toml --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --quiet $(UPGRADE)
lock: $(DEV_READY)
	$(COMPILE) --group build -o requirements.lock
	$(COMPILE) --group build --group dev -c requirements.lock -o requirements-dev.lock

# The locks agree on what they share, so the developers' set serves the demo too.
$(RUN_READY): $(PY) requirements.lock pyproject.toml
	@echo "Installing the locked requirements (a minute or two, the first time only) ..."
	@$(PIP) install --quiet --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV_READY): $(PY) requirements-dev.lock pyproject.toml
	@echo "Installing the locked requirements (a minute or two, the first time only) ..."
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $(RUN_READY) $@

$(PY):
	@found=; bare=; \
	for candidate in $(PYTHONS); do \
		"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || continue; \
		if "$$candidate" -c 'import ensurepip, venv' 2>/dev/null; then found=$$candidate; break; fi; \
		bare=$$candidate; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
		echo "make: $$bare cannot make virtual environments: install its venv package" \
			"(on Debian and Ubuntu: apt install python3-venv)." >&2; exit 1; \
	elif [ -z "$$found" ]; then \
		echo "make: Quarterdeck needs Python 3.11 or newer, and none of these is:" \
			"$(PYTHONS) (name another with make PYTHON=/path/to/python3)." >&2; exit 1; \
	fi; \
	"$$found" -m venv --clear $(VENV)
