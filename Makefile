# The whole interface: make check | test | prove | bench (and `make clean`). Each sets up what it needs: a new
# machine has only python3 with venv and pip, gcc and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT := out

.PHONY: help setup check test prove bench clean
help:
	@echo "make prove   set up, run the main job, write the matrix and two counterexamples to $(OUT)/"
	@echo "make check   ruff, mypy --strict, pyright, fast tests"
	@echo "make test    all tests"
	@echo "make bench   speed and memory, as ratios in one run"
	@echo "make setup   only set up $(VENV)/bin/eoi"

setup: $(READY)

$(READY): pyproject.toml
	@echo "setting up $(VENV) (about a minute, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/python -m pytest -q -m "not slow"

test: $(READY)
	$(BIN)/python -m pytest -q

prove: $(READY)
	@mkdir -p $(OUT)
	@$(BIN)/python -m checker.mainjob $(OUT)

bench: $(READY)
	@$(BIN)/python -m checker.bench

clean:
	rm -rf $(VENV) $(OUT) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
