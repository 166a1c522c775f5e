"""Where the classifier that answers comes from, and what `--version` says of it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.models.bundle import checksum, read_checksum
from fitness_tracker.prediction import sources
from fitness_tracker.prediction.sources import (
    classifier_folder,
    default_folder,
    describe_classifier,
    networks_folder,
    version_lines,
)
from tests.projects import GIT, run


@pytest.mark.slow
def test_a_classifier_comes_from_a_revision_of_a_repository(untrained: Path, tmp_path: Path) -> None:
    repository = tmp_path / "theirs"
    shutil.copytree(untrained, repository / "models/classifier")
    for command in (
        (*GIT, "init", "-q"), ("dvc", "init", "-q"), ("dvc", "add", "-q", "models/classifier"),
        (*GIT, "add", "-A"), (*GIT, "commit", "-qm", "first"), (*GIT, "tag", "v1"),
    ):  # fmt: skip
        assert run(repository, *command).returncode == 0
    with classifier_folder(f"{repository}@v1") as folder:
        assert read_checksum(folder) == read_checksum(untrained)
    with pytest.raises(UserError, match=r"^.*@v2: cannot be fetched \(.*\)$"), classifier_folder(f"{repository}@v2"):
        pass
    assert not folder.exists()


@pytest.mark.parametrize("place", ["-oProxyCommand=x@v1", "https://a.b/c@--upload-pack=x", "@v1", "a.b/c@"])
def test_what_begins_as_an_option_or_lacks_a_half_is_refused(place: str) -> None:
    with pytest.raises(UserError, match="must be a folder, a zip, or URL@REVISION"), classifier_folder(place):
        pass


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    with classifier_folder(str(tmp_path)) as folder:
        assert folder == tmp_path


def test_without_dvc_a_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources.importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(UserError, match=r"takes DVC, .* pip install 'dvc\[s3\]'$"),
        classifier_folder("https://a.b/c@v1"),
    ):
        pass


def test_a_zip_is_unpacked_for_as_long_as_it_is_needed(untrained: Path, tmp_path: Path) -> None:
    for name, base in (("flat", untrained), ("nested", untrained.parent)):
        zipped = shutil.make_archive(str(tmp_path / name), "zip", base, None if base == untrained else untrained.name)
        with classifier_folder(zipped) as folder:
            assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
                path.name: path.read_bytes() for path in untrained.iterdir()
            }
        assert not folder.exists()
    (tmp_path / "bad@v1.zip").write_text("no zip")
    with pytest.raises(UserError, match="is no zipped classifier"), classifier_folder(str(tmp_path / "bad@v1.zip")):
        pass


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory: an empty folder; the package's own classifier would be in `bundle`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sources, "BUNDLE", tmp_path / "bundle")
    return tmp_path


def test_the_working_directorys_goes_before_the_packages(elsewhere: Path) -> None:
    for found in ("bundle", "models/classifier"):
        (elsewhere / found).mkdir(parents=True)
        assert default_folder().resolve() == elsewhere / found
        with classifier_folder(None) as folder:
            assert folder == default_folder()


def test_the_packages_classifier_has_the_networks_where_none_were_fetched(elsewhere: Path) -> None:
    assert networks_folder() == Path("pretrained/models"), "so that the message says how to fetch them"
    (elsewhere / "bundle").mkdir()
    assert networks_folder() == elsewhere / "bundle"
    (elsewhere / "pretrained/models").mkdir(parents=True)
    assert networks_folder() == Path("pretrained/models")


def test_that_there_is_none_is_one_line(elsewhere: Path) -> None:
    with pytest.raises(UserError, match=r"^no classifier here: .*--classifier.*`make wheel`$"), classifier_folder(None):
        pass
    assert version_lines().splitlines()[1].startswith("no classifier here: ")


def test_version_names_the_classifier_that_answers(elsewhere: Path, untrained: Path) -> None:
    shutil.copytree(untrained, elsewhere / "bundle")
    usage = json.loads((untrained / "classifier.json").read_text())["usage"]
    groups = len({used["group"] for used in usage.values()})
    said = f"3 exercises, trained on {len(usage)} clips of {groups} groups; {read_checksum(untrained)[:12]}"
    program, classifier = version_lines().splitlines()
    assert program.startswith("fitness-tracker 0.")
    assert classifier == f"classifier {elsewhere / 'bundle'}: {said}"


def test_of_a_damaged_classifier_version_says_so(untrained: Path, tmp_path: Path) -> None:
    whole = (untrained / "classifier.json").read_text()
    for text in (
        "",
        "[]",
        "3",
        '"x"',
        "{}",
        whole[:-9],
        whole.replace('"fps"', '"fbs"'),
        "[" * 100_000,
        '{"checksum": 1}',
    ):
        (tmp_path / "classifier.json").write_text(text)
        assert describe_classifier(tmp_path) == "damaged, or no classifier"
    assert describe_classifier(tmp_path / "nowhere") == "damaged, or no classifier"


def test_of_another_versions_classifier_version_says_so(untrained: Path, tmp_path: Path) -> None:
    """Such a one is refused when it is asked."""
    description = json.loads((untrained / "classifier.json").read_text()) | {"format_version": 6}
    description["checksum"] = checksum(description)
    (tmp_path / "classifier.json").write_text(json.dumps(description))
    assert describe_classifier(tmp_path) == "of another version of this program (format 6); train it again"


def test_version_is_said_without_the_libraries_of_answers(tmp_path: Path) -> None:
    program = (
        "import sys, fitness_tracker.cli as cli; sys.argv[1:] = ['--version']\ntry: cli.main()\n"
        "finally: print(sorted({'numpy', 'cv2', 'keras', 'tensorflow', 'pydantic', 'ai_edge_litert'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr, done.stdout.splitlines()[-1]) == (0, "", "[]")
