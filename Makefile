# Every target does its own set-up; `make help` lists them.
SHELL := /bin/bash
.DEFAULT_GOAL := help
# The last line of `make demo` is the demo's own.
MAKEFLAGS += --no-print-directory
.PHONY: help deps demo build image chart lint fmt test-fast test soak matrix bench pictures bed-up bed-load bed-down bed-save bed-restore deploy clean

BED ?= dev
CONTROL_PLANES ?= 1
WORKERS ?= 1
K8S ?= v1.34.4
export BED CONTROL_PLANES WORKERS K8S

NODE := node_modules/.bin/node
BED_SH := test/bed/bed.sh

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sort | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

deps: node_modules/.installed ## install the pinned tools from the npm registry

node_modules/.installed: package.json package-lock.json .npmrc
	npm ci --ignore-scripts --no-progress
	@touch $@

build: deps ## dist/: the executable cert-renew, kubectl's plugin, the images, the chart, SHA256SUMS
	$(NODE) scripts/build.ts

demo: dist/demo/demo.mjs ## the main job on a simulated cluster, with the dashboard (DEMO_SECONDS=60 DEMO_FAULTS=1): needs no root, no cluster
	@exec $(NODE) dist/demo/demo.mjs

dist/demo/demo.mjs: node_modules/.installed $(shell find src scripts -name '*.ts' -not -name '*.test.ts') $(shell find dashboard -type f) src/sim/cluster/chart.json
	$(NODE) scripts/build-executable.ts x64
	$(NODE) scripts/build-dashboard.ts
	$(NODE) scripts/build-demo.ts

lint: deps ## formatting, lint rules (also the import rules between rooms), types, the documents' links and evidence
	$(NODE) scripts/test.ts lint

fmt: deps ## format every file
	npm run -s format

test-fast: deps ## everything but the real cluster: no root needed
	$(NODE) scripts/test.ts fast

test: deps ## what CI runs: unit, contract and, as root on Linux, end to end on a real kubeadm cluster
	$(NODE) scripts/test.ts all

soak: deps ## the long runs; evidence goes to docs/evidence/
	$(NODE) scripts/test.ts soak

pictures: deps ## docs/pictures anew, from the dashboard in Chromium
	scripts/debian.sh install chromium openssl pngquant fonts-dejavu-core fonts-liberation fonts-noto-cjk
	$(NODE) scripts/build-dashboard.ts
	PICTURES=write $(NODE) scripts/vitest.ts --config test/browser/vitest.config.ts pictures

bench: build ## cert-renew beside kubeadm, and the controller at up to 5,000 nodes: times, memory, writes; needs root (bench/README.md)
	scripts/debian.sh install chromium openssl
	test/bed/build.sh
	$(NODE) bench/run.ts
	$(NODE) bench/scale.ts

matrix: build ## the main job on the oldest and the newest Kubernetes; needs root, evidence goes to docs/evidence/
	$(NODE) scripts/test.ts matrix

bed-up: deps ## a real kubeadm cluster on this machine (BED=dev CONTROL_PLANES=1 WORKERS=1 K8S=v1.34.4); needs root
	$(BED_SH) up

bed-load: build ## import the product's images into every node of a bed
	$(BED_SH) load all dist/agent-amd64.tar dist/image-amd64.tar

bed-down: ## end a bed and everything that it left
	$(BED_SH) down

bed-save: ## save the whole bed: files of every node and etcd
	$(BED_SH) save

bed-restore: ## put the whole bed back to what was saved
	$(BED_SH) restore

deploy: deps ## install the product: KUBECONFIG=… (the nodes have the images)
	bash scripts/deploy.sh

clean: ## remove what was built
	rm -rf dist
