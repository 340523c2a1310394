# One script per chore; continuous integration runs the same ones.
# Needs: Python 3.11+ with the venv module, and a Rust toolchain (cargo). Everything else goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/.stamps

RUST := Cargo.toml Cargo.lock $(shell find crates -name '*.rs' -o -name Cargo.toml)
SOURCES := pyproject.toml LICENSE $(shell find src -type f -not -name '*.so' -not -name '*.pyc')

.PHONY: help demo test test-rust test-python check bench dev clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*##/\t/' | expand -t 14

demo: $(STAMPS)/demo ## learn the bundled ratings, compare models, print recommendations, draw the space
	$(BIN)/tastespace demo

test: test-rust test-python ## run every test, against the installed wheel

test-rust: $(STAMPS)/tools
	cargo test --release --quiet -p tastespace-kernels

test-python: $(STAMPS)/dev
	$(BIN)/python -m pytest

check: $(STAMPS)/dev ## formatters, linters, types, import layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest --mypy-config-file pyproject.toml tastespace._native
	$(BIN)/lint-imports
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets --quiet -- -D warnings

bench: $(STAMPS)/dev ## quality benchmarks on the data in TASTESPACE_DATA
	$(BIN)/python -m benchmarks.quality

dev: $(STAMPS)/dev ## install the source tree itself, to work on it
	$(BIN)/maturin develop --release --extras plot
	rm -f $(STAMPS)/wheel $(STAMPS)/demo

clean: ## remove everything that was built
	rm -rf $(VENV) dist target demo

$(STAMPS)/venv:
	@scripts/check_tools.sh $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	@mkdir -p $(STAMPS)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@touch $@

$(STAMPS)/tools: $(STAMPS)/venv
	$(BIN)/python -m pip install --quiet 'maturin>=1.8,<2'
	@touch $@

$(STAMPS)/wheel: $(STAMPS)/tools $(RUST) $(SOURCES)
	rm -rf dist
	$(BIN)/maturin build --release --out dist --interpreter $(BIN)/python
	$(BIN)/python scripts/check_wheel.py dist
	$(BIN)/python -m pip uninstall --quiet --yes tastespace
	@touch $@

$(STAMPS)/demo: $(STAMPS)/wheel
	$(BIN)/python -m pip install --quiet --find-links dist --pre 'tastespace[plot]'
	@touch $@

$(STAMPS)/dev: $(STAMPS)/demo
	$(BIN)/python -m pip install --quiet --group dev
	@touch $@
