# Everything one does with the playground. Needs Python 3.11 or later; another one than `python3` with
# `make PYTHON=/path/to/python3.12 up`. GNU make 3.81, which macOS has, is enough.

PYTHON ?=
export PYTHON
# The playground and its tests are many short processes of the same code: each would compile it again.
unexport PYTHONDONTWRITEBYTECODE

# Names of folders may hold spaces, quotes and more: only the shell puts one into a command, quoted.
BOOTSTRAP = "$${PYTHON:-python3}" playground/bootstrap.py
BIN = .venvs/app/bin
SAM = .venvs/sam/bin/sam
STACK ?= $(if $(PLAYGROUND_STACK),$(PLAYGROUND_STACK),iot-playground)
IMAGE_TAG ?= latest
OURS = playground functions device/virtual_device tests proofs benchmarks checks

# `sam build` needs a pip beside the interpreter that it builds for; of the environments only uv's has one.
RUNTIME = python$$(.venvs/uv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2])')
WITH_PIP = PATH="$$PWD/.venvs/uv/bin:$$PATH"
# SAM forgets dozens of folders in its temporary directory.
IN_TMP = tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && trap 'exit 130' INT TERM && TMPDIR="$$tmp"

COMPILE = .venvs/uv/bin/uv pip compile -q --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate

.PHONY: help demo up down reset test unit-functions unit-others proofs prove-thorough prove-faults prove-access prove-least-privilege prove-conformance prove-paste prove-load prove-kills prove-methods least-privilege access conformance faults kills methods lint lint-page openapi holding settings workflows security licences bench screenshots deploy image lock clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*##' Makefile | sed -e 's/:.*## /	/' | while IFS='	' read -r name text; do \
		printf '  make %-15s %s\n' "$$name" "$$text"; done

demo: ## the local cloud, and a device in it to look at
	@$(BOOTSTRAP) app emulator sam
	@$(BIN)/playground up --for-demo
	@$(BIN)/playground --home local demo

up: ## start the local cloud, or bring it up to date
	@$(BOOTSTRAP) app emulator sam node
	@$(BIN)/playground up

down: ## stop the local cloud; it remembers everything
	@$(BOOTSTRAP) app
	@$(BIN)/playground down

reset: ## stop the local cloud and forget everything in it
	@$(BOOTSTRAP) app
	@$(BIN)/playground reset

test: ## run all tests
	@$(BOOTSTRAP) app emulator sam node browser
	@$(MAKE) --no-print-directory -j2 unit-functions unit-others
	$(BIN)/pytest tests -m "not unit and not thorough" -n 3 --dist loadgroup
	.venvs/browser/bin/pytest tests/console -p playwright -m "not thorough"

# The unit layer in two processes, each of which reads its half of the files: xdist's read all.
UNIT = $(BIN)/pytest -q -m "unit and not thorough" --hypothesis-profile=few

unit-functions:
	$(UNIT) tests/unit/functions

unit-others:
	$(UNIT) tests/unit --ignore=tests/unit/functions

PROOFS ?= thorough access least-privilege conformance methods paste load faults kills
proofs: $(PROOFS:%=prove-%) ## run all proofs, one after the other: each fails when anything is not as it should be

prove-thorough:
	@$(BOOTSTRAP) app emulator sam node browser
	$(BIN)/pytest tests -m thorough -n 3 --dist loadgroup
	.venvs/browser/bin/pytest tests/console -p playwright -m thorough
	$(BIN)/pytest tests/unit -m "hypothesis and not thorough" --hypothesis-profile=many -n auto

prove-faults:
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH="$$PWD:$$PWD/functions" $(BIN)/python -m proofs.fault_matrix

prove-access:
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH="$$PWD" $(BIN)/python -m proofs.access --no-write

prove-least-privilege:
	@$(BOOTSTRAP) app emulator sam
	$(BIN)/python -m proofs.least_privilege

prove-conformance:
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH="$$PWD" $(BIN)/python -m proofs.conformance

prove-methods:
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH="$$PWD:$$PWD/functions:$$PWD/device" $(BIN)/python -m proofs.methods

prove-paste:
	@$(BOOTSTRAP) app
	PYTHONPATH="$$PWD" $(BIN)/python -m proofs.paste

prove-load:
	@$(BOOTSTRAP) app emulator sam
	$(BIN)/python -m benchmarks load

prove-kills: kills

least-privilege: ## show that no function's role allows an action too many
	@$(BOOTSTRAP) app emulator sam
	$(BIN)/python -m proofs.least_privilege

access: ## let devices and functions try what they must not, and write docs/evidence/access.md
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH="$$PWD" $(BIN)/python -m proofs.access

conformance: ## run the device's conformance cases, and write docs/evidence/conformance.md
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH="$$PWD" $(BIN)/python -m proofs.conformance --write

faults: ## let every call of every state fail in every way, and write docs/evidence/faults.md
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH="$$PWD:$$PWD/functions" $(BIN)/python -m proofs.fault_matrix --write

methods: ## record each way to become a device, and write docs/methods.md and docs/methods.json
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH="$$PWD:$$PWD/functions:$$PWD/device" $(BIN)/python -m proofs.methods --write

kills: ## kill the local cloud at twenty random moments, and count what is lost
	@$(BOOTSTRAP) app emulator sam
	PYTHONPATH="$$PWD" $(BIN)/python -m proofs.killing

