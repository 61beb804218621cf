# Everything that is done by hand or by CI has a name here: `make help` lists them.

# Pinned tools, installed by scripts/tools into .tools. gofumpt and goimports are inside golangci-lint (`golangci-lint fmt`).
GOLANGCI_LINT_VERSION := v2.15.0

GOLANGCI_LINT := $(or $(FRAMEBRIDGE_TOOLS),.tools)/golangci-lint
BUILD_FLAGS   := -trimpath -buildvcs=false
# What the race run covers. The race detector does not see mapped memory: it proves the logic inside one process, not the protocol.
RACE_PACKAGES ?= ./...
# How many packages are tested at once: one more than there are processors, as many tests wait.
PACKAGES_AT_ONCE ?= $(shell echo $$(($$(nproc) + 1)))
# How long each fuzz target runs.
FUZZTIME      ?= 10s
# The folder of clips that same-frames compares.
CLIPS         ?= testdata

SHELL         := /bin/bash
.SHELLFLAGS   := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup build plugin demo test unit race python check fmt fmt-check vet lint bench faults mutants model fuzz cross same-frames testdata clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install what building and running need (Debian, Ubuntu)
	@scripts/setup

build: ## bin/framebridge
	@mkdir -p bin
	go build $(BUILD_FLAGS) -o bin/framebridge ./cmd/framebridge

# The plug-ins for ffmpeg's frei0r filters: FREI0R_PATH=bin/plugins. They stay in memory once loaded (nodelete), as they have threads.
PLUGIN_DIR    ?= bin/plugins
PLUGIN_CFLAGS := -std=gnu11 -O2 -Wall -Wextra -Wpedantic -Werror -fPIC -fvisibility=hidden -pthread $(CFLAGS)
PLUGIN_LIBS   := -shared -Wl,-z,nodelete,-z,relro,-z,now,-z,defs -ldl -lm $(LDFLAGS)

plugin: $(patsubst clients/ffmpeg/%.c,$(PLUGIN_DIR)/%.so,$(wildcard clients/ffmpeg/framebridge_*.c)) ## bin/plugins: the tap, source and round trip for any ffmpeg command

$(PLUGIN_DIR)/%.so: clients/ffmpeg/%.c $(wildcard clients/ffmpeg/*.h clients/c/*.h)
	@mkdir -p $(@D)
	$(CC) $(PLUGIN_CFLAGS) $< -o $@.$$$$ $(PLUGIN_LIBS) && mv -f $@.$$$$ $@  # two may be at it

demo: setup build plugin ## a real clip through the whole bridge, with the motion drawn in
	@scripts/demo

test: ## everything that must be green: unit, race, Python; ffmpeg is needed, never skipped
	@scripts/setup --test
	@$(MAKE) --no-print-directory unit race python

unit: plugin
	FRAMEBRIDGE_NEED_FFMPEG=1 go test -p $(PACKAGES_AT_ONCE) ./...
	go test -tags faults -run EachStep ./framebuf/config

# Every program with the race detector would sleep a second at its end. vet has seen the same files, in unit and by itself.
race: plugin
	GORACE=atexit_sleep_ms=0 FRAMEBRIDGE_NEED_FFMPEG=1 go test -race -short -vet=off -p $(PACKAGES_AT_ONCE) $(RACE_PACKAGES)

# The Python client alone and with Go's programs. The tests of arrays need a Python that has numpy.
PYTHON ?= $(shell for p in python3 /usr/bin/python3; do $$p -c 'import numpy' 2>/dev/null && echo $$p && exit; done; echo python3)

# Its files run two at a time, as they wait a lot; all run, and any that fails fails the target. One alone: make python-test_files.py
PYTHON_TESTS := test_streams.py $(filter-out test_streams.py,$(notdir $(wildcard clients/python/test_*.py)))  # the longest first

python:
	@mkdir -p bin
	go build $(BUILD_FLAGS) -o bin ./cmd/framebridge ./clients/testwriter ./clients/testreader
	@$(MAKE) --no-print-directory --keep-going --output-sync -j2 $(addprefix python-,$(PYTHON_TESTS))

python-%:
	FRAMEBRIDGE_BIN=$(CURDIR)/bin FRAMEBRIDGE_NEED_FFMPEG=1 $(PYTHON) -m unittest discover -s clients/python -p $*

check: fmt-check vet lint unit race ## what a change must pass: format, vet, lint, unit, race

fmt: $(GOLANGCI_LINT) ## format all Go files
	$(GOLANGCI_LINT) fmt ./...

fmt-check:
	@bad=$$(gofmt -l .); [ -z "$$bad" ] || { echo "not formatted (run \`make fmt\`):"; echo "$$bad"; exit 1; } >&2

vet:
	go vet ./...
	go vet -tags faults ./internal/failpoint ./internal/faults ./framebuf/config

lint: $(GOLANGCI_LINT) ## golangci-lint, gofumpt and goimports included
	$(GOLANGCI_LINT) run ./...

.PHONY: $(GOLANGCI_LINT)
$(GOLANGCI_LINT):
	@scripts/tools golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

bench: ## speeds against ffmpeg and plain memory copies, side by side in one run
	@if [ -x scripts/bench ]; then scripts/bench; else go test -run '^$$' -bench . -benchmem ./...; fi

faults: ## break it on purpose: real kills, hostile files (3 minutes; FAULTS=night: hours); FAULTS_FLAGS='-only A1'
	@if command -v $(CC) >/dev/null; then $(MAKE) --no-print-directory plugin; fi
	@mkdir -p bin
	go build $(BUILD_FLAGS) -tags faults -o bin/faults ./internal/faults
	bin/faults $(FAULTS_FLAGS)

mutants: ## break the protocol in a copy of the tree, one way at a time, and see that the tests notice
	@scripts/mutants

model: ## explore the protocol's interleavings, the long form
	FRAMEBRIDGE_MODEL=long go test -v -count=1 -timeout 60m ./internal/model

fuzz: ## every fuzz target for FUZZTIME (default 10s) each
	@go test -list '^Fuzz' ./... | awk '/^Fuzz/ { names = names " " $$1 } /^ok/ { n = split(names, f, " "); for (i = 1; i <= n; i++) print $$2, f[i]; names = "" }' | \
	while read -r package target; do \
	  echo "$$package $$target"; go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$package" </dev/null; done

cross: ## compile for linux/arm64, darwin, windows; see that linux/386 is refused
	@scripts/cross

same-frames: build ## compare capture with ffmpeg, frame by frame, for every clip in CLIPS
	@scripts/same-frames $(CLIPS)

testdata: ## make the small clips of testdata/ again
	@scripts/make-testdata

clean: ## remove what was built; .tools stays
	rm -rf bin out
