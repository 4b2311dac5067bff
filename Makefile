# Every target sets itself up: a virtual environment in .venv, from setup.cfg and the registries.
PYTHON ?= python3
VENV ?= .venv
RUN ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
BIN := $(VENV)/bin

.PHONY: demo test test-slow lint clean

# Train on the embedded digits, export, reload the export without kgan and sample from it.
demo: $(VENV)/installed
	$(BIN)/python tools/train.py --flagfile=recipes/digits.flags --run_dir=$(RUN)
	$(BIN)/python tools/export.py --run_dir=$(RUN) --output=exported/digits
	$(BIN)/python tools/sample.py --model=exported/digits --num_images=100 --output=$(RUN)/served.png
	@echo "Look at $(RUN)/samples/latest.png and, from the export, $(RUN)/served.png"

test: $(VENV)/installed-test lint
	$(BIN)/python -m pytest

# Trains for minutes; with KGAN_DATA set to a folder with mnist/ also on real files.
test-slow: $(VENV)/installed-test
	$(BIN)/python -m pytest -m slow -s

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) build *.egg-info

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable .[test]
	touch $@
