# Every target does its own set-up. A second run starts at once.
SHELL := /bin/sh
export PATH := $(CURDIR)/.tools/bin:$(CURDIR)/node_modules/.bin:$(PATH)
SIZE ?= small
SOAK_MINUTES ?= 60
SOAK_TILES ?= 40
PLAN_ROWS ?= 10000000
ARGS ?=

.PHONY: demo up test test-long test-pg15 soak bench lint format setup clean

## demo: one calibrator tile and two science tiles, simulated, calibrated, imaged, measured; on a
## terminal the dashboard then shows them until Ctrl-C
demo:
	@scripts/setup.sh run
	@scripts/build-dashboard.sh
	@node packages/cli/src/contimg.ts demo --size $(SIZE) $(ARGS)

## up: database, a worker, API and dashboard together, until Ctrl-C; ARGS="--port 9000" and the like
up:
	@scripts/setup.sh run
	@scripts/build-dashboard.sh
	@node packages/cli/src/contimg.ts up $(ARGS)

## test: everything CI runs; ends with "N passed, N failed"
test:
	@scripts/setup.sh test
	@scripts/test.sh

## test-long: the tests of minutes, *.long.test.ts, and the dashboard's in every look
test-long:
	@scripts/setup.sh test
	@LONG_TESTS=1 scripts/test.sh long.test tests/e2e/dashboard

## soak: new random histories under faults for SOAK_MINUTES, the same on an engine broken on purpose
## (about 20 minutes), the plans at PLAN_ROWS, a long pin; first the tests of minutes (*.long.test.ts),
## and a night of SOAK_TILES small tiles
soak: test-long
	@node packages/cli/src/contimg.ts soak --tiles $(SOAK_TILES) --size small --faults
	@PLAN_ROWS=$(PLAN_ROWS) scripts/test.sh tests/histories/scale
	@SOAK_MINUTES=$(SOAK_MINUTES) scripts/test.sh tests/histories/pinned
	@MUTATIONS=1 scripts/test.sh tests/histories/mutations
	@SOAK_MINUTES=$(SOAK_MINUTES) scripts/test.sh tests/histories/histories

## test-pg15: the engine's tests on PostgreSQL 15 (Debian package postgresql-15), about a minute
test-pg15:
	@scripts/setup.sh test
	@scripts/test-pg15.sh

## bench: a full-size tile, stage by stage, with peak memory; full-size tiles back to back through
## ingest and a worker; the queue beside its peers
bench:
	@scripts/setup.sh run
	@npm run -s bench:tile
	@node packages/cli/src/contimg.ts soak --tiles 7 --size full --workers 1 --back-to-back
	@npm run -s bench:queue

## lint: format, lint rules, unused code, types
lint:
	@scripts/setup.sh run
	@scripts/lint.sh

format:
	@scripts/setup.sh run
	@npm run -s format

setup:
	@scripts/setup.sh test

## clean: what set-up and the demo made
clean:
	rm -rf node_modules .tools .cache .demo packages/*/build
