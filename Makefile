# The chores of this repository. CI runs the same targets (.ci/run).
#
#   make demo    learn the bundled ratings, compare models, print recommendations, draw a picture
#   make test    every test, against the installed wheel; PYTEST_ARGS="-k als" for some of them
#   make check   formatting, lints, types, import order, the contents of the wheel
#   make dev     put the source tree in place of the wheel, for `.venv/bin/python -m pytest` while editing
#   make dist    wheel and source archive for a release, in dist/
#   make clean   remove everything that these targets make
#
# Needed: Python 3.11 or newer (PYTHON=... names one), and cargo. All else goes into .venv.

.PHONY: help demo test check dev dist clean FORCE
.DELETE_ON_ERROR:
.SUFFIXES:

VENV := .venv
PY := $(VENV)/bin/python
DONE := $(VENV)/.done# one empty file for each finished step

# Nothing of the caller's Python may reach the tests, above all not this source tree.
unexport PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
# Where rustup puts cargo before the shell is opened anew.
export PATH := $(PATH):$(HOME)/.cargo/bin

help:
	@sed -n 's/^#   make/  make/p' Makefile

# What the wheel is made of. The list itself is a prerequisite, so that a removed file counts as a change.
SOURCES := pyproject.toml Cargo.toml Cargo.lock LICENSE README.md \
	$(shell find crates src -type f ! -path '*/__pycache__/*' ! -name '*.so*' ! -name '*.pyd' ! -name '.*' | LC_ALL=C sort)

build/sources: FORCE
	@mkdir -p build
	@printf '%s\n' $(SOURCES) > $@.now
	@cmp -s $@.now $@ && rm $@.now || mv $@.now $@

$(DONE)/venv: scripts/venv.sh pyproject.toml
	@sh scripts/rust.sh
	@sh scripts/venv.sh $(VENV)
	@mkdir -p $(DONE) && touch $@

build/wheel.done: build/sources $(SOURCES) | $(DONE)/venv
	@sh scripts/rust.sh
	rm -rf build/wheel
	$(PY) -m maturin build --release --locked --interpreter $(PY) --out build/wheel
	@touch $@

# installed-plot, installed-all: the wheel with that extra. pip keeps an equal version, so it is removed first.
$(DONE)/installed-%: build/wheel.done | $(DONE)/venv
	@$(PY) -m pip uninstall --quiet --yes tastespace 2>/dev/null
	@echo "installing the wheel and what it needs into $(VENV)"
	@$(PY) -m pip install --quiet "$$(echo build/wheel/*.whl)[$*]"
	@touch $@

$(DONE)/tools: pyproject.toml | $(DONE)/venv
	@echo "installing the tools of the tests and checks into $(VENV)"
	@$(PY) -m pip install --quiet --group dev
	@touch $@

demo: $(DONE)/installed-plot
	$(PY) -m tastespace demo

test: $(DONE)/installed-all $(DONE)/tools
	cargo test --release --locked --package tastespace-kernels
	$(PY) -m pytest $(PYTEST_ARGS)

check: $(DONE)/installed-all $(DONE)/tools
	cargo fmt --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m mypy.stubtest tastespace._native
	$(PY) -m importlinter.cli lint
	$(PY) scripts/check_wheel.py build/wheel/*.whl

dev: $(DONE)/tools
	rm -f $(DONE)/installed-*
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(PY) -m maturin develop --release --locked --extras all

dist: $(DONE)/venv
	rm -rf dist
	CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$(HOME)/.cargo=cargo" \
		$(PY) -m maturin build --profile wheel --sdist --locked --interpreter $(PY) --out dist
	$(PY) scripts/check_wheel.py dist/*.whl

clean:
	rm -rf $(VENV) build demo dist target .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests scripts benchmarks -name __pycache__ -prune -exec rm -rf {} +
	rm -f src/tastespace/_native.*.so src/tastespace/_native.pyd
