"""A classifier's folder as a zip, which may come from anybody: what it declares is checked before anything is unpacked.

Nothing of a member's name reaches the disk: files are written under the names that classifier.json lists, and these are
plain ones. `load_classifier` checks their hashes, as it does of a folder.
"""

import io
import json
import re
import stat
import struct
import zipfile
import zlib
from pathlib import Path

from fitness_tracker.core.errors import UserError, printable

MOST_BYTES, MOST_FILES = 64 * 10**6, 100  # of the zip, and of what it holds; a bundle has 15 MB and six files
DESCRIPTION = "classifier.json"
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")
CENTRAL_ENTRY = b"PK\x01\x02"  # begins each entry of a zip's directory
DAMAGED = (
    zipfile.BadZipFile, zlib.error, struct.error, ValueError, LookupError, TypeError, AttributeError, EOFError,
    OverflowError, RuntimeError, MemoryError,
)  # fmt: skip


def unzip_classifier(path: Path, folder: Path) -> None:
    """Writes the files of the zipped classifier at `path` into `folder`.

    Raises `UserError` if it is no zip, holds anything else, or declares or holds more than `MOST_BYTES`.
    """
    try:
        files = read_files(path)
    except DAMAGED as error:
        reason = printable(re.sub(r"\s+", " ", str(error))[:120]) or type(error).__name__
        raise UserError(f"{path}: is no zipped classifier, or damaged ({reason})") from None
    for name, data in files.items():
        (folder / name).write_bytes(data)


def read_files(path: Path) -> dict[str, bytes]:
    """Name to content. Raises one of `DAMAGED` if these are not the files of a classifier."""
    if not path.is_file():  # reading a pipe would wait for ever
        raise ValueError("it is no file")
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES // 10**6} MB")
    data = path.read_bytes()
    if data.count(CENTRAL_ENTRY) > 10 * MOST_FILES:  # before zipfile makes an object of each
        raise ValueError(f"it has more than {MOST_FILES} members")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = check_members(archive.infolist())
        if DESCRIPTION not in members:
            raise ValueError(f"{DESCRIPTION} is not in it")
        described = read_member(archive, members[DESCRIPTION])
        listed = {DESCRIPTION, *json.loads(described)["sha256"]}
        if members.keys() != listed:
            odd = sorted(map(str, members.keys() ^ listed))[0]
            raise ValueError(f"{odd} is {'not listed in ' + DESCRIPTION if odd in members else 'not in it'}")
        return {name: read_member(archive, member) for name, member in sorted(members.items())}


def check_members(infos: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Plain names to members; all of them may lie in one folder. Raises `ValueError` if anything about them is odd."""
    if len(infos) > MOST_FILES:
        raise ValueError(f"it has more than {MOST_FILES} members")
    if sum(info.file_size for info in infos) > MOST_BYTES:
        raise ValueError(f"it unpacks to more than {MOST_BYTES // 10**6} MB")
    infos = [info for info in infos if not info.filename.startswith("__MACOSX/")]  # macOS adds both
    infos = [info for info in infos if not info.filename.endswith(("/", ".DS_Store"))]
    folders = {info.filename.rpartition("/")[0] for info in infos}
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        folder, _, name = info.filename.rpartition("/")
        kind = stat.S_IFMT(info.external_attr >> 16)
        if len(folders) > 1 or (folder and not PLAIN_NAME.fullmatch(folder)) or not PLAIN_NAME.fullmatch(name):
            raise ValueError(f"its member {info.filename[:60]!r} is not a plain file of one folder")
        if kind not in (0, stat.S_IFREG) or info.flag_bits & 1:
            raise ValueError(f"its member {name} is {'encrypted' if info.flag_bits & 1 else 'no file'}")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f"its member {name} is compressed in an unusual way")
        if name.lower() in {known.lower() for known in members}:
            raise ValueError(f"its member {name} is there twice")
        members[name] = info
    return members


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Its bytes, as many as it declares; zipfile compares their CRC."""
    with archive.open(info) as file:
        data = file.read(info.file_size)
        if len(data) != info.file_size or file.read(1):
            raise ValueError(f"its member {info.filename} is not as large as it declares")
    return data
