# Every target does its own set-up: a virtual environment in .venv from requirements.lock.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help demo test test-faults lint format type proto proto-check openapi openapi-check docs-check serve bench lock train-env clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Étude needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) 2>/dev/null \
	  || { $(PYTHON) -m venv --without-pip $(VENV) && $(PYTHON) -m pip --python $(BIN)/python install --quiet pip; } \
	  || { echo "Neither 'python3 -m venv' nor 'python3 -m pip' works; on Debian or Ubuntu install python3-venv, or set PYTHON to an interpreter that has it"; rm -rf $(VENV); exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --use-pep517 -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(VENV)/.installed  ## read a real PDF of examples/ and write fingered output to out/demo
	@tools/demo.sh

test: $(VENV)/.installed  ## run the tests
	$(BIN)/pytest -n 2 --dist loadgroup --ignore=tests/training

test-faults: $(VENV)/.installed  ## kill, pause, slow down and fill up real processes under 200 jobs
	ETUDE_FAULTS_JOBS=$${ETUDE_FAULTS_JOBS:-200} $(BIN)/pytest tests/faults -s

lint: $(VENV)/.installed  ## ruff, import rules and buf lint
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/buf lint

format: $(VENV)/.installed  ## format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

type: $(VENV)/.installed  ## mypy --strict
	$(BIN)/mypy

proto: $(VENV)/.installed  ## generate Python from proto/
	$(BIN)/buf generate

proto-check: proto  ## fail when generating leaves a difference or the contract breaks main's
	git diff --exit-code -- etude
	@tools/proto_breaking.sh

openapi: $(VENV)/.installed  ## export docs/openapi/openapi.v1.json
	$(BIN)/python -m gateway.openapi

openapi-check: openapi  ## fail when the exported description is out of date
	git diff --exit-code -- docs/openapi

docs-check: $(VENV)/.installed  ## run the commands of the documentation
	$(BIN)/python tools/run_docs.py README.md docs/*.md

serve: $(VENV)/.installed  ## run the whole mesh on loopback
	$(BIN)/etude serve

bench: $(VENV)/.installed  ## measure and write bench/results
	$(BIN)/python -m bench

lock:  ## pin the dependencies anew
	$(BIN)/pip-compile --quiet --all-build-deps --allow-unsafe --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras \
	  --extra all --extra dev --output-file requirements.lock pyproject.toml
	@# The extra `all` names etude itself, and pip-compile then pins it to this folder.
	@sed -i '/^etude @ file:/,/# via file:/d' requirements.lock

train-env: $(VENV)/.installed  ## add what training needs
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation -e '.[train]'

clean:  ## remove what make made
	rm -rf $(VENV) out build dist *.egg-info
