# Two commands matter: `make demo` and `make test`. Both do all the set-up they need.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PEERS_VENV := .venv-peers
PEERS_INSTALLED := $(PEERS_VENV)/.installed
DAGS_VENV := .venv-dags
DAGS_INSTALLED := $(DAGS_VENV)/.installed

export OMP_NUM_THREADS ?= 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow test-dags peers lint format bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("lait needs Python 3.11 or newer; name one with make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e '.[all,dev]'
	@touch $@

$(PEERS_INSTALLED): bench/peers.txt
	$(PYTHON) -m venv $(PEERS_VENV)
	$(PEERS_VENV)/bin/python -m pip install --quiet -r bench/peers.txt
	@touch $@

$(DAGS_INSTALLED): dags/constraints.txt
	$(PYTHON) -m venv $(DAGS_VENV)
	$(DAGS_VENV)/bin/python -m pip install --quiet -c dags/constraints.txt apache-airflow
	@touch $@

install: $(INSTALLED) ## make .venv with everything that runs on one machine

demo: install ## the main job on the embedded world, in a few minutes
	$(BIN)/lait demo --out out/demo

test: install lint ## types, style and the test suite
	$(BIN)/pytest -m 'not slow'

peers: $(PEERS_INSTALLED) ## open_clip training and mosaicml-streaming, in an environment of their own

test-slow: install peers ## the long proofs
	$(BIN)/pytest -m slow

test-dags: install $(DAGS_INSTALLED) ## run each Airflow DAG on the demo world
	PATH="$(CURDIR)/$(BIN):$$PATH" bash dags/test_dags.sh $(CURDIR)/$(DAGS_VENV)

lint: install ## style and types, nothing changed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install ## put style right
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean: ## remove what `make demo` wrote
	rm -rf out
