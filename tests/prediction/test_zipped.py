"""A zipped classifier from a stranger is what was saved, or refused in one line; nothing is written elsewhere."""

import hashlib
import io
import json
import os
import stat
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.prediction import zipped
from fitness_tracker.prediction.zipped import MOST_BYTES, MOST_FILES, unzip_classifier

MUTATIONS = int(os.environ.get("TORTURE", "300"))
RANDOM = np.random.default_rng(0)
PARTS = {
    name: RANDOM.bytes(size) for name, size in (("classifier.tflite", 3000), ("weights.npz", 500), ("a.tflite", 9))
}
DESCRIPTION = {"sha256": {name: hashlib.sha256(data).hexdigest() for name, data in PARTS.items()}, "usage": "x" * 2000}
SAVED = {"classifier.json": json.dumps(DESCRIPTION).encode(), **PARTS}
Members = list[tuple[zipfile.ZipInfo, bytes]]


def members(folder: str = "") -> Members:
    """Those of a good zip."""
    listed = [(zipfile.ZipInfo(folder + name), data) for name, data in SAVED.items()]
    for info, _ in listed:
        info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, (stat.S_IFREG | 0o644) << 16
    return listed


def zip_bytes(listed: Members) -> bytes:
    target = io.BytesIO()
    with (
        warnings.catch_warnings(action="ignore"),
        zipfile.ZipFile(target, "w") as archive,
    ):  # of names that are twice there
        for info, data in listed:
            archive.writestr(info, data)
    return target.getvalue()


def unzipped(data: bytes, scratch: Path) -> dict[str, bytes] | str:
    """The files that are written, or the message; asserts that nothing else is written."""
    path, folder = scratch / "given.zip", scratch / "inner/folder"
    path.write_bytes(data)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        unzip_classifier(path, folder)
        outcome: dict[str, bytes] | str = {file.name: file.read_bytes() for file in folder.iterdir()}
    except UserError as error:
        outcome = str(error)
        assert "\n" not in outcome
        assert outcome.startswith(f"{path}: ")
        assert list(folder.iterdir()) == []
    for file in folder.iterdir():
        file.unlink()
    assert sorted(file.name for file in scratch.rglob("*")) == ["folder", "given.zip", "inner"]
    return outcome


@pytest.mark.parametrize("folder", ["", "classifier/", "my-bundle.v2/"])
def test_a_folder_zipped_with_or_without_its_own_name_is_read(folder: str, tmp_path: Path) -> None:
    directory = [(zipfile.ZipInfo(folder), b"")] if folder else []
    added = [(zipfile.ZipInfo(name), b"mac") for name in ("__MACOSX/._classifier.json", f"{folder}.DS_Store")]
    for listed in (members(folder), directory + members(folder), members(folder) + added):
        assert unzipped(zip_bytes(listed), tmp_path) == SAVED


def renamed(name: str) -> Callable[[Members], Members]:
    def change(listed: Members) -> Members:
        listed[2][0].filename = name
        return listed

    return change


def with_mode(mode: int) -> Callable[[Members], Members]:
    def change(listed: Members) -> Members:
        listed[2][0].external_attr = mode << 16
        return listed

    return change


ODD = {
    "not a plain file": [renamed(name) for name in (
        "../x", "/etc/x", "C:\\x", "..", ".", "a\\b", "x/../../y", "~/x", "x\ny", ".hidden", "x" * 200,
        "é.npz", "CON:", "",
    )],
    "is no file": [with_mode(kind | 0o777) for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR)],
    "is not listed": [lambda listed: [*listed, (zipfile.ZipInfo("more.py"), b"print()")]],
    "is not in it": [lambda listed: listed[:-1], lambda listed: listed[1:], lambda listed: []],
    "is there twice": [lambda listed: [*listed, listed[1]], renamed("WEIGHTS.npz"), renamed("classifier.json")],
    f"more than {MOST_FILES} members": [
        lambda listed: listed + [(zipfile.ZipInfo(f"more{number}"), b"") for number in range(number)]
        for number in (MOST_FILES, 20 * MOST_FILES)
    ],
    "unusual way": [lambda listed: [(info, data) for info, data in listed if not setattr(info, "compress_type", 12)]],
}  # fmt: skip


