"""Saves and loads a classifier as a folder: `classifier.json`, the graph, and what else its kind needs.

Loading executes nothing, and takes nothing on trust: a bundle may come from somebody else. The description carries the
hash of every other file and of itself, so that a damaged bundle is refused before anything parses it; every field is
checked for type and range, and the graph for its inputs, outputs and operations.
"""

import hashlib
import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from fitness_tracker.core.errors import UserError, printable
from fitness_tracker.core.files import replace_folder, staging_path, write_bytes, write_json
from fitness_tracker.core.params import Fit, FramesPerSecond, GroupPattern
from fitness_tracker.models.classifier import Classifier, ClipUsage
from fitness_tracker.models.registry import MODEL_KINDS

# 1 had none, and names of training clips in clear; 2 one member, 3 forests, 4 HDF5 and no params, 5 nothing of holds,
# 6 no graph, 7 no labels and nothing to enrol with
FORMAT_VERSION = 8
DESCRIPTION = "classifier.json"
DAMAGED = (
    OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, MemoryError,
    RuntimeError, UserError,
)  # fmt: skip

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Label = Annotated[str, Field(min_length=1, max_length=200)]


class CommonFields(BaseModel):
    """The fields of classifier.json that all kinds share; the rest is the kind's own."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, allow_inf_nan=False)

    format_version: Literal[8]
    model: str
    sha256: dict[str, Sha256]  # file -> hash
    checksum: Sha256
    exercises: Annotated[list[Label], Field(min_length=1, max_length=10_000)]
    fit: Fit
    fps: FramesPerSecond
    group: GroupPattern
    usage: dict[str, ClipUsage]
    temperature: Annotated[float, Field(gt=0, le=100)]
    none_threshold: Annotated[float, Field(ge=0, le=1)]
    held: list[Label]
    params: dict[str, Any]
    parameters: Annotated[int, Field(ge=1)]


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def checksum(description: dict[str, Any]) -> str:
    """Of all of a description but its own field `checksum`."""
    content = {name: value for name, value in description.items() if name != "checksum"}
    return sha256(json.dumps(content, sort_keys=True).encode())


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """The same classifier gives the same bytes. What was in `folder` stays until all is written.

    (A `.keras` file carries its date and memory addresses, and HDF5 ends the process when the disk is full.)
    """
    files = classifier.files()
    description = {
        "format_version": FORMAT_VERSION,
        "model": classifier.kind,
        "usage": {name: asdict(used) for name, used in classifier.usage.items()},
        **{name: getattr(classifier, name) for name in COPIED},
        "sha256": {name: sha256(data) for name, data in files.items()},
        **classifier.describe(),
    }
    staged = staging_path(folder)
    shutil.rmtree(staged, ignore_errors=True)
    try:
        for name, data in files.items():
            write_bytes(staged / name, data)
        write_json(staged / DESCRIPTION, {**description, "checksum": checksum(description)})
        replace_folder(staged, folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


COPIED = ("exercises", "fit", "fps", "group", "temperature", "none_threshold", "held", "params", "parameters")


def load_classifier(folder: Path) -> Classifier:
    """The classifier in `folder`.

    Raises `UserError` if there is none, it is damaged, or it was made by another version of this program.
    """
    try:
        text = (folder / DESCRIPTION).read_text(encoding="utf-8")
        check_version(folder, json.loads(text))
        fields = CommonFields.model_validate_json(text)
        for name, digest in fields.sha256.items():
            if sha256((folder / Path(name).name).read_bytes()) != digest:
                raise ValueError(f"{name} is not what was saved")
        common = {name: getattr(fields, name) for name in (*COPIED, "usage")}
        classifier = MODEL_KINDS[fields.model]().load(folder, fields.model_extra or {}, common)
        if fields.sha256.keys() != classifier.files().keys():
            raise ValueError("its list of files is not that of its parts")
        return classifier
    except OtherVersionError:
        raise
    except FileNotFoundError:
        raise UserError(f"{folder}: holds no classifier; `make repro` trains one, `dvc pull` fetches one") from None
    except DAMAGED as error:
        first = printable(re.sub(r"\s+", " ", str(error))[:120])
        raise UserError(f"{folder}: the classifier is damaged ({first}); train or fetch it again") from None


def read_checksum(folder: Path) -> str:
    """What tells a classifier that loads from all others: the hash of its description, which has those of its files.

    Empty if there is none.
    """
    try:
        return str(json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["checksum"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


class OtherVersionError(UserError):
    """The bundle is whole, but not for this version of the program."""


def check_version(folder: Path, description: dict[str, Any]) -> None:
    """Raises `OtherVersionError`, or `ValueError` if the description is not as it was saved."""
    version = description.get("format_version", 1)
    if version != FORMAT_VERSION:
        raise OtherVersionError(
            f"{folder}: the classifier has format {version!r:.20}, this program reads {FORMAT_VERSION}; train it again"
        )
    if description["checksum"] != checksum(description):
        raise ValueError(f"{DESCRIPTION} is not what was saved")
