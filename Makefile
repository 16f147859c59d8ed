# A fresh machine needs only make and a CPython 3.10 to 3.13 with venv.
#
#   make demo     install into .venv and run the main job
#   make test     install what the tests need and run all of them
#   make check    formatting, lint, types, layers, fast tests of what changed: under a minute
#   make format   let the tools settle formatting
#   make lock     renew requirements.lock
#   make site     build the documentation; links are checked
#   make dist     build a wheel that has the site in it
#   make bench    run the benchmarks
#   make clean    remove everything that was made here

SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
STAMPS := $(VENV)/stamps
CACHE := .cache

# Candidates are asked, not only found: a version manager's shim may exist and still not run.
IN_RANGE := import sys, venv, ensurepip; sys.exit(not (3, 10) <= sys.version_info[:2] < (3, 14))
PYTHON ?= $(shell for p in python3.13 python3.12 python3.11 python3.10 python3 python; do \
	$$p -c '$(IN_RANGE)' >/dev/null 2>&1 && { command -v $$p; break; }; done)

# Compiled modules make every process start faster, and tests start many.
unexport PYTHONDONTWRITEBYTECODE

# uv is ten times faster; pip does the same where uv cannot be had.
define install
	{ test -x $(BIN)/uv && $(BIN)/uv pip install --quiet --python $(BIN)/python -c requirements.lock $(1); } \
	|| $(BIN)/python -m pip install --quiet --disable-pip-version-check -c requirements.lock $(1)
endef

.PHONY: demo test check format lint types tests-fast lock site dist bench clean system

demo: $(STAMPS)/demo
	$(BIN)/mlrun-like demo

test: $(STAMPS)/dev system $(if $(CI),$(STAMPS)/models $(STAMPS)/grafana)
	@mkdir -p $(CACHE)
	@# Real brokers, clusters and browsers share two cores here: what fails is tried again and
	@# listed as RERUN. Nothing is tried again by `make check`.
	@$(BIN)/python -m pytest -n 2 --dist loadfile -q --reruns 2 --reruns-delay 1 -rfExXsR; \
	code=$$?; echo $$code > $(CACHE)/pytest-exit; exit $$code

check: lint types tests-fast

lint: $(STAMPS)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports --no-logo --no-cache

types: $(STAMPS)/dev
	$(BIN)/mypy

tests-fast: $(STAMPS)/dev
	$(BIN)/python -m pytest -n 2 --dist loadfile -q -m "not slow" $$($(BIN)/python tests/changed.py)

format: $(STAMPS)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(STAMPS)/base
	$(BIN)/uv pip compile pyproject.toml --extra all --extra dev --universal --python-version 3.10 --upgrade \
		--no-header --no-annotate --no-emit-index-url --quiet --output-file requirements.lock

site: $(STAMPS)/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet
	@echo "$(CACHE)/site/index.html"

dist: site
	$(BIN)/python -m hatchling build -t wheel -d dist

bench: $(STAMPS)/dev $(STAMPS)/models system
	@for script in start runs sweep metrics warm serving/graphs serving/flows serving/windows \
	serving/batching serving/observers serving/batch serving/web serving/sse serving/streams \
	runtimes/diagnosis runtimes/oci runtimes/images runtimes/container_runs runtimes/kubernetes_runs \
	runtimes/dask_runs runtimes/spark_runs runtimes/mpi_runs pipelines/speed pipelines/kills \
	gateway/cold gateway/idle gateway/warm gateway/burst \
	gateway/faults feature_store/ingest feature_store/joins feature_store/online \
	feature_store/windows feature_store/transform \
	monitoring/recording monitoring/drift monitoring/detection monitoring/controller \
	service/auth service/listing service/live service/clients service/fuzz compat/start; do \
	$(BIN)/python bench/$$script.py || exit 1; done

clean:
	rm -rf $(VENV) $(CACHE) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMPS)/base:
	@test -n "$(PYTHON)" || { \
	echo "no CPython 3.10 to 3.13 with venv found; install one (Debian: apt-get install python3-venv)" \
	"or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || \
	echo "uv cannot be had here; pip does its work"
	@mkdir -p $(STAMPS) && touch $@

$(STAMPS)/demo: $(STAMPS)/base pyproject.toml requirements.lock
	$(call install,-e ".[frameworks$(comma)serving$(comma)service]")
	@touch $@

$(STAMPS)/dev: $(STAMPS)/base pyproject.toml requirements.lock
	$(call install,-e ".[all$(comma)dev]")
	@touch $@ $(STAMPS)/demo

# What is large and used by a handful of tests, which are skipped without it: model frameworks
# (this torch has a build without CUDA on the index) and engines.
$(STAMPS)/models: $(STAMPS)/dev
	$(call install,"torch==2.13.0" "transformers>=4.40" "keras>=3" "pyspark>=3.5" "mpi4py>=4" \
	"accelerate>=1" "pytorch-lightning>=2.2" "dask-gateway" "dask-gateway-server")
	$(call install,--no-deps "dask-kubernetes>=2025")  # only the definitions of its objects are read
	@touch $@

# The client replaces urllib3 wherever it is installed, so it has a folder of its own.
$(STAMPS)/grafana: $(STAMPS)/dev
	$(call install,--target $(CACHE)/grafana "grafana-client>=4" "grafana-foundation-sdk; python_version >= '3.11'")
	@touch $@

comma := ,

# Real servers and engines for the tests marked slow; without them those tests are skipped, with the
# reason. A command and the Debian package that brings it, a line each.
define needed
redis-server redis-server
nats-server nats-server
mosquitto mosquitto
rabbitmq-server rabbitmq-server
podman podman
buildah buildah
runc runc
netavark netavark
docker-registry docker-registry
debootstrap debootstrap
mpirun openmpi-bin
mpicc libopenmpi-dev
ip iproute2
java default-jre-headless
prometheus prometheus
chromium chromium
go golang-go
endef
export needed

system:
	@wanted=""; export PATH="$$PATH:/usr/sbin:/usr/lib/podman"; \
	ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null || \
	wanted="$$wanted postgresql"; \
	test -d /usr/share/gocode/src/github.com/Masterminds/sprig || \
	wanted="$$wanted golang-github-masterminds-sprig-dev"; \
	while read -r program package; do \
	command -v "$$program" >/dev/null || wanted="$$wanted $$package"; done <<< "$$needed"; \
	if [ -z "$$wanted" ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
	--no-install-recommends $$wanted >/dev/null || echo "could not be installed:$$wanted"; \
	else echo "not installed, so their tests are skipped:$$wanted"; fi
