# Two commands are enough: `make plan` and `make test`. The rest is for those who change the code.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
COMPILED := $(VENV)/.compiled
DEVSTAMP := $(VENV)/.installed-dev
SCENARIO ?= scenarios/store-analytics.yaml

.PHONY: help install dev plan verify test test-slow check format accuracy benchmarks docs clean

help:
	@echo "make plan        recommend hardware for $(SCENARIO); writes plan.json and plan.html"
	@echo "make verify      run the real cascade of $(SCENARIO) on this machine for 20 s"
	@echo "make test        all tests (under 8 minutes on 2 cores)"
	@echo "make test-slow   the tests that take minutes each"
	@echo "make check       ruff, mypy --strict, layers"
	@echo "make docs        the documentation site, into site/; fails on broken links and undocumented commands"
	@echo "make accuracy    every accuracy figure of docs/accuracy.md, made again"
	@echo "make benchmarks  paired speed comparisons"

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml | $(VENV)/bin/python
	@echo "installing sizer and its packages into $(VENV) (the first time takes a few minutes)"
	$(BIN)/pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# pip compiles the packages, but not what is installed in place; without this every command would compile it again
# wherever Python may not write bytecode (PYTHONDONTWRITEBYTECODE, a read-only checkout).
$(COMPILED): $(STAMP) $(shell find advisor -name '*.py')
	@echo "compiling sizer and its simulator"
	$(BIN)/python -m compileall -q advisor
	$(BIN)/python -m advisor.simulate.warm
	@touch $@

$(DEVSTAMP): pyproject.toml $(STAMP)
	$(BIN)/pip install --quiet --disable-pip-version-check "pip>=25.1"
	$(BIN)/pip install --quiet --disable-pip-version-check --group dev
	@touch $@

install: $(COMPILED)
dev: $(DEVSTAMP)

plan: $(COMPILED)
	$(BIN)/sizer plan $(SCENARIO) -o plan.json --html plan.html

verify: $(COMPILED)
	$(BIN)/sizer verify $(SCENARIO) --duration 20

test: $(DEVSTAMP)
	$(BIN)/python -m pytest -n 2 --dist worksteal

test-slow: $(DEVSTAMP)
	$(BIN)/python -m pytest -m slow

check: $(DEVSTAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEVSTAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

accuracy: $(DEVSTAMP)
	$(BIN)/python -m benchmarks.accuracy

benchmarks: $(DEVSTAMP)
	$(BIN)/python -m benchmarks

docs: $(DEVSTAMP)
	$(BIN)/python -m mkdocs build

clean:
	rm -rf $(VENV) build dist site plan.json plan.html