lint: lint-page ## check code, types, template, workflows and the console's page
	@$(BOOTSTRAP) app sam checks browser
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	.venvs/browser/bin/mypy --strict $(OURS)
	PYTHONPATH=device:functions .venvs/checks/bin/lint-imports --no-cache --no-logo
	$(BIN)/cfn-lint template.yaml
	AWS_DEFAULT_REGION=$${AWS_DEFAULT_REGION:-us-east-1} SAM_CLI_TELEMETRY=0 $(SAM) validate --lint --template-file template.yaml
	# In the language's specification, which it knows, no reader says what it reads: AWS adds that.
	for file in statemachines/*.yaml; do \
	    $(BIN)/statelint --yaml "$$(sed '/ReaderConfig:$$/d; /InputType: JSON$$/d' $$file)" || exit 1; \
	done
	.venvs/checks/bin/checkov --quiet --compact --framework cloudformation --download-external-modules false --file template.yaml

# In a copy, whose packages are those of developers too: the page is built with fewer.
lint-page:
	@$(BOOTSTRAP) node
	@rm -rf .venvs/page/console/src .venvs/page/console/tests && mkdir -p .venvs/page
	@tar cf - --exclude=node_modules --exclude=dist --exclude=generated console docs functions | tar xf - -C .venvs/page
	@export PATH="$$PWD/.venvs/node/bin:$$PATH" npm_config_cache="$$PWD/.venvs/npm" && cd .venvs/page/console && \
		{ cmp -s package-lock.json node_modules/as-locked || { npm ci --include=dev && cp package-lock.json node_modules/as-locked; }; } && \
		npm run -s lint && npm test -s

security: ## look for weak code, secrets, known vulnerabilities and licences that need a look
	@$(BOOTSTRAP) app emulator sam node checks browser
	.venvs/checks/bin/bandit --quiet --configfile pyproject.toml --recursive playground functions device/virtual_device benchmarks checks
	$(BIN)/python -m checks

licences: ## list the licences of everything that gets installed, in docs/licences.md
	@$(BOOTSTRAP) app emulator sam node checks browser
	$(BIN)/python -m checks --write-licences

openapi: ## write docs/openapi.json, joined from functions/control_plane/openapi/, and fleet.schema.json
	@$(BOOTSTRAP) app
	@draft=$$(mktemp docs/openapi.XXXXXX) && trap 'rm -f "$$draft"' EXIT && \
		PYTHONPATH="$$PWD/functions" $(BIN)/python -m control_plane.document > "$$draft" && \
		chmod 644 "$$draft" && mv "$$draft" docs/openapi.json
	@draft=$$(mktemp docs/fleet.XXXXXX) && trap 'rm -f "$$draft"' EXIT && \
		PYTHONPATH="$$PWD/functions" $(BIN)/python -m checks.fleet_schema > "$$draft" && \
		chmod 644 "$$draft" && mv "$$draft" docs/fleet.schema.json

holding: ## write docs/holding.md, from the table of purposes in functions/holding/
	@$(BOOTSTRAP) app
	@draft=$$(mktemp docs/holding.XXXXXX) && trap 'rm -f "$$draft"' EXIT && \
		PYTHONPATH="$$PWD/functions" $(BIN)/python -m holding.page > "$$draft" && \
		chmod 644 "$$draft" && mv "$$draft" docs/holding.md

settings: ## write what repeats the device's table of settings: API table, API document, contracts
	@$(BOOTSTRAP) app
	@PYTHONPATH="$$PWD/device:$$PWD/functions" $(BIN)/python -m checks.settings_pages
	@$(MAKE) --no-print-directory openapi

workflows: ## write statemachines/ from statemachines/source/, with its named retries written out
	@$(BOOTSTRAP) app
	@$(BIN)/python -m checks.workflows

bench: ## measure what docs and benchmarks/ claim
	@$(BOOTSTRAP) app emulator sam node browser
	$(BIN)/python -m benchmarks
	.venvs/browser/bin/python -m benchmarks.console

screenshots: ## take the pictures of the console in docs/, from the running product
	@$(BOOTSTRAP) app emulator sam node browser
	PYTHONPATH="$$PWD" .venvs/browser/bin/python -m proofs.screenshots

CONSOLE ?=
deploy: ## build and deploy the stack to AWS; with CONSOLE=cloudfront its console, too
	@$(BOOTSTRAP) app sam $(if $(CONSOLE),node)
	$(IN_TMP) $(WITH_PIP) $(SAM) build --parameter-overrides PythonRuntime=$(RUNTIME)
	$(IN_TMP) $(WITH_PIP) $(SAM) deploy --stack-name $(STACK) --parameter-overrides PythonRuntime=$(RUNTIME) DeviceImageTag=$(IMAGE_TAG) $(if $(CONSOLE),ConsoleHosting=$(CONSOLE))
	$(if $(filter cloudfront,$(CONSOLE)),@$(BIN)/playground --home aws --stack $(STACK) console --upload)

image: ## build the device image and push it to the stack's repository in AWS
	@$(BOOTSTRAP) app
	@$(BIN)/playground --home aws --stack $(STACK) push

lock: ## bring the lock files up to date with the .in files
	@$(BOOTSTRAP) uv
	@for name in requirements/uv requirements/app requirements/emulator requirements/sam requirements/node requirements/browser requirements/checks \
		device/requirements functions/requirements; do \
		echo "$$name.txt"; $(COMPILE) $(UPGRADE) "$$name.in" -o "$$name.txt" || exit 1; done

clean: ## remove environments, builds and caches; the local cloud's state stays
	rm -rf .venvs .aws-sam .pytest_cache .mypy_cache .ruff_cache .hypothesis console/node_modules console/dist console/src/generated
	find playground functions device tests proofs benchmarks checks -name __pycache__ -type d -prune -exec rm -rf {} +
