# Plain GNU make (3.81 or newer) and sh. `make help` lists what it can do.
# Everything runs from one virtual environment in .venv, which the first target that needs it makes.

SHELL := /bin/sh
.SUFFIXES:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PY := .venv/bin/python
READY := .venv/.ready
PYTEST := $(PY) -m pytest
# Tests that need only wheels. The other two groups install Debian packages, so they are targets of their own.
WHEELS_ONLY := not browser and not image and not long
LOCK := $(PY) -m uv pip compile --quiet --universal $(UPGRADE) --generate-hashes --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11

# Nothing that a shell happens to export may change what is installed or where Python looks.
unexport PYTHONHOME
unexport PYTHONPATH
unexport VIRTUAL_ENV

.PHONY: help check update licences demo test test-fast test-long test-nightly faults torture burst bench bench-quick bench-lock bench-warehouse test-browser screens test-image lint format types aws-diff aws-deploy aws-destroy aws-check aws-smoke aws-prefect image image-sbom image-push image-scan docs docs-publish twins up down clean distclean lock

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' Makefile

demo: $(READY) ## run the main job on real data: portal -> S3 -> validated -> Redshift, all on this machine
	@exec .venv/bin/esteira demo

test: $(READY) ## run every test that needs only wheels, with branch coverage
	@exec $(PYTEST) -n 2 --dist loadgroup -m "$(WHEELS_ONLY)" --cov --cov-report=term --cov-fail-under=90

test-fast: $(READY) ## run the tests that need no stack, in less than a minute
	@exec $(PYTEST) -n 2 --dist loadgroup -m "$(WHEELS_ONLY) and not stack and not slow"

test-long: $(READY) ## strike a load at each of its durable writes in each way; the long stories from the command line
	@exec $(PYTEST) -n 2 --dist loadgroup -m "long and not nightly"

test-nightly: $(READY) ## the tests of warehouse and kills under the other kind of isolation; more seeds of the simulations (20 minutes)
	@exec $(PYTEST) -n 2 --dist loadgroup -m nightly

faults: $(READY) ## run the tests of the fault catalogue, and print a line for each of its numbers (25 minutes; LIST=1 names the tests)
	@exec $(PY) -m tests.faults $(if $(LIST),--list)

TURNS ?= 10
explore: $(READY) ## try new examples of every property, TURNS (10) times; the other targets repeat theirs
	@for turn in $$(seq $(TURNS)); do \
		$(PYTEST) -n 2 --dist loadgroup -m "hypothesis and $(WHEELS_ONLY)" --hypothesis-profile explore || exit 1; done

TRIALS ?= 1000
torture: $(READY) ## TRIALS (1,000) random kills with retries; SEED= repeats a run, and with RECORD=file continues it
	@exec $(PY) -m tests.torture --trials $(TRIALS) $(if $(SEED),--seed $(SEED)) $(if $(RECORD),--record $(RECORD))

FILES ?= 500
burst: $(READY) ## drop FILES (500) files at once and load each once, through every hop of the emulated AWS (20 minutes)
	@FILES=$(FILES) exec $(PYTEST) -n0 -s -m long tests/deployments/test_burst.py

bench: $(READY) ## measure speed, memory and overhead, beside dlt, Singer and a plain script (25 minutes; 10 GB of disk)
	@exec $(PY) -m bench

bench-quick: $(READY) ## one turn of the contest without the slow peer, and the command's start (two minutes)
	@exec $(PY) -m bench --quick

bench-warehouse: $(READY) ## measure COPY, upsert and memory of the load path (minutes; 10 GB of disk)
	@exec $(PY) -m bench.warehouse

test-browser: $(READY) ## read the pages of a running stack in Chromium (root on Debian: installs it)
	@exec $(PYTEST) -m browser tests/browser

screens: $(READY) ## photograph the quality pages for the docs (root on Debian: installs Chromium)
	@exec $(PY) -m tests.browser.screens

test-image: $(READY) ## build the Dockerfile without an engine and try it (root on Debian: installs buildah)
	@exec $(PYTEST) -m image --timeout 1800 tests/image

lint: $(READY) ## check style
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .

format: $(READY) ## correct style where a tool can
	@$(PY) -m ruff check --fix-only --quiet .
	@$(PY) -m ruff format .

types: $(READY) ## check types
	@exec $(PY) -m mypy

