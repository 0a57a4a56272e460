# make demo    the bundled application on http://127.0.0.1:8080/ (make demo PORT=9000)
# make test    everything that must pass
# make bench   a master beside other proxies, also as JSON and SVG in build (needs wrk, nginx,
#              haproxy; Caddy if it is there)
# make chaos   what clients see while children are killed, hang, reload (make chaos SHORT=1)
# make docs    the documentation, into docs/_build
# make clean   remove what these made

PYTHON ?= python3
PORT ?= 8080
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check

.PHONY: help demo test bench chaos docs servers clean

help:
	@sed -n 's/^# //p' Makefile

demo: $(VENV)/demo.stamp
	@exec $(BIN)/twistd -n --pidfile= multiserver --listen=tcp:$(PORT):interface=127.0.0.1

test: $(VENV)/test.stamp servers
	@$(BIN)/python tests/everything.py

bench: $(VENV)/test.stamp
	@mkdir -p build
	@$(BIN)/python -m benchmarks.gateway --json=build/gateway.json --svg=build/gateway.svg

chaos: $(VENV)/test.stamp servers
	@test -x /usr/sbin/haproxy || sh tests/servers.sh haproxy
	@mkdir -p build
	@$(BIN)/python -m chaos $(if $(SHORT),--short) --json=build/chaos.json

docs: $(VENV)/test.stamp
	@$(BIN)/sphinx-build -W --keep-going -q docs docs/_build

servers:
	@sh tests/servers.sh

clean:
	rm -rf $(VENV) build dist docs/_build *.egg-info _trial_temp* .coverage* .mypy_cache \
	    .ruff_cache .hypothesis .import_linter_cache multiserver-state twistd.log twistd.pid

$(VENV)/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 is needed")'
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || sh tests/servers.sh python3-venv
	@test -x $(BIN)/pip || $(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/demo.stamp: setup.py $(VENV)/pip.stamp
	@echo "installing into $(VENV) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/test.stamp: setup.py $(VENV)/pip.stamp
	@echo "installing what the tests need into $(VENV) ..."
	@$(PIP) --editable '.[test]'
	@touch $@ $(VENV)/demo.stamp
