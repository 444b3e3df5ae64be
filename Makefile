# Two commands are enough: `make plan` and `make test`. The rest is for those who change the code.
PYTHON ?= python3
VENV ?= .venv
LOCKED ?= yes
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COMPILED := $(VENV)/.compiled
DEVSTAMP := $(VENV)/.installed-dev
SCENARIO ?= scenarios/store-analytics.yaml
PYTEST_ARGUMENTS ?=
# Pythons for which the lock is tested, on Linux x86-64; the ranges in pyproject.toml allow newer ones.
PYTHONS := 3.11 3.12 3.13
# Extras that tests install: all but torch, which is several GB (make test-torch).
EXTRAS := parquet,postgres,kit,farm,serve,trace,ncnn,litert,tvm
comma := ,
each_extra = $(foreach extra,$(subst $(comma), ,$(EXTRAS)),--extra $(extra))

.PHONY: help install dev plan shell verify test test-slow test-devices test-torch test-lowest test-newest check format accuracy benchmarks docs lock \
	lock-upgrade wheel clean

help:
	@echo "make plan          recommend hardware for $(SCENARIO); writes plan.json and plan.html"
	@echo "make shell         a shell that finds sizer, with completion"
	@echo "make verify        run the real cascade of $(SCENARIO) on this machine for 20 s"
	@echo "make test          all tests (6 to 12 minutes on 2 cores)"
	@echo "make test-slow     the tests that take minutes each; they install the wheel in an empty environment, too"
	@echo "make test-devices  runtimes on software drivers that stand in for a GPU (Debian 12 or 13; the first time 5 minutes)"
	@echo "make test-torch    the runtime PyTorch (the first time a large download; TORCH=FILE names another build of it)"
	@echo "make test-lowest   all tests with the lowest versions that pyproject.toml allows, in .venv-lowest"
	@echo "make test-newest   all tests with the newest versions that pyproject.toml allows, in .venv-newest"
	@echo "make check         ruff, mypy --strict, layers, declared dependencies, documentation"
	@echo "make docs          the documentation site, into site/; fails on broken links and undocumented commands"
	@echo "make accuracy      every accuracy figure of docs/accuracy.md, made again"
	@echo "make benchmarks    paired speed comparisons"
	@echo "make lock          requirements/ after a change of pyproject.toml; make lock-upgrade takes the newest versions"
	@echo "make wheel         source distribution and wheel, into dist/"
	@echo "PYTHON=python3.13 chooses the interpreter, LOCKED=no installs the newest versions instead of the locked ones"

PIP = $(BIN)/python -m pip install --quiet --disable-pip-version-check
# The same with a line in ten seconds that says how far it is: what lies in the environment itself is some 1.2 GB.
PIP_TOLD = $(BIN)/python requirements/pip_progress.py install
PYTHON_VERSION = $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)

ifeq ($(LOCKED),yes)
# Wheels only, with the hashes of the lock; sizer itself is built by the locked build backend.
define check_python
$(if $(filter $(PYTHON_VERSION),$(PYTHONS)),,$(error \
$(PYTHON) $(if $(PYTHON_VERSION),is Python $(PYTHON_VERSION),cannot be run); the locked packages are tested with Python \
$(PYTHONS): name one with PYTHON=python3.13, or install the newest packages instead with LOCKED=no))
endef
install_runtime = $(PIP_TOLD) --require-hashes --only-binary :all: --requirement requirements/runtime.txt && \
	$(PIP) --no-deps --no-build-isolation --editable .
install_dev = $(PIP_TOLD) --require-hashes --only-binary :all: --requirement requirements/dev.txt && \
	$(PIP) --require-hashes --only-binary :all: --no-deps --requirement requirements/converter.txt
else
check_python :=
install_runtime = $(PIP_TOLD) --editable .
install_dev = $(PIP) "pip>=25.1" && $(PIP_TOLD) --group dev --editable '.[$(EXTRAS)]' && \
	$(PIP) --no-deps --group converter
endif

$(VENV)/bin/python:
	$(check_python)$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml requirements/runtime.txt | $(VENV)/bin/python
	@echo "1 of 2: installing sizer and its packages into $(VENV) (1 to 3 minutes, and the download)"
	@$(install_runtime)
	@touch $@

# pip compiles the packages, but not what is installed in place; without this every command would compile it again
# wherever Python may not write bytecode (PYTHONDONTWRITEBYTECODE, a read-only checkout).
$(COMPILED): $(STAMP) $(shell find advisor -name '*.py')
	@echo "2 of 2: compiling sizer and its simulator (half a minute; each update of sizer needs it again)"
	@$(BIN)/python -m compileall -q advisor
	@$(BIN)/python -m advisor.simulate.warm
	@touch $@

$(DEVSTAMP): pyproject.toml requirements/dev.txt requirements/converter.txt $(STAMP)
	@echo "installing what tests and documentation need (1 to 3 minutes, and the download)"
	@$(install_dev)
	@touch $@

install: $(COMPILED)
dev: $(DEVSTAMP)

plan: $(COMPILED)
	$(BIN)/sizer plan $(SCENARIO) -o plan.json --html plan.html

shell: $(COMPILED)
	@echo "sizer is found in this shell; leave it with exit"
	@printf '%s\n' '[ -r ~/.bashrc ] && . ~/.bashrc' 'PATH="$(abspath $(BIN)):$$PATH"' \
		'eval "$$(_SIZER_COMPLETE=bash_source sizer)"' > $(VENV)/.shell
	@bash --rcfile $(VENV)/.shell -i

verify: $(COMPILED)
	$(BIN)/sizer verify $(SCENARIO) --duration 20

