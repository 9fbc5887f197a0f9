# Everything a newcomer types. `make` lists it.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help setup run test check format ui stop long mistakes week kill states deployments browser screenshots bench lock clean

help: ## what there is
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-11s %s\n", $$1, $$2}'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "ironwood needs Python 3.11 or newer; set PYTHON=..."; exit 1; }
	@echo "setting up $(VENV) (once; downloads about 350 MB, unpacks to 1.2 GB)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $(READY)

setup: $(READY) ## the environment, from the pinned constraints

run: $(READY) ## the main job: the whole lifecycle on the embedded Google Cloud
	@$(BIN)/python -m flows.lifecycle --profile embedded --confirm embedded
	@$(BIN)/python -m flows.lifecycle --profile shared --confirm shared --image us-docker.pkg.dev/example/serving/vllm-tpu:v0.12.0

check: $(READY) ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## format the code
	@$(BIN)/ruff check --fix --quiet . ; $(BIN)/ruff format .

# Parts that last about as long, side by side: the flows wait a lot, the other tests compute; what is beside the tiers, kills and deploys goes with the
# day of a played week, which mostly waits.
WEEK := $(addprefix tests/flows/test_,week.py kill_points.py deployments.py) $(wildcard tests/flows/test_vertex*.py tests/flows/test_cache*.py tests/flows/test_development*.py)
FLOWS := $(filter-out $(WEEK),$(wildcard tests/flows/test_*.py))
LATER := $(filter-out $(wildcard tests/flows/test_[a-l]*.py),$(FLOWS))
OTHERS := $(filter-out tests/flows/ tests/data/ tests/__pycache__/,$(wildcard tests/*/))
test: check ## every check and test, in parts side by side
	@mkdir -p .ironwood; $(BIN)/python -m pytest $(OTHERS) > .ironwood/others.log 2>&1 & others=$$!; \
	$(BIN)/python -m pytest $(LATER) > .ironwood/later.log 2>&1 & later=$$!; \
	$(BIN)/python -m pytest $(WEEK) > .ironwood/week.log 2>&1 & week=$$!; \
	$(BIN)/python -m pytest $(filter-out $(LATER),$(FLOWS)); failed=$$?; \
	wait $$later || failed=1; cat .ironwood/later.log; wait $$week || failed=1; cat .ironwood/week.log; wait $$others || failed=1; cat .ironwood/others.log; exit $$failed

long: $(READY) ## further cases of the flows that take half a minute or more each
	@IRONWOOD_LONG=1 $(BIN)/python -m pytest -m long tests/flows tests/mistakes

mistakes: $(READY) ## the packet of docs/mistakes.md: each mistake of others made here, and what became of it (10 to 15 min)
	@$(BIN)/python -m bench.mistakes

week: $(READY) ## a week of recorded demand against replay's prediction; the same with nothing of ours alive on Wednesday (1 h)
	@IRONWOOD_WEEK=all $(BIN)/python -m pytest tests/flows/test_week.py -q -s

kill: $(READY) ## SIGKILL at every write of provision, scale and teardown
	@IRONWOOD_KILL_POINTS=all $(BIN)/python -m pytest tests/flows/test_kill_points.py -q -s

states: $(READY) ## teardown from each of twenty partial states
	@IRONWOOD_STATES=all $(BIN)/python -m pytest tests/flows/test_partial_states.py -q

deployments: $(READY) ## every deployment run by a worker; doubled, late, overlapping runs; a worker killed (10 min)
	@IRONWOOD_DEPLOYMENTS=all $(BIN)/python -m pytest tests/flows/test_every_deployment.py -q

browser: $(READY) ## an operator's day in Prefect's UI, in Debian's Chromium (apt-get install chromium)
	@IRONWOOD_BROWSER=1 $(BIN)/python -m pytest tests/browser -q

screenshots: browser ## the pictures of docs/operations.md, taken by the browser test
	@$(BIN)/python -m bench.screenshots

bench: $(READY) ## the figures of docs/benchmarks.md
	@$(BIN)/python -m bench.provision
	@$(BIN)/python -m bench.plan --live

ui: $(READY) ## Prefect server, embedded cloud at real time (SCALE=60: faster), deployments (PROFILES="prod": more), worker
	@$(BIN)/python -m deployments.ui $(SCALE:%=--scale %) $(PROFILES:%=--profile %)

stop: $(READY) ## stop the Prefect server, its worker and the embedded Google Cloud of this checkout
	@$(BIN)/python -m deployments.stop

lock: $(READY) ## write constraints.txt anew from pyproject.toml
	@$(BIN)/pip-compile --quiet --extra dev --strip-extras --no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host -o constraints.txt pyproject.toml

clean: ## remove the environment and local state
	@rm -rf $(VENV) .ironwood
