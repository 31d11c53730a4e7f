# Copyright: (c) 2026, the meshwork.swarm contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

PYTHON ?= python3
# Labs with different names do not meet: the demo's (demo) and yours (main) stay while `make test` uses its own (test).
DEMO_LAB := $(or $(LAB_NAME),demo)
TEST_LAB := $(or $(LAB_NAME),test)
LAB_NAME ?= main
NODES ?= 3
NICS ?= 2
LAB := $(PYTHON) tests/lab/lab --name $(LAB_NAME)

# The stamps' names hold what .venv is made of: with another Python or other requirements it is made anew.
fingerprint = $(shell { $(PYTHON) -V; cat $(1); } 2>&1 | sha256sum | cut -c1-16)
CONTROLLER := .venv/controller-$(call fingerprint,requirements/controller.txt)
DEVELOPMENT := .venv/development-$(call fingerprint,requirements/controller.txt requirements/development.txt)
LINK := .build/collections/ansible_collections/meshwork/swarm
RESULTS := .build/results
MOLECULE_STATE = $(CURDIR)/.build/molecule/$(LAB_NAME)

export LAB_NAME
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# An SSH master belongs to one lab: labs may use the same addresses.
export ANSIBLE_SSH_CONTROL_PATH_DIR = $(HOME)/.ansible/cp/$(LAB_NAME)

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- what the other targets need ---------------------------------------------------------------

.PHONY: system
system: ## install the Debian packages of requirements/debian.txt that are missing
	@tests/bin/debian-packages.sh

.PHONY: venv
venv: $(DEVELOPMENT) $(LINK) ## the virtual environment in .venv and the link that makes the checkout a collection

.PHONY: controller
controller: $(CONTROLLER) $(LINK) ## as venv, with no more than the playbooks need

$(CONTROLLER):
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || tests/bin/debian-packages.sh python3-venv
	@echo "Making .venv with $$($(PYTHON) -V)"
	@rm -rf .venv
	@$(PYTHON) -m venv .venv
	@.venv/bin/python -m pip install -qq --disable-pip-version-check -r requirements/controller.txt
	@touch $@

$(DEVELOPMENT): $(CONTROLLER)
	@echo "Adding the tools of requirements/development.txt to .venv"
	@.venv/bin/python -m pip install -qq --disable-pip-version-check -r requirements/development.txt
	@touch $@

$(LINK):
	@mkdir -p $(dir $@)
	@ln -sfn ../../../.. $@

# --- without a lab -----------------------------------------------------------------------------

.PHONY: lint
lint: venv ## ruff, mypy --strict, yamllint, ansible-lint, changelog and documentation
	@tests/bin/lint.sh

.PHONY: format
format: venv ## let ruff mend what it can: style, imports, old notations
	@ruff check --fix-only --quiet .
	@ruff format --quiet .

.PHONY: sanity
sanity: venv ## ansible-test sanity on a copy of what git knows
	@command -v git shellcheck >/dev/null || tests/bin/debian-packages.sh git shellcheck
	@.venv/bin/python tests/bin/sanity.py

.PHONY: unit
unit: venv ## tests that need no Docker and no lab
	@# the contract suite, as far as the Engine in memory goes: `make integration` asks a real one, too
	@pytest tests/unit tests/integration/contract -m "not lab" --junitxml=$(RESULTS)/unit.xml

.PHONY: test-quick
test-quick: unit lint ## unit and lint: for the desk, before each commit

.PHONY: build
build: venv ## the collection's tarball, in .build/
	@ansible-galaxy collection build --force --output-path .build

# --- with the lab ------------------------------------------------------------------------------

.PHONY: lab-up
lab-up: system ## boot the lab LAB_NAME (main) with NODES (3) nodes of NICS (2) network cards; nothing to do when it is up
	@$(LAB) up --nodes $(NODES) --nics $(NICS)

.PHONY: lab-down
lab-down: ## end the lab LAB_NAME (main)
	@$(LAB) down

.PHONY: integration
integration: venv lab-up ## the contract suite against the lab's Engine, and the lab's stories but for the long ones
	@pytest tests/integration -m "not long and not matrix" --junitxml=$(RESULTS)/integration.xml

