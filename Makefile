# make run       the page on http://127.0.0.1:7860 (another port: GRADIO_SERVER_PORT=8000 make run)
# make test      the whole test suite, on two cores; what is not installed is skipped
# make test-all  the same with the second recogniser, whose packages it installs first
# All make the environment first, once, in .venv.

PYTHON ?= $(shell for p in python3.12 python3.11 python3 python; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && echo $$p && break; done)
READY = .venv/.ready
EVALUATION = .venv/.evaluation

.PHONY: run setup test test-all

run: setup
	.venv/bin/python app.py

test: setup
	.venv/bin/python -m pytest

test-all: $(EVALUATION)
	.venv/bin/python -m pytest

setup: $(READY)

$(READY): requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or 3.12 is needed; name it with: make PYTHON=/path/to/python3.12"; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/python -m pip install --disable-pip-version-check -r requirements.txt
	touch $(READY)

$(EVALUATION): requirements-evaluation.txt $(READY)
	.venv/bin/python -m pip install --disable-pip-version-check -r requirements-evaluation.txt
	touch $(EVALUATION)
