# make run       the page on http://127.0.0.1:7860 (another port: GRADIO_SERVER_PORT=8000 make run)
# make test      the whole test suite, on two cores; what is not installed is skipped
# make test-all  the same with the second recogniser, whose packages it installs first
# make setup     the environment alone, in .venv: the versions of requirements.lock, and `ndcb`
# All others make it where it is missing or older than the lists of packages.

PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
READY = .venv/.ready
EVALUATION = .venv/.evaluation
PIP = .venv/bin/python -m pip install --disable-pip-version-check
NO_LOCK = requirements.lock does not fit this system, or a package could not be had (see above). Now trying the versions that pyproject.toml allows.

.PHONY: run setup test test-all requirements

run: setup
	.venv/bin/python app.py

test: setup
	.venv/bin/python -m pytest

test-all: $(EVALUATION)
	.venv/bin/python -m pytest

setup: $(READY)

$(READY): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; name it with: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.lock || { echo "$(NO_LOCK)"; $(PIP) '.[train,test]'; }
	$(PIP) --no-deps --no-build-isolation --editable .
	touch $(READY)

$(EVALUATION): requirements-evaluation.txt $(READY)
	$(PIP) -r requirements-evaluation.txt
	touch $(EVALUATION)

# The lists of packages, after a change of pyproject.toml; with LOCK=--lock also requirements.lock
requirements: setup
	.venv/bin/python tools/requirements.py $(LOCK)
