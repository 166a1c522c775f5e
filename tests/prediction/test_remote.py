"""A classifier that somebody else trained, from a revision of their repository."""

import shutil
from pathlib import Path

import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.models.bundle import read_checksum
from fitness_tracker.prediction.remote import fetched_classifier
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
    with fetched_classifier(f"{repository}@v1") as folder:
        assert read_checksum(folder) == read_checksum(untrained)
    with pytest.raises(UserError, match=r"^.*@v2: cannot be fetched \(.*\)$"), fetched_classifier(f"{repository}@v2"):
        pass
    assert not folder.exists()


@pytest.mark.parametrize("place", ["-oProxyCommand=x@v1", "https://a.b/c@--upload-pack=x", "@v1", "a.b/c@"])
def test_what_begins_as_an_option_or_lacks_a_half_is_refused(place: str) -> None:
    with pytest.raises(UserError, match="must be a folder, or URL@REVISION"), fetched_classifier(place):
        pass


def test_a_folder_is_taken_as_it_is(tmp_path: Path) -> None:
    with fetched_classifier(str(tmp_path)) as folder:
        assert folder == tmp_path
