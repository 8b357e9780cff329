# The same checks at a desk and in CI. They run in .venv, which install.sh makes and keeps up to date; to use an
# environment of your own: make check PYTHON=/path/to/its/bin/python

ifneq ($(origin PYTHON),command line)
PYTHON := .venv/bin/python
SETUP := setup
endif

.PHONY: help check lint unit test bench demo format setup

help:
	@echo "make check            lint, types, import rule and unit tests"
	@echo "make test             everything: check, components, real Asterisk, real engines"
	@echo "make bench [ONLY=x]   measure (only what begins with x); writes bench.json"
	@echo "make demo             a real call on a private Asterisk"
	@echo "make format           put the code into its format"

check: lint unit

lint: $(SETUP)
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m ruff check .
	$(PYTHON) -m mypy

unit: $(SETUP)
	$(PYTHON) -m pytest -q tests/unit

test:
	./install.sh test

bench: $(SETUP)
	$(PYTHON) -m tests.bench $(if $(ONLY),--only $(ONLY))

demo:
	./install.sh demo

format: $(SETUP)
	$(PYTHON) -m ruff format .
	$(PYTHON) -m ruff check --fix .

setup:
	@./install.sh setup --dev
