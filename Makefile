# Every target sets itself up: a virtual environment in .venv, from setup.cfg and the registries.
PYTHON ?= python3
VENV ?= .venv
RUN ?= runs/demo-$(shell date +%Y%m%d-%H%M%S)
BIN := $(VENV)/bin
OLDEST := $(VENV)-oldest

.PHONY: demo test test-slow test-oldest test-reference lint clean

# Train on the embedded digits, measure, export, reload the export without kgan and sample from it.
demo: $(VENV)/installed
	$(BIN)/kgan train --flagfile=recipes/digits.flags --run_dir=$(RUN)
	$(BIN)/kgan evaluate --run_dir=$(RUN)
	$(BIN)/kgan export --run_dir=$(RUN) --output=exported/digits
	$(BIN)/kgan sample --model=exported/digits --num_images=100 --output=$(RUN)/served.png
	@echo "Look at $(RUN)/evaluation/report.html and, from the export, at $(RUN)/served.png"

# One thread an operation: processes that share the cores would wait for each other's threads; those
# between operations stay. The default tests run a program of XLA a few times only, and to optimise
# it takes longer than it saves; the slow ones run some for many thousands of steps.
QUICK_XLA := --xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true
test: $(VENV)/installed-test lint
	@TF_NUM_INTRAOP_THREADS=1 OPENBLAS_NUM_THREADS=1 XLA_FLAGS="$(QUICK_XLA)" $(BIN)/python -m pytest --numprocesses=auto --maxprocesses=4 --dist=loadfile; \
	status=$$?; echo "CPU time, user and system; the second line is that of the tests:"; times; exit $$status

# Trains for minutes; with KGAN_DATA set to a folder with mnist/ also on real files.
test-slow: $(VENV)/installed-test
	TF_NUM_INTRAOP_THREADS=1 OPENBLAS_NUM_THREADS=1 $(BIN)/python -m pytest -m slow --numprocesses=auto --maxprocesses=2 --dist=loadfile

# The smoke tests on the oldest Keras and TensorFlow that setup.cfg allows, in an environment of their own.
test-oldest: $(OLDEST)/installed
	TF_NUM_INTRAOP_THREADS=1 OPENBLAS_NUM_THREADS=1 $(OLDEST)/bin/python -m pytest -m smoke

# The measures against torch-fidelity, torchmetrics, prdc and SciPy, which are large to install.
test-reference: $(VENV)/installed-test
	$(BIN)/python -m pip install --quiet --editable .[reference]
	$(BIN)/python -m pytest -m "slow or not slow" tests/metrics/test_references.py \
		tests/metrics/test_multi_scale_ssim.py tests/features/test_inception.py

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

clean:
	rm -rf $(VENV) $(OLDEST) build *.egg-info

$(VENV)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	touch $@

$(OLDEST)/installed: setup.cfg pyproject.toml
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --upgrade pip
	$(OLDEST)/bin/python -m pip install --quiet --editable . tensorflow==2.20.0 keras==3.10.0 pytest
	touch $@

$(VENV)/installed-test: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --editable .[test]
	touch $@