# What the laptop can show of these against an emulated account is in tests/infra. YES=1 runs what is shown without asking; SET="A=1 B=2" sets parameters.
STAGE ?= dev
INFRA = $(PY) -m infra.deploy
CHOICES = --stage $(STAGE) $(if $(YES),--yes) $(addprefix --set ,$(SET))
aws-diff: $(READY) ## show what aws-deploy would change in the account of STAGE (dev)
	@exec $(INFRA) diff $(CHOICES)

aws-deploy: $(READY) ## bring the account of STAGE (dev) to what infra/ says; each change set is shown first
	@exec $(INFRA) apply $(CHOICES)

aws-destroy: $(READY) ## delete the stacks of STAGE (dev), but never the lake
	@exec $(INFRA) destroy $(CHOICES)

aws-check: $(READY) ## tell which steps that only a person can do are left in the account of STAGE (dev)
	@exec $(INFRA) check $(CHOICES)

SMOKE ?= airlines
aws-smoke: $(READY) ## load the dataset SMOKE (airlines) once in the image and the cluster of STAGE (dev), without Prefect
	@exec $(PY) -m infra.delivery smoke --stage $(STAGE) -- esteira break-glass $(SMOKE)

aws-prefect: $(READY) ## tell the Prefect of STAGE (dev) what was delivered: esteira deploy, with what the stage's stacks say
	@exec $(PY) -m infra.delivery prefect --stage $(STAGE)

# docker where it answers, else buildah; a base image of one's own is BASE_IMAGE=.
IMAGE ?= esteira:local
REVISION ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
BUILD_ARGS = --build-arg REVISION=$(REVISION) $(if $(BASE_IMAGE),--build-arg BASE_IMAGE=$(BASE_IMAGE)) --tag $(IMAGE)
BUILDAH = buildah
INSIDE = docker run --rm --network none --read-only
image: ## build the image with docker, or with buildah where there is no engine
	@if docker info >/dev/null 2>&1; then exec docker build $(BUILD_ARGS) .; \
	elif command -v buildah >/dev/null 2>&1; then exec $(BUILDAH) build --quiet --format docker $(BUILD_ARGS) $(BUILDAH_ARGS) .; \
	else echo "make: neither docker nor buildah is here. On Debian: apt-get install buildah (as root)." >&2; exit 1; fi

image-sbom: $(READY) ## list what is in IMAGE, as CycloneDX, in image-sbom.json
	@$(INSIDE) $(IMAGE) python -m pip list --format json > image-pip.json
	@$(INSIDE) $(IMAGE) dpkg-query -W -f '$${Package}\t$${Version}\t$${Architecture}\n' > image-dpkg.tsv
	@$(PY) -m infra.delivery sbom image-pip.json image-dpkg.tsv > image-sbom.json

image-push: ## push IMAGE to its registry; its digest goes to image-digest.txt
	@aws ecr get-login-password | docker login --username AWS --password-stdin $(firstword $(subst /, ,$(IMAGE)))
	@docker push $(IMAGE)
	@docker image inspect --format '{{index .RepoDigests 0}}' $(IMAGE) | sed 's/.*@//' > image-digest.txt

image-scan: $(READY) ## wait for the registry's scan of IMAGE at DIGEST; severe findings are an error
	@exec $(PY) -m infra.delivery scan $(IMAGE) $(DIGEST)

