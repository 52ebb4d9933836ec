# Two commands on a fresh machine: `make repro` and `make test`. Everything else is plain dvc, pytest and blaze2cap.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3.11 python3.12 python3
TORCH ?= torch==2.13.0
WORKERS ?= logical

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadgroup

.DEFAULT_GOAL := help
.PHONY: help install repro test test-all soak soak-full bench bench-scale lint format lock clean

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1 /p' Makefile | awk '{ name = $$1; sub(/^[^ ]* /, ""); printf "make %-11s %s\n", name, $$0 }'

install: $(VENV)/.installed ## Create .venv from the version lock

repro: install .git ## Run the pipeline: what changed since the last run, or all of it
	@PATH="$(CURDIR)/$(BIN):$$PATH" dvc repro

test: install ## Test what takes seconds
	@$(PYTEST) -m "not slow"

test-all: install ## Test everything, DVC's commands in a temporary clone included
	@$(PYTEST)

soak: $(VENV)/.soak ## Try kills, hostile files and long runs at this commit, for up to two hours (soak/README.md)
	@$(BIN)/python -m soak

soak-full: $(VENV)/.soak ## All rounds of that; stopped and started again it goes on where it was, at any commit
	@$(BIN)/python -m soak --full

bench: install ## Measure every hot path beside the plain way: docs/performance.md
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench.py --compare

bench-scale: install ## Measure a cold run of the pipeline, and how time and memory grow: docs/performance.md
	@OMP_NUM_THREADS=1 $(BIN)/python benchmarks/bench_scale.py

lint: install ## Check style, format and types
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy

format: install ## Let ruff mend style and format
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock: ## Write requirements.lock again with uv; UPGRADE=--upgrade takes newer versions
	uv pip compile --quiet $(UPGRADE) --universal --python-version 3.11 --generate-hashes --no-annotate --extra test --extra bench \
		--no-emit-package torch --custom-compile-command "make lock" --output-file requirements.lock pyproject.toml

clean: ## Remove .venv and the tools' caches; data, models and DVC's cache stay
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis src/*.egg-info

# torch comes without a hash, because its CPU and CUDA builds differ; pip checks hashes for all of one call or for none.
$(VENV)/.installed: requirements.lock pyproject.toml | $(BIN)/pip
	@echo "Installing the packages of requirements.lock into $(VENV)"
	@$(PIP) --require-hashes -r requirements.lock
	@$(PIP) $(TORCH)
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

# Tools of the soak alone: a fuzzer, a mutator, a resolver, licences, coverage. Not in the lock: nothing else needs them.
$(VENV)/.soak: $(VENV)/.installed
	@echo "Installing the soak's tools into $(VENV)"
	@$(PIP) --no-build-isolation --editable ".[fuzz,mutation,supply,coverage]"
	@touch $@

$(BIN)/pip:
	@for python in $(PYTHON); do \
		"$$python" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null \
			&& exec "$$python" -m venv --clear $(VENV); \
	done; \
	echo "make: none of '$(PYTHON)' is Python 3.11 or 3.12 with its venv module;" \
		"install one, or name one with make PYTHON=/path/to/python" >&2; exit 1

# DVC asks for a git repository, which a ZIP download is not.
.git:
	@git rev-parse --is-inside-work-tree >/dev/null 2>&1 || { echo "Not a git repository: git init, for DVC"; git init --quiet; }