.PHONY: integration-long
integration-long: venv lab-up ## the long stories: members that need a hand, backup and recovery, addresses
	@pytest tests/integration -m long --reuse-cluster --junitxml=$(RESULTS)/integration-long.xml

.PHONY: firewall-matrix
firewall-matrix: venv lab-up ## the stories of the firewall on every backend, side by side on NODES (3) nodes, as a table
	@tests/bin/debian-packages.sh firewalld dbus-daemon iptables
	@mkdir -p $(RESULTS)
	@.venv/bin/python tests/bin/firewall_matrix.py $(NODES) $(RESULTS)

.PHONY: migrate-proof
migrate-proof: venv lab-up ## networks replaced under services that call each other; ends with "requests N failed M"
	@told=0; pytest tests/integration/test_16_migration.py --junitxml=$(RESULTS)/migrate-proof.xml || told=$$?; \
	    awk '{ asked += $$1; failed += $$2 } END { print "requests", asked + 0, "failed", failed + 0 }' $(RESULTS)/migrate-proof.txt; exit $$told

.PHONY: molecule
molecule: venv lab-up ## molecule/default on the lab, verified with testinfra
	@# Molecule's memory of an earlier run knows nothing of what became of that lab.
	@rm -rf $(MOLECULE_STATE)/default
	@LAB_SHARED=true MOLECULE_EPHEMERAL_DIRECTORY=$(MOLECULE_STATE)/default PYTEST_ADDOPTS=--junitxml=$(CURDIR)/$(RESULTS)/molecule.xml \
	    molecule test --scenario-name default

.PHONY: molecule-ha
molecule-ha: venv lab-down ## molecule/ha on a lab of five nodes: a manager lost and replaced, all roles swapped, the majority lost
	@rm -rf $(MOLECULE_STATE)/ha
	@MOLECULE_EPHEMERAL_DIRECTORY=$(MOLECULE_STATE)/ha PYTEST_ADDOPTS=--junitxml=$(CURDIR)/$(RESULTS)/ha.xml \
	    molecule test --scenario-name ha

.PHONY: test
test: ## in this order: lint, sanity, unit, then one lab for integration and molecule/default
	@rm -rf $(RESULTS)
	@# side by side: none of them uses both processors, and none needs what another makes
	@$(MAKE) --no-print-directory venv
	@mkdir -p $(RESULTS); failed=0; \
	    $(MAKE) --no-print-directory sanity >$(RESULTS)/sanity.txt 2>&1 & sanity=$$!; \
	    $(MAKE) --no-print-directory lint unit || failed=1; \
	    wait $$sanity || failed=1; cat $(RESULTS)/sanity.txt; exit $$failed
	@# a lab that an earlier run left behind is not a clean start
	@$(MAKE) --no-print-directory LAB_NAME=$(TEST_LAB) lab-down
	@$(MAKE) --no-print-directory LAB_NAME=$(TEST_LAB) integration molecule
	@$(MAKE) --no-print-directory LAB_NAME=$(TEST_LAB) lab-down
	@.venv/bin/python tests/bin/counts.py $(RESULTS)/{unit,integration,molecule}.xml

.PHONY: test-all
test-all: test ## test, then the long stories, the firewalls and molecule/ha
	@$(MAKE) --no-print-directory LAB_NAME=$(TEST_LAB) integration-long firewall-matrix molecule-ha
	@$(MAKE) --no-print-directory LAB_NAME=$(TEST_LAB) lab-down
	@.venv/bin/python tests/bin/counts.py $(RESULTS)/{unit,integration,molecule,integration-long,ha,ha-built,ha-lost,ha-swapped,ha-recovered}.xml $(RESULTS)/firewall-*.xml

.PHONY: demo
demo: ## three machines become a swarm, proved with traffic; the lab stays up
	@LAB_NAME=$(DEMO_LAB) $(PYTHON) tests/bin/demo.py

.PHONY: clean
clean: ## remove .venv and .build
	@rm -rf .venv .build
	@echo "The lab's images are kept; to remove them too: rm -r $${MESHWORK_LAB_CACHE:-/var/cache/meshwork-lab}"