check: $(READY) ## all that continuous integration checks, in its order (an hour; as root on Debian the browser and the image too)
	@$(MAKE) lint types docs licences
	@if [ "$$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then $(MAKE) test-browser test-image; \
	else echo "check: test-browser and test-image install Debian packages, so they are for root on Debian"; fi
	@$(MAKE) test-long
	@$(MAKE) test

licences: $(READY) ## the licence of each package that is shipped; one that we may not ship is an error
	@exec $(PY) -m infra.delivery licences requirements.lock

docs: $(READY) ## build the documentation into site/; a dead link is an error
	@NO_MKDOCS_2_WARNING=true exec $(PY) -m mkdocs build --strict --quiet
	@echo "docs: open site/index.html"

SITE ?= site
docs-publish: $(READY) ## copy the built SITE (site/) to DOCS_BUCKET, and remove there what it no longer has
	@exec $(PY) -m infra.delivery publish $(SITE) --bucket "$(DOCS_BUCKET)" --distribution "$(DOCS_DISTRIBUTION)"

twins: $(READY) ## tell which Portuguese pages are behind their English ones, and what to do
	@exec $(PY) -m tests.twins

up: $(READY) ## start the laptop stack and keep it running
	@exec .venv/bin/esteira stack up

down: ## stop the laptop stack
	@if [ -x .venv/bin/esteira ]; then exec .venv/bin/esteira stack down; else echo "down: nothing is set up here"; fi

clean: down ## stop the stack; remove its state and everything the tools wrote, but not .venv
	@rm -rf .esteira demo-report.json bench-results.json bench-results.svg site build dist *.egg-info .coverage .coverage.* coverage.xml htmlcov
	@rm -rf image-pip.json image-dpkg.tsv image-sbom.json image-digest.txt .hypothesis .mypy_cache .pytest_cache .ruff_cache
	@find . -path ./.venv -prune -o -path ./.git -prune -o -type d -name __pycache__ -prune -exec rm -rf {} +

distclean: clean ## clean, and remove .venv too
	@rm -rf .venv

# The runtime lock is a subset of the development lock: the constraint keeps the versions equal.
# sed takes out index addresses that uv may still write: a lock names files by hash, not by where they came from.
UPGRADE =
update: ## take the newest versions that pyproject.toml allows into the lock files; then run the tests
	@$(MAKE) lock UPGRADE=--upgrade
	@git --no-pager diff --stat -- requirements.lock requirements-dev.lock

lock: $(READY) ## resolve the dependencies again and write both lock files
	@$(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install --quiet --quiet uv
	@$(LOCK) --all-extras --output-file requirements-dev.lock pyproject.toml
	@$(LOCK) --constraint requirements-dev.lock --output-file requirements.lock pyproject.toml
	@for file in requirements-dev.lock requirements.lock; do \
		sed -e '/^ *--\(index-url\|extra-index-url\|find-links\)/d' -e '/^ *# from http/d' "$$file" > "$$file.new" && mv "$$file.new" "$$file" || exit 1; \
	done

PEERS := dlt plain singer
bench-lock: $(READY) ## resolve the benchmark's peers again and write their lock files
	@$(PY) -m uv --version >/dev/null 2>&1 || $(PY) -m pip install --quiet --quiet uv
	@for peer in $(PEERS); do \
		file=bench/peers/requirements-$$peer.lock; \
		$(LOCK) --output-file "$$file" "bench/peers/$$peer.in" || exit 1; \
		sed -e '/^ *--\(index-url\|extra-index-url\|find-links\)/d' -e '/^ *# from http/d' "$$file" > "$$file.new" && mv "$$file.new" "$$file" || exit 1; \
	done

# One stamp for the whole set-up. It is written last, so an interrupted set-up starts over.
$(READY): requirements-dev.lock pyproject.toml
	@set -e; \
	if ! { [ -x $(PY) ] && $(PY) -c 'import sys, pip; sys.exit(sys.version_info < (3, 11))'; } 2>/dev/null; then \
		found=; bare=; \
		for candidate in python3.13 python3.12 python3.11 python3; do \
			"$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
			if "$$candidate" -c 'import venv, ensurepip' >/dev/null 2>&1; then found=$$candidate; break; fi; \
			bare=$${bare:-$$candidate}; \
		done; \
		if [ -z "$$found" ] && [ -n "$$bare" ]; then \
			echo "make: $$bare is here, but without its venv and ensurepip modules." >&2; \
			echo "      On Debian or Ubuntu: apt-get install python3-venv (as root). Then run the same command again." >&2; \
			exit 1; \
		fi; \
		if [ -z "$$found" ]; then \
			echo "make: no Python 3.11 or newer on PATH (tried python3.13, python3.12, python3.11, python3)." >&2; \
			echo "      Install one (Debian: apt-get install python3 python3-venv; or https://www.python.org/downloads/), then run the same command again." >&2; \
			exit 1; \
		fi; \
		echo "set-up: making .venv with $$("$$found" --version) and installing the locked dependencies (once; minutes, and 1.2 GB of disk)"; \
		rm -rf .venv; \
		"$$found" -m venv .venv; \
	else \
		echo "set-up: bringing .venv up to date with requirements-dev.lock"; \
	fi; \
	$(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-input --no-deps --require-hashes -r requirements-dev.lock; \
	$(PY) -m pip install --quiet --quiet --disable-pip-version-check --no-input --no-deps --no-build-isolation --editable .; \
	touch $(READY)
