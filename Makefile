# Each target sets up what it needs from a bare python3 with venv. `make help` lists them.
PYTHON ?= python3
JOBS ?= 2
# Further options for pytest: make test PYTEST_ARGS="-k pmrm2"
PYTEST_ARGS ?=
# Subjects and options: make bench BENCH_ARGS="pricing greeks"
BENCH_ARGS ?=
# What `make check` leaves to `make test`.
CHECK_ARGS ?=

BIN := .venv/bin
NOT_CORE := not (slow or postgres or browser or ray or rl or gpu or peer or long)
# Two test processes on two cores: libraries that start threads of their own would only fight over them.
PYTEST := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 POLARS_MAX_THREADS=1 $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint fast test-marks test-long format rules bench bench-quick bench-gate docs verifier dist lock hooks clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## .venv with everything that the tests and checks use
	@$(PYTHON) tools/bootstrap.py test
	@$(PYTHON) tools/build_verifier.py --if-node

demo: ## a sample book under every rule set, and an offline HTML report
	@$(PYTHON) tools/bootstrap.py run
	@$(BIN)/plimsoll demo

test: setup ## the core tests, without the marks that need something more
	$(PYTEST) -n $(JOBS) -m "$(NOT_CORE)" $(PYTEST_ARGS)

check: lint fast ## what needs no test, then the fast tests: before every commit

lint: setup ## format, lint, types, imports, generated pages
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tools/rule_matrix.py --check
	$(BIN)/python tools/make_benchmarks_page.py --check

fast: setup ## the core tests with few random examples
	PLIMSOLL_HYPOTHESIS_PROFILE=quick $(PYTEST) -n $(JOBS) -m "$(NOT_CORE)" $(CHECK_ARGS)

# pytest ends with 5 where no test carries such a mark, which is not a failure.
test-marks: setup ## the tests that need more time or more parts than the core (not gpu, peer, long)
	$(PYTEST) -n $(JOBS) --dist loadfile -m "(slow or postgres or browser or ray or rl) and not (gpu or peer or long)" --timeout 1200 $(PYTEST_ARGS) || [ $$? -eq 5 ]

test-long: setup ## full sweeps and random search; their results are committed
	PLIMSOLL_HYPOTHESIS_PROFILE=long $(PYTEST) -n $(JOBS) -m "not (postgres or browser or ray or rl or gpu or peer)" --timeout 7200 $(PYTEST_ARGS)

format: setup ## let ruff format and repair
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

rules: setup ## write docs/rules/coverage.md: rule → test
	$(BIN)/python tools/rule_matrix.py

bench: setup ## measure against peers, each in its own environment, and write the documents and their page
	$(BIN)/python -m benchmarks.run $(BENCH_ARGS)
	$(BIN)/python tools/make_benchmarks_page.py

bench-quick: setup ## the same on small sizes, without documents
	$(BIN)/python -m benchmarks.run --quick $(BENCH_ARGS)

bench-gate: setup ## instructions of each kernel against the recorded ones (UPDATE=1: record them)
	$(BIN)/python -m benchmarks.gate.check $(if $(UPDATE),--update)

docs: ## the documentation site, warnings as errors
	@$(PYTHON) tools/bootstrap.py docs
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

verifier: ## the verifier of proofs for the browser (needs Node.js)
	@$(PYTHON) tools/build_verifier.py

dist: setup ## source archive and wheel in dist/
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .

lock: ## resolve requirements/*.in again (UPGRADE=1: to the newest versions)
	@$(PYTHON) tools/bootstrap.py dev --venv .venv-dev
	.venv-dev/bin/python tools/lock.py $(if $(UPGRADE),--upgrade)

hooks: setup ## run the cheap checks before every git commit
	@$(PYTHON) tools/bootstrap.py dev --venv .venv-dev
	.venv-dev/bin/pre-commit install

clean: ## remove everything that was made here, the environments too
	rm -rf .venv .venv-dev .venv-bench-* dist build docs/_build docs/auto_gallery .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -rf verifier/node_modules verifier/build src/plimsoll/serve/verifier/*.js
	find src tests tools docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
