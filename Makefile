# The whole interface: make check | test | nightly | prove | bench | mutants | oracle | conform (and `make clean`). Each sets up what it needs: a new
# machine has only python3 with venv and pip, gcc and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TOOLS := $(VENV)/.tools
OUT := out
# Bytecode is kept whatever the shell says: each worker rewrites the asserts of all tests (8 s), and each `eoi` that a test
# starts compiles what it imports (0.25 s).
PYTEST := PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -q -n auto --dist worksteal

.PHONY: help setup check test nightly prove bench mutants oracle conform clean
help:
	@echo "make prove   set up, run the main job, write the matrix and two counterexamples to $(OUT)/"
	@echo "make check   ruff, mypy --strict, pyright, fast tests"
	@echo "make test    all tests"
	@echo "make nightly what make test samples, whole: every kernel under every VMM with every guest, by CPython and C (half an hour or more)"
	@echo "make bench   speed and memory, as ratios in one run; also of SPIN and rumur (LARGE=1: of 8.6 million states, too); what commands cost, with GATE=1 also the gate"
	@echo "make mutants which one-change mutants of the model does no verdict tell? goes on where it was cut short; writes reports/mutation/"
	@echo "make oracle  install QEMU if it is missing (as root), say what live systems there are"
	@echo "make conform the model against the running KVM and a real QEMU; writes reports/conformance/ (40 minutes)"
	@echo "make setup   only set up $(VENV)/bin/eoi, and compile and explore the kernel that patches stand beside"

# Every patch stands beside the kernel as it is: what that needs is compiled and explored before there is one.
setup: $(READY)
	@echo "exploring the kernel as it is (8 s, once)"
	@$(BIN)/eoi prove base --brief >/dev/null || true

$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"eoiproof needs Python 3.11 or newer; $(PYTHON) is {sys.version.split()[0]}: make PYTHON=python3.X")'
	@echo "setting up $(VENV) (15 s on a fast net, once)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@
	@echo "set up; for this shell: . $(VENV)/bin/activate"

# What only the tests need is larger than all the rest.
$(TOOLS): $(READY)
	@echo "installing what the tests need (once)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

check: $(TOOLS)
	$(BIN)/ruff check .
	@echo "mypy and the fast tests, pyright beside them"; \
		$(BIN)/pyright --pythonpath $(BIN)/python >$(VENV)/pyright.txt 2>&1 & pyright=$$!; \
		$(BIN)/mypy && $(PYTEST) -m "not everything"; status=$$?; \
		wait $$pyright || status=1; cat $(VENV)/pyright.txt; exit $$status

test: $(TOOLS)
	$(PYTEST)

# Where tests do less by day than at night.
AT_NIGHT = $(shell grep -rlE "NIGHTLY|import .*volume$$" tests --include="test_*.py" | sort)
nightly: $(TOOLS)
	EOI_NIGHTLY=1 $(PYTEST) $(AT_NIGHT)

prove: $(READY)
	@mkdir -p $(OUT)
	@$(BIN)/python -m tools.mainjob $(OUT)

# The checkers that eoi is compared with are packages; without them it says so. Each round of S takes them half a minute, of M two.
bench: $(TOOLS)
	@if command -v spin >/dev/null && command -v rumur >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends spin rumur || :; fi
	@$(BIN)/python -m tools.bench $(if $(GATE),--gate) $(if $(LARGE),--large)

mutants: $(READY)
	@$(BIN)/eoi gate --mutants --write reports/mutation

# The live systems: /dev/kvm is there or not; QEMU is a package.
oracle: $(READY)
	@if command -v qemu-system-x86_64 >/dev/null; then qemu-system-x86_64 --version | head -1; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq --no-install-recommends qemu-system-x86; \
	else echo "QEMU is missing: install the package qemu-system-x86 (Debian) or qemu-system-x86-core (Fedora)"; fi
	@if [ -r /dev/kvm ] && [ -w /dev/kvm ]; then echo "/dev/kvm: there"; \
	else echo "/dev/kvm: missing or not accessible: conform kvm will be skipped"; fi

# Exit code 3 of an oracle that is not there is not an error of the others.
conform: oracle
	@status=0; for run in "kvm --cover --random --mutants --steps 1000000" "qemu --cover --random --mutants"; do \
		$(BIN)/eoi conform $$run --write reports/conformance; code=$$?; \
		if [ $$code -ne 0 ] && [ $$code -ne 3 ]; then status=$$code; fi; \
	done; exit $$status

clean:
	rm -rf $(VENV) $(OUT) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
