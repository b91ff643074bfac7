# Everything here needs Python 3.11 or newer, pip and make; the rest is fetched by uv into .venv.
UV := .boot/bin/uv
UV_VERSION := 0.13.9
export UV_PYTHON_DOWNLOADS := never
export UV_PYTHON_PREFERENCE := only-system
RUN := $(UV) run --locked

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow simulate check fmt lint types imports spell docs reference tour snapshots images bench chaos corpus clean

help: ## print this help
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(UV):
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --target .boot uv==$(UV_VERSION)

setup: $(UV) ## create .venv with trainwatch and its tools; leaves .venv/bin/trainwatch ready
	@$(UV) sync --locked --quiet --compile-bytecode

demo: setup ## the emulated clouds, an emulated Slack and the real bot; prints one URL; STORY=hang starts one story
	@.venv/bin/python -m emulator.demo $(if $(STORY),--story $(STORY))

test: setup ## all tests but the slow ones (SQLite, PostgreSQL, a browser where there is one)
	@.venv/bin/pytest -n 2 --dist worksteal -m "not slow"

test-slow: setup ## the long property and soak tests
	.venv/bin/pytest -m slow

SEEDS ?= 100000
simulate: setup ## watcher, outbox and network from SEEDS=100000 seeds: kills, faults, pauses and clock jumps
	@.venv/bin/python -m tests.simulation --seeds $(SEEDS)

check: setup fmt-check lint types imports spell docs test ## what CI runs: format, lint, types, contracts, docs, tests

fmt: setup ## format the code
	.venv/bin/ruff format . && .venv/bin/ruff check --fix --quiet .

.PHONY: fmt-check
fmt-check: setup
	@.venv/bin/ruff format --check --quiet . || (echo "run: make fmt" && exit 1)

lint: setup ## ruff
	@.venv/bin/ruff check --quiet .

types: setup ## mypy --strict
	@.venv/bin/mypy

imports: setup ## the import contracts of docs/architecture.md
	@.venv/bin/lint-imports

spell: setup ## codespell
	@.venv/bin/codespell bot emulator tests docs docsite README.md CHANGELOG.md Makefile

docs: setup ## build the documentation as a site in site/; a broken link or a page that no menu lists fails
	@.venv/bin/python -m docsite

reference: setup ## rewrite the tables of the documents that the code holds, such as all settings
	@.venv/bin/python -m docsite.tables && .venv/bin/python -m tests.docs.test_agents

tour: setup ## film the moving picture of the README in the demo; look at it
	@.venv/bin/python -m docsite.moving_picture

N ?= 1000
corpus: setup ## measure the diagnosis on labelled logs: the project's own, or CORPUS=folder (docs/labelled-logs.md)
	@.venv/bin/python -m tests.corpus $(CORPUS)

snapshots: setup ## rewrite the snapshots of rendered messages; read the diff
	.venv/bin/pytest -q tests/unit/slack --snapshot-update

images: setup ## rewrite the pictures of the demo's alerts; look at them
	.venv/bin/pytest -q tests/acceptance/test_alert_pictures.py tests/acceptance/test_state_pictures.py tests/slow/test_chart_pictures.py --update-images

bench: setup ## measure against peers and limits; writes docs/benchmarks.md
	.venv/bin/python -m bench

chaos: setup ## kill the real bot and break its connections; N=1000 incidents on each database
	.venv/bin/python -m chaos --incidents $(N)

clean: ## remove what the commands above made
	rm -rf .venv .boot site .mypy_cache .ruff_cache .pytest_cache .hypothesis dist
