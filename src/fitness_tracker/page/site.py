"""Writes the page as a folder of files that any web server serves: what is in `web/`, and a classifier's graphs."""

import hashlib
import json
import shutil
from pathlib import Path

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.files import replace_folder, staging_path
from fitness_tracker.export.formats import check_empty
from fitness_tracker.models.bundle import load_classifier
from fitness_tracker.page.constants import GRAPHS, METRIC, describe_page, metric_bytes, pose_classifier
from fitness_tracker.page.selftest import FOLDER, write_selftest

SUFFIXES = (".css", ".html", ".js", ".svg", ".wasm", ".webmanifest", ".json")
LICENCES = ("LICENSE",)
WORKER, PAGE = "service-worker.js", "page.json"
FILES = "const FILES = {};"  # in it, to be filled
VENDORED = "vendor/litert/index.js"


def web_folder() -> Path:
    """The page's own files: of the package, if it is a wheel of `make wheel`, else of the repository."""
    inside = Path(__file__).parent / "web"
    folder = inside if inside.is_dir() else Path(__file__).parents[3] / "web"
    if not (folder / "index.html").is_file():
        raise UserError("the page is not installed: use the repository, or a wheel of `make wheel`")
    if not (folder / VENDORED).is_file():
        raise UserError(f"{folder / 'vendor'}: is missing; `make site` fetches it")
    return folder


def write_site(classifier_folder: Path, out: Path) -> dict[str, str]:
    """Fills the folder `out`, in place of the page that was there; returns each file's SHA-256.

    Raises `UserError` if something else is there, if there is no classifier, or not one of landmarks, or if the page's
    own files are missing.
    """
    classifier = pose_classifier(load_classifier(classifier_folder))
    page, web, out = describe_page(classifier), web_folder(), out.resolve()
    if not ((out / WORKER).is_file() and (out / PAGE).is_file()):
        check_empty(out)
    staged = staging_path(out)
    shutil.rmtree(staged, ignore_errors=True)
    try:
        for path in sorted(web.rglob("*")):
            if path.is_file() and (path.suffix in SUFFIXES or path.name in LICENCES):
                (staged / path.relative_to(web)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, staged / path.relative_to(web))
        (staged / GRAPHS).mkdir()
        for name in page["classifier"]["graphs"].values():
            (staged / name).write_bytes((classifier_folder / Path(name).name).read_bytes())
        (staged / METRIC).write_bytes(metric_bytes(classifier.metric))
        write_selftest(classifier, web.parent, staged / FOLDER)
        hashes = digests(staged)
        version = hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()[:12]
        (staged / PAGE).write_text(json.dumps({**page, "version": version}, sort_keys=True), encoding="utf-8")
        hashes = digests(staged)
        worker = (staged / WORKER).read_text(encoding="utf-8")
        assert worker.count(FILES) == 1
        kept = {name: digest for name, digest in hashes.items() if name != WORKER and not name.startswith(FOLDER)}
        (staged / WORKER).write_text(worker.replace(FILES, f"const FILES = {json.dumps(kept)};"), encoding="utf-8")
        replace_folder(staged, out)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return hashes


def digests(folder: Path) -> dict[str, str]:
    """Relative path to SHA-256 of every file."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
