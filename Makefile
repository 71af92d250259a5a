# make book and make test are all a newcomer needs; each makes .venv when it is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: book site test check lint types coverage mutants spark bench notebooks messages clean

book: $(READY)
	@$(BIN)/churnbook build

site: $(READY)
	@$(BIN)/churnbook build --all-languages

test: $(READY)
	@$(BIN)/python -m pytest

check: lint types $(READY)
	@$(BIN)/python -m pytest
	@$(BIN)/churnbook build

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/lint-imports

types: $(READY)
	@$(BIN)/mypy

coverage: $(READY)
	@$(BIN)/python -m pytest --cov --cov-report=term-missing:skip-covered

mutants: $(READY)
	@$(BIN)/python -m benchmarks.mutants

spark: $(READY)
	@$(BIN)/python -m benchmarks.spark

bench: $(READY)
	@$(BIN)/python -m benchmarks

notebooks: $(READY)
	@$(BIN)/churnbook notebooks

messages: $(READY)
	@$(BIN)/churnbook messages

# Exact versions with hashes first, then this project itself without asking for more.
$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	@$(PYTHON) -m venv $(VENV) || { echo "No venv module: on Debian, apt-get install python3-venv"; exit 1; }
	@echo "Installing the locked packages into $(VENV) (once, about two minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

clean:
	@test ! -x $(BIN)/churnbook || $(BIN)/churnbook clean
	rm -rf _build .pytest_cache .mypy_cache .ruff_cache
