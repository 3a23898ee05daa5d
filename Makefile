# make help lists the targets. Everything runs in .venv, which `make setup` makes and keeps current.

VENV ?= .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
STAMP := $(VENV)/.installed
NOW := 2026-11-24
DEMO := demo-report
LAB := orthanc orthanc-dicomweb dcmtk
STYLED := $(wildcard src tests tools benchmarks)

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export PIP_ROOT_USER_ACTION = ignore

.DEFAULT_GOAL := help
.PHONY: help setup demo servers test check fix reports wheel clean

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(STAMP) ## make .venv and install worklint into it, with everything for developers

$(STAMP): pyproject.toml
	@test -x $(PY) || { \
	  for p in python3.11 python3.12 python3.13 python3.14 python3; do \
	    if $$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then found=$$p; break; fi; \
	  done; \
	  test -n "$$found" || { echo 'worklint needs Python 3.11 or newer with the venv module (Debian: python3-venv)' >&2; exit 2; }; \
	  echo "making $(VENV) with $$found"; $$found -m venv $(VENV); }
	$(PY) -m pip install --quiet --editable '.[dev]'
	@touch $@

demo: $(STAMP) ## the demonstration enterprise: matrix as HTML, CSV and JSON in demo-report/
	@mkdir -p $(DEMO)
	@$(BIN)/worklint matrix examples/lakeside --now $(NOW) \
	  --output $(DEMO)/matrix.html --output $(DEMO)/matrix.csv --output $(DEMO)/matrix.json
	@echo
	@echo 'The matrix of Lakeside Health:'
	@echo '  $(DEMO)/matrix.html   open in a browser'
	@echo '  $(DEMO)/matrix.csv    one row a cell, for spreadsheets and pandas'
	@echo '  $(DEMO)/matrix.json   for programs (worklint/report/1)'

servers: ## the Debian packages of the lab (docs/lab.md), where they can be installed
	@if test -e /usr/share/orthanc/plugins/libOrthancDicomWeb.so && command -v dcmqrscp wlmscpfs >/dev/null; then :; \
	elif test "$$(id -u)" = 0 && command -v apt-get >/dev/null; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
	    apt-get install -y -qq --no-install-recommends $(LAB) >/dev/null || true; \
	else echo 'not installed, the tests that need them are skipped: $(LAB)' >&2; fi

test: $(STAMP) servers ## the whole test suite
	$(PY) -m pytest -n 2 $(ARGS)

check: $(STAMP) ## what a change needs: layout, lint, types, data, quick tests
	$(BIN)/ruff format --check $(STYLED)
	$(BIN)/ruff check $(STYLED)
	$(BIN)/mypy
	@if test -f tools/lint_data.py; then echo '$(PY) tools/lint_data.py'; $(PY) tools/lint_data.py; fi
	$(PY) -m pytest -n 2 -m 'not slow and not servers and not browser' $(ARGS)

fix: $(STAMP) ## layout and what the linter can mend by itself
	$(BIN)/ruff format $(STYLED)
	$(BIN)/ruff check --fix $(STYLED)

reports: $(STAMP) ## rewrite reports/demo; review the difference before you commit it
	$(PY) tools/golden.py

wheel: $(STAMP) ## build dist/*.whl
	$(PY) -m build --wheel --no-isolation

clean: ## remove what can be made again
	rm -rf $(VENV) $(DEMO) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis
