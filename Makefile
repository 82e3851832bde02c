# make demo: the main job on the embedded default.   make test: lint, types, tests.
# Each sets up .venv by itself, from the versions in constraints.txt.

PYTHON ?= python3
VENV := .venv
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check
INSTALL := $(PIP) install -q -c constraints.txt

.PHONY: demo test test-system lint clean

demo: $(VENV)/.installed
	$(VENV)/bin/raytrain run jobs/demo.yaml

# Two files of tests at a time: much of a test is waiting for processes that start one after the other.
test: lint
	$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

# Long kills and whatever else takes longer than a test should.
test-system: $(VENV)/.installed-test
	$(VENV)/bin/python -m pytest -m system

lint: $(VENV)/.installed-test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

$(VENV)/.installed: pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (a few minutes the first time) …"
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) pip setuptools wheel
	$(INSTALL) torch
	$(INSTALL) -e '.[cpu]'
	@touch $@

$(VENV)/.installed-test: $(VENV)/.installed
	$(INSTALL) -e '.[cpu,test]'
	@touch $@

clean:
	rm -rf $(VENV) runs
