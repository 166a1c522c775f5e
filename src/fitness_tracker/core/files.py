"""Files and folders that are whole or not there at any moment: written at a staging path, then moved into place."""

import contextlib
import io
import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

ZIP_DATE = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold: the same content gives the same bytes


def staging_path(path: Path) -> Path:
    """Where the next version of `path` is written; on the same disk."""
    return path.with_name(path.name + ".partial")


def replace_folder(staged: Path, target: Path) -> None:
    """Moves the folder `staged` to `target`, in place of what is there."""
    old = target.with_name(target.name + ".old.partial")
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)  # at once, where deleting takes its time
    try:
        os.replace(staged, target)
    except OSError:
        if old.exists():
            os.replace(old, target)
        raise
    shutil.rmtree(old, ignore_errors=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Creates folders as needed. Raises `OSError` that names the file if it cannot be written, as on a full disk."""
    staged = staging_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        staged.write_bytes(data)
        os.replace(staged, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            staged.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from None


def write_text(path: Path, text: str) -> None:
    """In UTF-8, with line ends as they are."""
    write_bytes(path, text.encode())


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Sorted and indented."""
    write_text(path, json.dumps(content, indent=2, sort_keys=True) + "\n")


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """What `numpy.load` reads. The same arrays give the same bytes, which `numpy.savez` does not promise.

    It writes each member as one of unknown size, whose header differs between releases of Python.
    """
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, np.asanyarray(array), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", ZIP_DATE), content.getvalue())
    return target.getvalue()
