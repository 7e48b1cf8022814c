# One way to run each thing. `make test` and `make demo` install what they need themselves.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

# The first interpreter that is new enough; say PYTHON=... to choose another.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
# More arguments for pip. Linux without a GPU: PIP_ARGS="--extra-index-url https://download.pytorch.org/whl/cpu"
PIP_ARGS ?=
ARGS ?=

BIN := .venv/bin
INSTALLED := .venv/.installed
PROTO_INSTALLED := .venv-proto/.installed
PROTO_OUT ?= clients/python
PROTOS := $(sort $(wildcard protos/endcap/v1/*.proto))
GENERATED := endcap/v1
RELEASED := tests/protos/released.binpb
LANGUAGES ?= python typescript go java cpp
DEPLOY_INSTALLED := .tools/.installed

.PHONY: help install test lint format proto proto-check demo bench quality search deploy-check dashboards manifests

help: ## Show the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

install: $(INSTALLED) ## Make .venv with everything the demo and the tests need.

$(INSTALLED): pyproject.toml clients/python/pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Endcap needs Python 3.11 or newer; found none. Say PYTHON=/path/to/python3."; exit 2; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(PIP_ARGS) -c constraints.txt \
		-e clients/python -e '.[cpu,train,tune,demo,redis,dev]'
	@touch $@

# A process a core, four at most; the tests of a file run in one of them, which ARGS=-n0 makes the only one.
test: $(INSTALLED) ## Install what is missing and run the tests; ARGS go to pytest.
	$(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(INSTALLED) ## Check style, types, the doors between packages, and the contract.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code

format: $(INSTALLED) ## Rewrite Python and proto files in the house style.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/buf format --write

# Its own environment: code made by newer tools would not load under protobuf 6, which the client promises.
$(PROTO_INSTALLED): Makefile
	@test -n "$(PYTHON)" || { echo "Endcap needs Python 3.11 or newer; found none. Say PYTHON=/path/to/python3."; exit 2; }
	test -x .venv-proto/bin/python || $(PYTHON) -m venv .venv-proto
	.venv-proto/bin/python -m pip install --quiet --disable-pip-version-check \
		grpcio-tools==1.76.0 mypy-protobuf==5.1.0 protobuf==6.33.6 types-protobuf==7.35.1.20260906 setuptools==80.9.0
	@touch $@

proto: $(PROTO_INSTALLED) ## Generate the Python of the contract into clients/python/endcap/v1.
	rm -f $(PROTO_OUT)/$(GENERATED)/*_pb2*
	.venv-proto/bin/python -m grpc_tools.protoc -Iprotos \
		--plugin=protoc-gen-mypy=.venv-proto/bin/protoc-gen-mypy \
		--plugin=protoc-gen-mypy_grpc=.venv-proto/bin/protoc-gen-mypy_grpc \
		--python_out=$(PROTO_OUT) --grpc_python_out=$(PROTO_OUT) \
		--mypy_out=quiet:$(PROTO_OUT) --mypy_grpc_out=quiet:$(PROTO_OUT) $(PROTOS)

proto-check: ## Fail when the committed Python of the contract is not what `make proto` makes.
	@out=$$(mktemp -d); trap 'rm -rf "$$out"' EXIT; $(MAKE) --no-print-directory proto PROTO_OUT="$$out"; \
	diff -ru -x __pycache__ -x __init__.py -x py.typed "$$out/$(GENERATED)" clients/python/$(GENERATED) \
		|| { echo "clients/python/$(GENERATED) is stale: run make proto and commit what it changes."; exit 1; }

.PHONY: clients clients-check clients-test interop breaking released matrix
clients: proto ## Generate the code of the contract in every language that commits it.
	@for script in clients/*/generate.sh; do echo "$$script"; "$$script"; done

clients-check: proto-check ## Fail when that code is not what `make clients` makes.
	@for script in clients/*/generate.sh; do echo "$$script --check"; "$$script" --check; done

clients-test: ## Build each language's client and run its own tests; their packages are listed in clients/*/packages.txt.
	@for script in clients/*/check.sh clients/*/test.sh; do echo "$$script"; "$$script"; done

interop: $(INSTALLED) ## Build each language's client and run tests/interop, one line a case; LANGUAGES="go java" for some.
	INTEROP="$(LANGUAGES)" $(BIN)/python -m tests.interop $(ARGS)

# The latest tag that this clone has; where it has none, what was kept of the contract.
breaking: $(INSTALLED) ## Fail when protos/ breaks a caller of the last release.
	@tag=$$(git tag --list 'v*' --sort=-version:refname 2>/dev/null | head -n 1 || true); \
	released="$${tag:+.git#tag=$$tag}"; released="$${released:-$(RELEASED)}"; \
	echo "protos against $$released"; $(BIN)/buf breaking --against "$$released"

# The Python client at both ends of what it promises, each in an environment of its own: protobuf/grpcio.
MATRIX := 6.31.1/1.76.0 6.33.6/1.76.0 7.36.2/1.85.1

matrix: ## Run the Python client and the generated code under each protobuf of the matrix.
	@test -n "$(PYTHON)" || { echo "Endcap needs Python 3.11 or newer; found none. Say PYTHON=/path/to/python3."; exit 2; }
	@kept=$$(mktemp -d); trap 'rm -rf "$$kept"' EXIT; for pair in $(MATRIX); do \
		room=.venv-matrix/$${pair/\//-}; test -x $$room/bin/python || $(PYTHON) -m venv $$room; \
		$$room/bin/python -m pip install --quiet --disable-pip-version-check -e clients/python \
			protobuf==$${pair%/*} grpcio==$${pair#*/} grpcio-status==$${pair#*/}; \
		$$room/bin/python -W error tests/protos/round_trip.py "$$kept/messages.json"; done

released: $(INSTALLED) ## At a release: keep the contract as it is, for make breaking.
	$(BIN)/buf build --exclude-source-info -o $(RELEASED)

demo: $(INSTALLED) ## Train on a real shop's data, serve it and show rankings; ARGS=--once ends after showing them.
	$(BIN)/endcap demo $(ARGS)

bench: $(INSTALLED) ## Measure speed and size; prints tables, writes benchmarks/out/*.json.
	$(BIN)/python -m benchmarks.speed $(ARGS)

.PHONY: bench-bundle bench-pipeline bench-serve bench-scale bench-peers
bench-bundle: $(INSTALLED) ## Train the demo's shop without its last 28 days, for the benchmarks; minutes, once.
	ENDCAP_BENCHMARKS_ALL_CORES=1 $(BIN)/python -m benchmarks.held_out

bench-pipeline: $(INSTALLED) ## Compare the pipeline with a plain one, stage by stage; ARGS=--quick takes two minutes.
	$(BIN)/python -m benchmarks.pipeline $(ARGS)

bench-serve: $(INSTALLED) ## Load the server by the compiled generator, closed and open loop; wants libgrpc++-dev.
	$(BIN)/python -m benchmarks.serve $(ARGS)

bench-scale: $(INSTALLED) ## Measure made shops of 10,000 to 1,000,000 items; ARGS="--train 1m,5m,20m" trains too.
	$(BIN)/python -m benchmarks.scale $(ARGS)

bench-peers: $(INSTALLED) ## Put both pipelines behind other servers, each installed into an environment of its own.
	$(BIN)/python -m benchmarks.peers $(ARGS)

quality: $(INSTALLED) ## Measure the ranking quality of every strategy; prints a table, writes benchmarks/out/quality.json.
	$(BIN)/python benchmarks/quality.py $(ARGS)

search: $(INSTALLED) ## Measure how well searches are answered, by judgments; prints tables, writes benchmarks/out/search.json.
	$(BIN)/python benchmarks/search.py $(ARGS)

$(DEPLOY_INSTALLED): deploy/tools.sh
	@test -n "$(PYTHON)" || { echo "Endcap needs Python 3.11 or newer; found none. Say PYTHON=/path/to/python3."; exit 2; }
	PYTHON="$(PYTHON)" deploy/tools.sh
	@touch $@

manifests: $(DEPLOY_INSTALLED) ## Render the chart into deploy/kustomize and tests/deploy/golden.
	$(PYTHON) deploy/render.py deploy/kustomize tests/deploy/golden

deploy-check: $(INSTALLED) $(DEPLOY_INSTALLED) ## Check image, chart, manifests, rules and dashboards; ARGS go to pytest.
	ENDCAP_DEPLOY_CHECK=1 $(BIN)/python -m pytest tests/deploy $(ARGS)

dashboards: $(DEPLOY_INSTALLED) ## Build Grafana's dashboards from deploy/grafana/*.py.
	.venv-deploy/bin/python -B deploy/grafana/build.py
