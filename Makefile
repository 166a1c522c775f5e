# Programs run as `python -m`: those in .venv/bin know where the folder was when they were installed.
# `make repro` and `make test` need nothing but Python 3.11 to 3.13, git and make: they set up .venv themselves.
export PATH := $(CURDIR)/.venv/bin:$(PATH)
PIP = .venv/bin/python -m pip --disable-pip-version-check install --quiet --no-deps
UV = .venv/uv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --override requirements-override.txt

help:  ## this list
	@grep -hE '^[a-z0-9-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 16

repro: .venv/installed  ## from videos to metrics: runs what is out of date
	@python -m fitness_tracker.core.params && python -m dvc repro && python -m fitness_tracker.review.summary metrics

test: .venv/installed-dev  ## every check: lint, types, tests
	@python -m ruff check . && python -m ruff format --check . && python -m mypy && python -m pytest -n 2 --dist worksteal

quick: .venv/installed-dev  ## the quick tests: less than a minute
	@python -m pytest -n 2 --dist worksteal -m "not slow and not real and not torture"

torture: .venv/installed-dev  ## what `make test` does a few times, hundreds of times
	@python -m pytest -m torture

lock-check: .venv/installed  ## does dvc.lock belong to this code and these params? Needs no data
	@python -m fitness_tracker.core.params
	@said=$$(python -m dvc repro --dry --allow-missing 2>&1); failed=$$?; \
	  if echo "$$said" | grep -q "Data and pipelines are up to date"; then echo "dvc.lock is up to date"; exit 0; fi; \
	  echo "$$said"; [ $$failed = 0 ] && echo "dvc.lock is stale: run 'make repro' and commit" || echo "DVC cannot tell whether dvc.lock is stale, see above"; exit 1

PORT = 9000
BASE = main
HEAD = HEAD
MAX_DROP = 0.02
CHECKOUT = .
HIDDEN = Created|State|Executor|epochs|train_.*|.*_loss|frame_.*|.*_low|.*_high|.*_forced.*|.*_partly.*|.*/.*

s3: .venv/installed-dev  ## starts an S3 server on this machine and points the remote at it
	@python storage/serve.py start --port $(PORT)

s3-stop: .venv/installed-dev  ## ends it
	@python storage/serve.py stop

runs: .venv/installed  ## what sweeps tried, best first: the parameters that changed, and the scores
	@python -m dvc exp show --md --only-changed --sort-by metrics/evaluate.json:f1 --sort-order desc --drop '$(HIDDEN)'

push: .venv/installed  ## data, models and the run cache to the remote
	@python -m dvc push && python storage/push.py

report: .venv/installed  ## what HEAD changes in BASE, as Markdown, also to report.md; fails if F1 falls by more than MAX_DROP and noise
	@python -m fitness_tracker.cli report $(BASE) $(HEAD) --max-drop $(MAX_DROP) > report.md; good=$$?; cat report.md; exit $$good

remote-check: .venv/installed  ## is all data of dvc.lock (of CHECKOUT) in the remote (of this folder)?
	@python storage/check.py $(CHECKOUT)

reproduce: .venv/installed  ## with data from the remote, runs what dvc.lock does not know; fails if it or metrics change
	@python -m dvc repro --pull --allow-missing && git diff --exit-code -- dvc.lock metrics

wheel: .venv/installed  ## dist/*.whl: this program with the classifier in models/classifier, to install anywhere
	@python release/wheel.py

site: .venv/installed web/vendor  ## site/: the page with the classifier in models/classifier, for any web server
	@python -m fitness_tracker.cli site site

published-site: .venv/installed web/vendor  ## the same of the classifier in the remote, for the workflow; says so where it may not read it
	@if [ "$(READ_ROLE)" ]; then python -m dvc pull -q models/classifier && python -m fitness_tracker.cli site site; \
	  else echo "::notice::no page is published: the variable AWS_READ_ROLE, a role that reads the remote, is not set"; fi

web/vendor: web/fetch_packages.py | .venv/installed
	@python web/fetch_packages.py web/vendor && touch web/vendor

CLIPS = $(firstword $(wildcard data/videos) sample/videos)

bench: .venv/installed  ## how fast resize and extract are, beside the usual way and bare ffmpeg
	@python benchmarks/video.py $(CLIPS)

requirements: .venv/installed  ## resolves pyproject.toml and requirements-dev.in anew, into pins with hashes
	@[ -x .venv/uv/bin/uv ] || { python -m venv .venv/uv && .venv/uv/bin/pip install --quiet uv; }
	@$(UV) pyproject.toml --extra train -o requirements.txt && $(UV) requirements-dev.in -o requirements-dev.txt

.venv/installed: requirements.txt pyproject.toml
	@for python in $${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then \
	    echo "setting up .venv with $$("$$python" --version): some minutes, once"; "$$python" -m venv .venv || exit 1; found=yes; break; fi; \
	done; [ "$$found" ] || { echo "no Python 3.11, 3.12 or 3.13 among: $${PYTHON:-python3 python3.13 python3.12 python3.11 python}; install one, or name it by 'make PYTHON=/path/to/python $(MAKECMDGOALS)'" >&2; exit 1; }
	@$(PIP) --require-hashes -r requirements.txt
	@$(PIP) --no-build-isolation --editable .
	@for link in .venv/lib/python3.*/site-packages/__editable__*.pth; do echo ../../../../src > "$$link"; done  # a copied or moved folder runs its own code
	@touch $@

.venv/installed-dev: .venv/installed requirements-dev.txt
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

.PHONY: help repro test quick torture lock-check s3 s3-stop runs push report remote-check reproduce wheel site published-site bench requirements
