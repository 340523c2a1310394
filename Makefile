# One target per chore; continuous integration runs the same ones (.ci/run).
# Needs: Python 3.11+ with the venv module (PYTHON=... names one) and a Rust toolchain. All else goes into .venv.

VENV := .venv
PY := $(VENV)/bin/python
STAMPS := $(VENV)/.stamps

# What the wheel is made of. The list is itself a prerequisite, so that a removed file counts as a change.
SOURCES := pyproject.toml Cargo.toml Cargo.lock LICENSE README.md $(shell find crates src -type f \
    ! -path '*/__pycache__/*' ! -name '*.so*' ! -name '*.pyd' ! -name '.*' | LC_ALL=C sort)

# Nothing of the caller's Python may reach the tests, above all not the source tree.
unexport PYTHONPATH PYTHONHOME
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_INPUT := 1
export PATH := $(PATH):$(HOME)/.cargo/bin# where rustup puts cargo before the shell is opened anew

.PHONY: help demo test check guide pictures bench bench-rivals dev dist clean FORCE
.DELETE_ON_ERROR:

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /  make \1	/p' Makefile | expand -t 22

demo: $(STAMPS)/installed-plot ## learn the bundled ratings, compare models, print recommendations, draw the space, write a page
	$(PY) -m tastespace demo

test: $(STAMPS)/installed-all $(STAMPS)/dev ## every test, against the installed wheel; PYTEST="-k als" for some
	cargo test --release --locked --quiet --workspace
	$(PY) -m pytest $(PYTEST)

check: $(STAMPS)/installed-all $(STAMPS)/dev ## formatters, linters, types, import layers, contents of the wheel
	$(PY) -m ruff format --check .
	$(PY) -m ruff check .
	$(PY) -m mypy
	$(PY) -m mypy.stubtest --mypy-config-file pyproject.toml tastespace._native
	$(VENV)/bin/lint-imports
	$(PY) scripts/check_wheel.py build/wheel/*.whl
	cargo fmt --all --check
	cargo clippy --locked --quiet --workspace --all-targets -- -D warnings

guide: pictures ## make the guide again: its pictures, then every page run as it stands
	$(PY) -m pytest tests/test_docs.py tests/test_guide.py

pictures: $(STAMPS)/installed-all $(STAMPS)/dev ## the pictures of docs/guide/plots.md, by the code on that page
	$(PY) scripts/pictures.py

bench: $(STAMPS)/installed-all $(STAMPS)/dev ## speed, and docs/guide/speed.md; QUICK=1, RESUME=1, or one: RUN="quality/ncf_ml_1m.py --seeds 1"
ifdef RUN
	$(PY) -m benchmarks.$(subst /,.,$(basename $(firstword $(RUN)))) $(wordlist 2,$(words $(RUN)),$(RUN))
else
	$(PY) -m benchmarks.run $(if $(QUICK),--quick) $(if $(RESUME),--resume)
endif

bench-rivals: $(STAMPS)/venv ## the libraries that benchmarks compare with, in benchmarks/.envs
	sh scripts/rivals.sh benchmarks/.envs $(PY)

dev: $(STAMPS)/dev ## install the source tree itself, to work on it; the next `make test` puts the wheel back
	rm -f $(STAMPS)/installed-*
	VIRTUAL_ENV="$(CURDIR)/$(VENV)" $(PY) -m maturin develop --release --locked --extras all

dist: $(STAMPS)/venv ## wheel and source archive of a release, in dist/
	rm -rf dist
	CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$(HOME)/.cargo=cargo" \
	    $(PY) -m maturin build --profile wheel --sdist --locked --interpreter $(PY) --out dist
	$(PY) scripts/check_wheel.py dist/*.whl

clean: ## remove everything that these targets make
	rm -rf $(VENV) benchmarks/.data benchmarks/.envs build demo dist target .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	rm -f src/tastespace/_native.*.so src/tastespace/_native.pyd
	find src tests benchmarks -name __pycache__ -prune -exec rm -rf {} +

$(STAMPS)/venv: scripts/rust.sh scripts/venv.sh pyproject.toml
	@sh scripts/rust.sh
	@sh scripts/venv.sh $(VENV)
	@mkdir -p $(STAMPS) && touch $@

build/sources: FORCE
	@mkdir -p build && printf '%s\n' $(SOURCES) > $@.now
	@if cmp -s $@.now $@; then rm $@.now; else mv $@.now $@; fi

build/wheel.built: build/sources $(SOURCES) | $(STAMPS)/venv
	@sh scripts/rust.sh
	rm -rf build/wheel
	$(PY) -m maturin build --release --locked --interpreter $(PY) --out build/wheel
	@touch $@

# installed-plot, installed-all: the wheel with that extra. Named by its file: the name alone would ask the package
# index for it. Uninstalled first, because pip keeps what has the same version.
$(STAMPS)/installed-%: build/wheel.built | $(STAMPS)/venv
	@echo "installing the wheel and what it needs into $(VENV)"
	@$(PY) -m pip uninstall --quiet --quiet --yes tastespace
	@$(PY) -m pip install --quiet "$$(echo build/wheel/*.whl)[$*]"
	@touch $@

$(STAMPS)/dev: pyproject.toml | $(STAMPS)/venv
	@echo "installing the tools for tests and checks into $(VENV)"
	@$(PY) -m pip install --quiet --group dev
	@touch $@
