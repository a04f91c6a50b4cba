# Every intention is one command; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
SCALE ?= demo
N ?= 5
MINUTES ?= 20
SEED ?= 0
# Of a launcher that has an environment of its own, as ray_cluster has .venv-ray.
OWN = $(wildcard .venv-$(firstword $(subst _, ,$(LAUNCHER)))/bin/python)

.PHONY: help setup setup-ray check test test-fast test-cluster reproduce figures tables claims report verify bench endure clean

help: ## Show these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.installed ## Make .venv and install requirements.lock

$(VENV)/.installed: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@touch $@

setup-ray: .venv-ray/.installed ## Make .venv-ray, the environment of the launcher for Ray

.venv-ray/.installed: requirements-ray.lock
	$(PYTHON) -m venv .venv-ray
	.venv-ray/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-ray.lock
	@touch $@

check: setup ## Lint and type-check
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy

test: setup ## Run the tests on all cores
	$(PY) -m pytest -n auto --dist worksteal --durations=20

test-fast: setup ## Run the unit tests alone, in under a minute
	$(PY) -m pytest -n auto -m "not process"

test-cluster: setup ## Sweeps on a real Slurm and a real Ray, disturbed and resumed, where they are installed
	@$(PY) -m tests.cluster

reproduce: setup ## Train everything at SCALE=demo|desk|paper (default demo), LAUNCHER=slurm|ray_cluster, then judge it
	@$(or $(OWN),$(PY)) -m runners.reproduce --scale $(SCALE) $(if $(LAUNCHER),--launcher $(LAUNCHER)); trained=$$?; \
	$(PY) -m analysis.report && exit $$trained

figures: setup ## Draw the figures again from results/data, without training
	$(PY) -m analysis.report --only figures

tables: setup ## Write the tables again from results/data
	$(PY) -m analysis.report --only tables

claims: setup ## Judge the paper's claims on results/data; CHECK=1 shows them and tells if one changed
	$(PY) -m analysis.report --only claims $(if $(CHECK),--check)

report: setup ## Collect new runs into results/data, then figures, tables, claims and the page
	$(PY) -m analysis.report

verify: setup ## Retrain N=5 committed runs, drawn by SEED=0, for MINUTES=20, and compare
	@rm -rf results/again
	@$(PY) -m runners.retrain --count $(N) --minutes $(MINUTES) --seed $(SEED)
	@$(PY) -m analysis.verify

bench: setup ## Measure speed and memory against the bare engine
	$(PY) -m runners.bench

endure: setup ## Disturb small runs for MINUTES=20, and count rows lost or different
	$(PY) -m runners.endure --minutes $(MINUTES) --seed $(SEED)

clean: ## Remove what training and tools made; results/data and the figures stay
	rm -rf results/runs results/again results/report outputs multirun .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +
