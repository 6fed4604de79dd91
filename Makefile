# `make check` does what the continuous integration does, which also follows the README in new environments.
PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
STAMP = $(VENV)/.installed

.PHONY: check setup format lint imports types scripts test plain browser wheel lowest newest stores binder colab newcomer notebooks data-score torture
.PHONY: audit fuzz fuzz-coverage bench bench-load bench-browser bench-oblique bench-paint bench-pacs picture docs clean

check: lint imports audit types scripts docs test lowest newest stores binder colab

setup: $(STAMP)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $(STAMP)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

imports: $(STAMP)
	$(BIN)/lint-imports

# npm's tools, pyright among them
NPM_STAMP = tests/javascript/node_modules/.installed

$(NPM_STAMP): tests/javascript/package.json
	npm install --prefix tests/javascript --no-package-lock --no-audit --no-fund --silent
	touch $@

types: $(STAMP) $(NPM_STAMP)
	$(BIN)/mypy
	tests/javascript/node_modules/.bin/pyright --pythonpath $(BIN)/python --warnings

# types and lint of the scripts that run in the page; their tests run with the others
scripts: $(NPM_STAMP)
	npm run --prefix tests/javascript --silent check

# everything, browser tests included where there is a browser
test: $(STAMP)
	$(BIN)/pytest

# the quick ones only, on all cores: two take under three minutes
plain: $(STAMP)
	$(BIN)/pytest -n auto -m 'not browser and not long'

browser: $(STAMP)
	$(BIN)/pytest -m browser

# what users install
wheel: $(STAMP)
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist . >/dev/null

# the plain tests of the wheel with the lowest versions that pyproject.toml allows, and with the newest
NEEDED = pytest pytest-xdist hypothesis nbclient nbformat ipykernel
PLAIN = -n auto -m 'not browser and not long'
IS_WHEEL = import dicomview; assert 'site-packages' in dicomview.__file__, dicomview.__file__

lowest: wheel
	$(PYTHON) -m venv --clear $(VENV)-lowest
	$(VENV)-lowest/bin/pip install --quiet --constraint tests/constraints-lowest.txt dist/*.whl $(NEEDED)
	cd tests && ../$(VENV)-lowest/bin/python -c "$(IS_WHEEL)"
	$(VENV)-lowest/bin/pytest $(PLAIN) -o filterwarnings=default tests  # old packages warn of each other

newest: wheel
	$(PYTHON) -m venv --clear $(VENV)-newest
	$(VENV)-newest/bin/pip install --quiet --upgrade --upgrade-strategy eager dist/*.whl $(NEEDED)
	cd tests && ../$(VENV)-newest/bin/python -c "$(IS_WHEEL)"
	$(VENV)-newest/bin/pytest $(PLAIN) tests

# folders on S3 and GCS: stand-ins for both, whose packages hold back others
stores: wheel
	$(PYTHON) -m venv --clear $(VENV)-stores
	$(VENV)-stores/bin/pip install --quiet "$$(echo dist/*.whl)[remote]" s3fs 'moto[server]' gcsfs gcp-storage-emulator pytest hypothesis
	$(VENV)-stores/bin/python -c "import s3fs, moto.server, gcsfs, gcp_storage_emulator.server"  # nothing is skipped
	$(VENV)-stores/bin/pytest -k "s3 or gcs" tests/test_remote.py

# series spoiled at random, read and compared with a plain reading; findings go to .artifacts/fuzz
FUZZ_S ?= 60
FUZZ_SEED ?= 1

fuzz: $(STAMP)
	$(BIN)/python tests/fuzz/fuzz.py --seconds $(FUZZ_S) --seed $(FUZZ_SEED) $(addprefix --cases ,$(FUZZ_CASES))

# the byte-level code of headers, guided by coverage
fuzz-coverage: $(STAMP)
	$(BIN)/pip install --quiet --editable '.[fuzz]'
	$(BIN)/python tests/fuzz/guided.py --seconds $(FUZZ_S) --seed $(FUZZ_SEED)

# installed packages with known holes: by pip-audit where its service answers, and by tests/advisories.toml
audit: $(STAMP)
	$(BIN)/python tests/audit.py $(ARGS)

# the environment of Binder from binder/ alone, in a new place; all notebooks in it stay below 1 GB of memory
binder: $(STAMP)
	$(BIN)/python tests/elsewhere.py binder

# the notebooks with Colab's versions and a stand-in for google.colab; installing the package changes none of them
colab: $(STAMP)
	$(BIN)/python tests/elsewhere.py colab

# the first commands of the README in an empty home, and the seconds until there are pictures; ARGS=--tests for all
newcomer: $(STAMP)
	$(BIN)/python tests/newcomer.py $(ARGS)

# runs the notebooks and saves them with their pictures; look at these before they are committed
notebooks: $(STAMP)
	$(BIN)/python tests/notebooks.py

# how many reference series dicomview, SimpleITK and imageio read right; needs DICOMVIEW_DATA
data-score: $(STAMP)
	$(BIN)/python tests/reference.py

# bad input against dicomview, imageio, the usual pydicom recipe and SimpleITK; ARGS="--reader dicomview --list" for ours
torture: $(STAMP)
	$(BIN)/python tests/torture/run.py $(ARGS)

bench: $(STAMP)
	$(BIN)/python tests/benchmarks/step.py

# loading against the bytes alone and against other packages; ARGS=--quick for less
bench-load: $(STAMP)
	$(BIN)/pip install --quiet --editable '.[bench]'
	$(BIN)/python tests/benchmarks/load.py $(ARGS)

# the viewer in a real page against others, near and far: ARGS="--quick --only browser"; a quarter of an hour
bench-browser: $(STAMP)
	$(BIN)/pip install --quiet --editable '.[bench]'
	$(BIN)/python tests/benchmarks/browser.py $(ARGS)

# Canvas 2D against WebGL2
bench-paint: $(STAMP)
	$(BIN)/python tests/benchmarks/paint.py

# an oblique slice of 512 x 512 out of 512 x 512 x 512 against scipy
bench-oblique: $(STAMP)
	$(BIN)/python tests/benchmarks/oblique.py

# the site, in build/docs: warnings are errors, notebooks are run, nothing is fetched
docs: $(STAMP)
	$(BIN)/sphinx-build --fail-on-warning --keep-going --quiet -c docs -d build/doctrees . build/docs

# a series of 200 MB from an Orthanc on this machine
bench-pacs: $(STAMP)
	$(BIN)/python tests/benchmarks/pacs.py

# the picture of the README
picture: $(STAMP)
	$(BIN)/pytest tests/browser -k picture_of
	cp .artifacts/browser/viewer.png notebooks/viewer.png

clean:
	rm -rf $(VENV) $(VENV)-lowest $(VENV)-newest $(VENV)-stores .artifacts build dist
