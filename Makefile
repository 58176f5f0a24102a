# Needs make, and Python 3.11 or newer with venv. All else goes into .venv.
PYTHON ?= python3
PORT ?= 8866
PYTEST_ARGS ?=
BASE ?= origin/main

BIN := .venv/bin
PIP := $(BIN)/python -m pip
SPARSE := optiwidgets/engine/sparse_runtime
LIBRARIES := $(SPARSE)/kernel.json
NOTEBOOKS := $(wildcard lessons/*.ipynb)

# Else each process of the tests, and each server and kernel they start, compiles the whole package anew.
unexport PYTHONDONTWRITEBYTECODE

# Every part runs, whatever became of the one before, and the last line says how each ended and how long it took.
define run-all
@endings=; status=0; \
for part in $(1); do \
	begun=$$(date +%s); \
	if $(MAKE) --no-print-directory $$part; then ended=passed; else ended=FAILED; status=1; fi; \
	endings="$$endings, $$part $$ended ($$(($$(date +%s) - begun)) s)"; \
done; \
echo "make $@: $${endings#, }"; exit $$status
endef

.DEFAULT_GOAL := help
.PHONY: help app dev test test-fast test-units test-javascript test-browser test-oldest
.PHONY: test-slow test-slow-units test-slow-browser test-slow-hosting test-course
.PHONY: lint lint-style lint-format lint-types lint-imports lint-javascript lint-wording lint-notebooks
.PHONY: format docs site texts looks bench methods picture train graphs

help: ## list these commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 17

app: .venv/app.stamp $(LIBRARIES) ## serve the lessons at http://127.0.0.1:8866/ (PORT= another port)
	@$(BIN)/optiwidgets app --port $(PORT) --lessons lessons

dev: .venv/dev.stamp $(LIBRARIES) ## like app, and pages load anew when a file is saved
	@$(BIN)/python tools/dev.py --port $(PORT)

test: .venv/dev.stamp .venv-oldest/stamp $(LIBRARIES) ## run the tests, real-browser tests included (PYTEST_ARGS= more options)
	$(call run-all,test-units test-javascript test-browser test-oldest)

test-fast: .venv/dev.stamp $(LIBRARIES) ## fast tests of rooms with files changed since BASE= (origin/main)
	@$(BIN)/python tools/changed_rooms.py --base $(BASE) $(PYTEST_ARGS)

# Two processes at once, of one torch thread each: with two they wait for each other.
test-units: .venv/dev.stamp $(LIBRARIES) ## all but the browser's and the slow ones
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not browser" --ignore=tests/browser $(PYTEST_ARGS)

test-javascript: .venv/dev.stamp ## unit tests of panels and feed in node
	$(BIN)/python tests/javascript/tools.py test

# A file of browser tests stays in one process, with its server and browser.
test-browser: .venv/dev.stamp $(LIBRARIES) ## in a real browser
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "browser and not slow" tests/browser $(PYTEST_ARGS)

# Left out for their time: the packed file's coder, the C++ kernel, loaders, plain values, and the rooms that
# put others together, which call few functions of torch. `make test-units` runs them with the newest.
OLDEST_LEFT_OUT := serialization sparse_runtime data types beliefs experiment tasks
test-oldest: .venv-oldest/stamp $(LIBRARIES) ## the engine with the oldest torch that pyproject.toml allows
	OMP_NUM_THREADS=1 .venv-oldest/bin/python -m pytest -n 2 --dist worksteal -m "not slow" tests/engine $(OLDEST_LEFT_OUT:%=--ignore=tests/engine/%) $(PYTEST_ARGS)

# pytest exits with 5 when it finds no test, which is right only where PYTEST_ARGS may leave none of a part.
NONE_LEFT := $(if $(strip $(PYTEST_ARGS)),|| [ $$? -eq 5 ])

test-slow: .venv/dev.stamp $(LIBRARIES) ## run the tests that take longer
	$(call run-all,test-slow-units test-slow-browser test-slow-hosting)

test-slow-units: .venv/dev.stamp $(LIBRARIES)
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist worksteal -m slow tests --ignore=tests/hosting --ignore=tests/browser $(PYTEST_ARGS) $(NONE_LEFT)

# One at a time: they weigh and count processes.
test-slow-hosting: .venv/dev.stamp $(LIBRARIES)
	$(BIN)/python -m pytest -m slow tests/hosting $(PYTEST_ARGS) $(NONE_LEFT)

test-slow-browser: .venv/dev.stamp $(LIBRARIES)
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow and not course" tests/browser $(PYTEST_ARGS) $(NONE_LEFT)

test-course: .venv/dev.stamp $(LIBRARIES) ## build the site of all lessons and open each page; not in .ci/run
	$(BIN)/python -m pytest -m course tests/browser $(PYTEST_ARGS)

lint: .venv/dev.stamp ## check style, types, imports between rooms, wording, and that notebooks have no output
	$(call run-all,lint-style lint-format lint-types lint-imports lint-javascript lint-wording lint-notebooks)

lint-style: .venv/dev.stamp
	$(BIN)/ruff check .

lint-format: .venv/dev.stamp
	$(BIN)/ruff format --check .

lint-types: .venv/dev.stamp
	$(BIN)/mypy

lint-imports: .venv/dev.stamp
	$(BIN)/lint-imports

lint-javascript: .venv/dev.stamp
	$(BIN)/python tests/javascript/tools.py types
	$(BIN)/python tests/javascript/tools.py check

lint-wording: .venv/dev.stamp
	$(BIN)/python .ci/plain_english.py

lint-notebooks: .venv/dev.stamp
	$(if $(NOTEBOOKS),$(BIN)/nbstripout --verify $(NOTEBOOKS))

format: .venv/dev.stamp ## mend style where that is safe, and format Python, notebooks and JavaScript
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .
	$(if $(NOTEBOOKS),$(BIN)/nbstripout $(NOTEBOOKS))
	$(BIN)/python tests/javascript/tools.py format

docs: .venv/dev.stamp ## build the API reference into build/docs/; a warning is an error
	$(BIN)/python -m sphinx --builder html --fail-on-warning --keep-going docs build/docs

site: .venv/dev.stamp $(LIBRARIES) ## write the lessons as a site that needs no Python into build/site/
	$(BIN)/optiwidgets site build/site --lessons lessons

texts: .venv/dev.stamp ## collect all texts of controls, panels and questions into optiwidgets/texts/en.po
	$(BIN)/python tools/texts.py

looks: .venv/dev.stamp $(LIBRARIES) ## screenshots of eleven states, seven widths, light and dark, checked by axe, in build/looks/
	$(BIN)/python tools/looks.py $(LOOKS_ARGS)

bench: .venv/dev.stamp $(LIBRARIES) ## time the inner loop and the live page beside how it is usually done
	@for benchmark in inner_loop live; do \
		$(BIN)/python benchmarks/$$benchmark.py $(BENCH_ARGS) || exit; \
	done

methods: .venv/dev.stamp $(LIBRARIES) ## run every method at every strength, draw its picture (15 minutes)
	$(BIN)/python benchmarks/methods.py --picture lessons/pictures/methods.png $(BENCH_ARGS)

picture: .venv/dev.stamp $(LIBRARIES) ## record the README's moving picture, draw those of sizes and speeds anew
	$(BIN)/python benchmarks/picture.py

train: .venv/app.stamp $(LIBRARIES) ## train the shipped models anew into build/
	mkdir -p build
	$(BIN)/optiwidgets train digits --model small --keep last --output build/digits-small.safetensors
	$(BIN)/optiwidgets train digits --model wide --keep last --output build/digits-wide.safetensors
	$(BIN)/optiwidgets train smear --model small --keep last --output build/smear-small.safetensors
	$(BIN)/optiwidgets train scenes --keep last --output build/scenes-center.safetensors
	$(BIN)/optiwidgets train smear-fields --keep last --output build/smear-fields-center.safetensors

graphs: .venv/app.stamp $(LIBRARIES) ## export the graphs of the shipped models anew (after their code or torch changed)
	mkdir -p optiwidgets/engine/onnx_runtime/graphs
	rm -f optiwidgets/engine/onnx_runtime/graphs/*.onnx
	$(BIN)/python -P -m optiwidgets.engine.experiment.ship_graphs

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "OptiWidgets needs Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv .venv || { rm -rf .venv; exit 1; }

# Installed again only when pyproject.toml changes. pip leaves alone what already satisfies it, so a
# CPU-only torch put into .venv beforehand stays.
.venv/app.stamp: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[app]"
	@touch $@

.venv/dev.stamp: pyproject.toml | $(BIN)/python
	$(PIP) install --editable ".[dev]"
	@touch $@ .venv/app.stamp

# The sparse runtime, compiled again when its source or build.py changes. Where that fails there is no
# such file: it is said, all else works, and the next make tries again.
$(LIBRARIES): $(SPARSE)/kernel.cpp $(SPARSE)/build.py | $(BIN)/python
	-@$(BIN)/python -P $(SPARSE)/build.py

.venv-oldest/stamp: pyproject.toml .ci/oldest.py | $(BIN)/python
	$(BIN)/python -m venv .venv-oldest
	$(BIN)/python .ci/oldest.py > .venv-oldest/requirements.txt
	.venv-oldest/bin/python -m pip install --requirement .venv-oldest/requirements.txt
	.venv-oldest/bin/python -m pip install --no-deps --editable .
	@touch $@