# Tests with deadlines run alone at the end. One thread per worker in BLAS: two workers already fill two cores.
# Some tests wait for clocks and processes: a third worker fills those gaps where memory allows (1.3 GB each).
# The simulator is compiled before: else each worker that comes to need it compiles it for itself.
WORKERS ?= 2
# To look for them in all files takes longer than to run them.
TIMED = $(shell grep -rl --include='test_*.py' 'mark\.timing' tests)
run_tests = $(1)/python -m pytest -n $(WORKERS) --dist worksteal -m "not slow and not accuracy and not timing and not devices and not torch" $(PYTEST_ARGUMENTS) && \
	$(1)/python -m pytest -m "timing and not slow and not devices and not torch" $(PYTEST_ARGUMENTS) $(TIMED)

test: $(DEVSTAMP) $(COMPILED)
	$(call run_tests,$(BIN))

test-slow: $(DEVSTAMP)
	$(BIN)/python -m pytest -m slow

# ONNX Runtime's build with WebGPU has the same modules as the one in the environment: it lies in a folder of its own,
# which comes first for those tests alone.
WEBGPU := build/webgpu-$(PYTHON_VERSION)
$(WEBGPU)/.installed: requirements/devices.txt | $(VENV)/bin/python
	rm -rf $(WEBGPU)
	$(PIP) --require-hashes --only-binary :all: --no-deps --target $(WEBGPU) --requirement requirements/devices.txt
	@touch $@

test-devices: $(DEVSTAMP) $(WEBGPU)/.installed
	tests/devices/run $(BIN)/python -m pytest -n 2 --dist worksteal -m devices tests/devices \
		--ignore tests/devices/test_webgpu.py $(PYTEST_ARGUMENTS)
	PYTHONPATH=$(CURDIR)/$(WEBGPU) tests/devices/run $(BIN)/python -m pytest -n 2 --dist worksteal -m devices \
		tests/devices/test_webgpu.py $(PYTEST_ARGUMENTS)
	case "$$(cat /etc/debian_version)" in 12*) tests/devices/run --old $(BIN)/python -m pytest -m devices \
		tests/devices/test_old_driver.py $(PYTEST_ARGUMENTS);; esac

# PyTorch lies in a folder of its own, as it is larger than everything else together. onnx2torch names torchvision, which
# the conversion needs for two operators only and which must fit the build of PyTorch: it is left out.
TORCH ?= torch>=2.13
TORCH_FOLDER := build/torch-$(PYTHON_VERSION)
$(TORCH_FOLDER)/.installed: | $(VENV)/bin/python
	rm -rf $(TORCH_FOLDER)
	$(PIP) --target $(TORCH_FOLDER) "$(TORCH)"
	$(PIP) --target $(TORCH_FOLDER) --no-deps "onnx2torch>=1.5.15"
	@touch $@

test-torch: $(DEVSTAMP) $(TORCH_FOLDER)/.installed
	PYTHONPATH=$(CURDIR)/$(TORCH_FOLDER) $(BIN)/python -m pytest -m torch tests/runtimes $(PYTEST_ARGUMENTS)

# Each in an environment of its own, made anew: what an earlier run left there would hide a missing or a newer version.
test-lowest: $(DEVSTAMP)
	rm -rf .venv-lowest
	$(PYTHON) -m venv .venv-lowest
	$(BIN)/uv pip install --quiet --python .venv-lowest --resolution lowest-direct --only-binary :all: \
		--requirement pyproject.toml $(each_extra) --group dev
	$(BIN)/uv pip install --quiet --python .venv-lowest --resolution lowest-direct --only-binary :all: --no-deps \
		--group converter
	.venv-lowest/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(call run_tests,.venv-lowest/bin)

# What a package announces for a later release is listed at the end of the run; it is no fault of the version at hand.
test-newest:
	rm -rf .venv-newest
	$(MAKE) test VENV=.venv-newest LOCKED=no PYTEST_ARGUMENTS="$(PYTEST_ARGUMENTS) $(ANNOUNCED)"
ANNOUNCED := $(foreach kind,Deprecation PendingDeprecation Future,-W default::$(kind)Warning)

check: $(DEVSTAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --site-dir build/site
	$(BIN)/deptry advisor
	$(BIN)/deptry benchmarks docs docsite profiles tests --exclude '\.venv' --ignore DEP002,DEP004

format: $(DEVSTAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

accuracy: $(DEVSTAMP)
	$(BIN)/python -m benchmarks.accuracy

benchmarks: $(DEVSTAMP)
	$(BIN)/python -m benchmarks

docs: $(DEVSTAMP)
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build

lock_settings = --quiet --universal --python-version $(firstword $(PYTHONS)) --generate-hashes --only-binary :all: \
	--custom-compile-command "make lock" $(UPGRADE)
lock_command = $(BIN)/uv pip compile pyproject.toml $(lock_settings)

lock: $(DEVSTAMP)
	$(lock_command) $(each_extra) --group dev --output-file requirements/dev.txt
	$(lock_command) --group build --constraint requirements/dev.txt --output-file requirements/runtime.txt
	$(BIN)/uv pip compile $(lock_settings) --no-deps --group converter --output-file requirements/converter.txt
	$(BIN)/uv pip compile $(lock_settings) --no-deps --group installer --output-file requirements/installer.txt
	$(BIN)/uv pip compile $(lock_settings) --no-deps --group devices --output-file requirements/devices.txt

lock-upgrade:
	$(MAKE) lock UPGRADE=--upgrade

wheel: $(DEVSTAMP)
	$(BIN)/python -m build --no-isolation

clean:
	rm -rf $(VENV) .venv-lowest .venv-newest build dist site plan.json plan.html