@pytest.mark.parametrize(("reason", "change"), [(reason, change) for reason, all_ in ODD.items() for change in all_])
def test_odd_members_are_refused(reason: str, change: Callable[[Members], Members], tmp_path: Path) -> None:
    outcome = unzipped(zip_bytes(change(members())), tmp_path)
    assert isinstance(outcome, str)
    assert reason in outcome or (reason == "is there twice" and "not listed" in outcome)


def patched(data: bytes, name: str, local: dict[int, bytes], central: dict[int, bytes]) -> bytes:
    """With other bytes at those offsets of the two headers of a member."""
    changed = bytearray(data)
    for magic, name_at, fields in ((b"PK\x03\x04", 30, local), (b"PK\x01\x02", 46, central)):
        start = next(at for at in range(len(data)) if data[at : at + 4] == magic
                     and data[at + name_at :].startswith(name.encode()))  # fmt: skip
        for offset, content in fields.items():
            changed[start + offset : start + offset + len(content)] = content
    return bytes(changed)


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = [(info, data if number else bytes(MOST_BYTES)) for number, (info, data) in enumerate(members())]
    opened: list[object] = []
    with monkeypatch.context() as patch:
        patch.setattr(zipped, "read_member", lambda *arguments: opened.append(arguments))
        assert "unpacks to more than 64 MB" in str(unzipped(zip_bytes(zeros), tmp_path))
        size = struct.pack("<I", 0xFFFFFFF0)  # 4 GB, in a zip of 5 kB
        data = patched(zip_bytes(members()), "weights.npz", {22: size}, {24: size})
        assert "unpacks to more than 64 MB" in str(unzipped(data, tmp_path))
    assert opened == []
    sparse = tmp_path / "large.zip"
    with sparse.open("wb") as file:
        file.truncate(10 * 10**9)
    with pytest.raises(UserError, match="larger than 64 MB"):
        unzip_classifier(sparse, tmp_path)


def test_a_member_that_declares_less_or_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    for size in (10, 400, 600, 10**6):
        field = struct.pack("<I", size)
        outcome = unzipped(patched(zip_bytes(members()), "weights.npz", {22: field}, {24: field}), tmp_path)
        assert isinstance(outcome, str), size


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    flag = struct.pack("<H", 1)
    assert "encrypted" in str(unzipped(patched(zip_bytes(members()), "weights.npz", {6: flag}, {8: flag}), tmp_path))


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    for data in (b"", b"no zip", zip_bytes([])[:-1], zip_bytes([(zipfile.ZipInfo("classifier.json"), b"[" * 10**6)])):
        assert "is no zipped classifier, or damaged" in str(unzipped(data, tmp_path))
    os.mkfifo(tmp_path / "pipe.zip")
    with pytest.raises(UserError, match="is no file"):
        unzip_classifier(tmp_path / "pipe.zip", tmp_path)


def test_any_damage_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    whole, random = zip_bytes(members("classifier/")), np.random.default_rng(0)
    directory = whole.index(b"PK\x01\x02")
    refused = 0
    for number in range(MUTATIONS):
        data = bytearray(whole)
        start = (0, directory)[number % 2]  # half of them where sizes and names are declared
        for place in random.integers(start, len(whole), random.integers(1, 4)):
            data[place] = random.integers(256)
        if number % 5 == 0:
            del data[random.integers(len(data)) :]
        elif number % 7 == 0:
            cut = random.integers(len(data))
            data[cut:cut] = random.bytes(random.integers(1, 50))
        outcome = unzipped(bytes(data), tmp_path)
        assert isinstance(outcome, str) or outcome == SAVED
        refused += isinstance(outcome, str)
    assert MUTATIONS / 2 < refused < MUTATIONS
