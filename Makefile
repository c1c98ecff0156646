# One line per target; CI calls these and nothing else. `make check` never rewrites a file.
PY := .venv/bin/python
export PYTHONPATH := .:provider/front:provider/engine

.DEFAULT_GOAL := help
.PHONY: help check format test crash demo local lock clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | column -t -s '|'

.venv/.installed: requirements/dev.txt pyproject.toml
	python3 -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

check: .venv/.installed ## lint, format, types, import rules, templates
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports
	.venv/bin/cfn-lint template.yaml examples/*.yaml

format: .venv/.installed ## rewrite: format and fix
	$(PY) -m ruff check --fix . ; $(PY) -m ruff format .

test: .venv/.installed ## every test
	$(PY) -m pytest $(ARGS)

crash: .venv/.installed ## kill provider and engine at every effect, and at every pair of effects
	@$(PY) -m tests.scenario

demo: .venv/.installed ## a cluster from a template, updated and deleted, on the embedded cloud [TEMPLATE=file PARAMETERS="K=V ..."]
	@$(PY) -m pcluster_cfn demo $(if $(TEMPLATE),"$(TEMPLATE)") $(foreach p,$(PARAMETERS),-p "$(p)")

local: .venv/.installed ## start the embedded cloud and print its exports
	@$(PY) -m pcluster_cfn local

lock: .venv/.installed ## compile requirements/dev.in into exact versions
	$(PY) -m pip install --quiet uv
	.venv/bin/uv pip compile -q --universal --python-version 3.11 --no-header --no-annotate requirements/dev.in -o requirements/dev.txt

clean: ## remove what was built and installed
	rm -rf .venv build .aws-sam
