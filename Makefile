# Everything one does with the playground. Needs Python 3.11 or later; another one than `python3` with
# `make PYTHON=/path/to/python3.12 up`. GNU make 3.81, which macOS has, is enough.

PYTHON ?=
export PYTHON
# The playground and its tests are many short processes of the same code: each would compile it again.
unexport PYTHONDONTWRITEBYTECODE

BOOTSTRAP = $(if $(PYTHON),$(PYTHON),python3) playground/bootstrap.py
BIN = .venvs/app/bin
SAM = .venvs/sam/bin/sam
STACK ?= $(if $(PLAYGROUND_STACK),$(PLAYGROUND_STACK),iot-playground)
IMAGE_TAG ?= latest
OURS = playground functions device/virtual_device tests benchmarks checks

# `sam build` needs a pip beside the interpreter that it builds for; of the environments only uv's has one.
RUNTIME = python$$(.venvs/uv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
WITH_PIP = PATH="$(CURDIR)/.venvs/uv/bin:$$PATH"

COMPILE = .venvs/uv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

.PHONY: help demo up down reset test least-privilege access conformance faults lint openapi security licences bench deploy image lock clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed -e 's/:.*## /	/' | while IFS='	' read -r name text; do \
		printf '  make %-15s %s\n' "$$name" "$$text"; done

demo: up ## the local cloud, and a device in it to look at
	@$(BIN)/playground --home local demo

up: ## start the local cloud, or bring it up to date
	@$(BOOTSTRAP) app emulator sam
	@$(BIN)/playground up

down: ## stop the local cloud; it remembers everything
	@$(BOOTSTRAP) app
	@$(BIN)/playground down

reset: ## stop the local cloud and forget everything in it
	@$(BOOTSTRAP) app
	@$(BIN)/playground reset

test: ## run all tests
	@$(BOOTSTRAP) app emulator sam
	$(BIN)/pytest tests/unit -m "not thorough" -n auto
	$(BIN)/pytest tests -m "thorough or not unit" -n 4 --dist loadgroup

least-privilege: ## show that no function's role allows an action too many
	@$(BOOTSTRAP) app emulator sam
	$(BIN)/python -m tests.least_privilege

access: ## let devices and functions try what they must not, and write docs/access.md
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH=$(CURDIR) $(BIN)/python -m tests.access

conformance: ## run the device's conformance cases, and write docs/conformance.md
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH=$(CURDIR) $(BIN)/python -m tests.device.conformance --write

faults: ## let every call of every state fail in every way, and write docs/faults.md
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH=$(CURDIR):$(CURDIR)/functions $(BIN)/python -m tests.fault_matrix --write

lint: ## check code, types, template and workflows
	@$(BOOTSTRAP) app sam checks
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy --strict $(OURS)
	$(BIN)/cfn-lint template.yaml
	AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} SAM_CLI_TELEMETRY=0 $(SAM) validate --lint --template-file template.yaml
	$(BIN)/statelint --yaml statemachines/*.yaml
	.venvs/checks/bin/checkov --quiet --compact --framework cloudformation --download-external-modules false --file template.yaml

security: ## look for weak code, secrets, known vulnerabilities and licences that need a look
	@$(BOOTSTRAP) app emulator sam checks
	.venvs/checks/bin/bandit --quiet --configfile pyproject.toml --recursive playground functions device/virtual_device benchmarks checks
	$(BIN)/python -m checks

licences: ## list the licences of everything that gets installed, in docs/licences.md
	@$(BOOTSTRAP) app emulator sam checks
	$(BIN)/python -m checks --write-licences

openapi: ## write docs/openapi.json, joined from functions/control_plane/openapi/
	@$(BOOTSTRAP) app
	PYTHONPATH=$(CURDIR)/functions $(BIN)/python -m control_plane.document > docs/openapi.json

bench: ## measure what docs and benchmarks/ claim
	@$(BOOTSTRAP) app emulator sam
	$(BIN)/python -m benchmarks

deploy: ## build and deploy the stack to AWS
	@$(BOOTSTRAP) app sam
	$(WITH_PIP) $(SAM) build --parameter-overrides PythonRuntime=$(RUNTIME)
	$(WITH_PIP) $(SAM) deploy --stack-name $(STACK) --parameter-overrides PythonRuntime=$(RUNTIME) DeviceImageTag=$(IMAGE_TAG)

image: ## build the device image and push it to the stack's repository in AWS
	@$(BOOTSTRAP) app
	@$(BIN)/playground --home aws --stack $(STACK) push

lock: ## bring the lock files up to date with the .in files
	@$(BOOTSTRAP) uv
	@for name in requirements/uv requirements/app requirements/emulator requirements/sam requirements/checks \
		device/requirements functions/requirements; do \
		echo "$$name.txt"; $(COMPILE) $(UPGRADE) "$$name.in" -o "$$name.txt" || exit 1; done

clean: ## remove environments, builds and caches; the local cloud's state stays
	rm -rf .venvs .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
