"""Saves and loads a classifier as a folder: `classifier.json`, the weights, and what else its kind needs.

Loading executes nothing. The description carries the hash of every other file and of itself, so that a damaged bundle
is refused before anything parses it, and the hash of its feature definition, so that one that was trained on other
features is refused instead of answering nonsense.
"""

import hashlib
import json
import re
import warnings
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fitness_tracker.core.errors import UserError
from fitness_tracker.core.files import write_json
from fitness_tracker.models.classifier import Classifier, ClipUsage
from fitness_tracker.models.registry import MODEL_KINDS

FORMAT_VERSION = 5  # 1 had none, and the names of training clips in clear; 2 had one member, 3 forests, 4 fewer params
DESCRIPTION, WEIGHTS = "classifier.json", "member{}.weights.h5"
DAMAGED = (
    OSError, EOFError, ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError, MemoryError,
    RuntimeError, Warning, UserError, zipfile.BadZipFile,
)  # fmt: skip


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def checksum(description: dict[str, Any]) -> str:
    """Of all of a description but its own field `checksum`."""
    content = {name: value for name, value in description.items() if name != "checksum"}
    return sha256(json.dumps(content, sort_keys=True).encode())


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """The same classifier gives the same bytes. (A `.keras` file carries its date and memory addresses.)"""
    folder.mkdir(parents=True, exist_ok=True)
    for number, network in enumerate(classifier.networks):
        bare = classifier.build()  # without the optimizer, which is twice the weights
        bare.set_weights(network.get_weights())
        bare.save_weights(folder / WEIGHTS.format(number))
    classifier.save_parts(folder)
    description = {
        "format_version": FORMAT_VERSION,
        "features": sha256(MODEL_KINDS[classifier.kind]().feature_definition()),
        "model": classifier.kind,
        "exercises": classifier.exercises,
        "fit": classifier.fit,
        "fps": classifier.fps,
        "group": classifier.group,
        "usage": {name: asdict(used) for name, used in classifier.usage.items()},
        "temperature": classifier.temperature,
        "none_threshold": classifier.none_threshold,
        "sha256": {path.name: sha256(path.read_bytes()) for path in folder.iterdir() if path.name != DESCRIPTION},
        **classifier.describe(),
    }
    write_json(folder / DESCRIPTION, {**description, "checksum": checksum(description)})


def load_classifier(folder: Path) -> Classifier:
    """The classifier in `folder`.

    Raises `UserError` if there is none, it is damaged, or it was made by another version of this program.
    """
    try:
        description = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        check_version(folder, description)
        for name, digest in description["sha256"].items():
            if sha256((folder / Path(name).name).read_bytes()) != digest:
                raise ValueError(f"{name} is not what was saved")
        common = {
            name: description[name] for name in ("exercises", "fit", "fps", "group", "temperature", "none_threshold")
        }
        common["usage"] = {name: ClipUsage(**used) for name, used in description["usage"].items()}
        classifier: Classifier = MODEL_KINDS[description["model"]]().load(folder, description, common)
        with warnings.catch_warnings(action="error"):  # Keras only warns of weights that are not there
            for number, network in enumerate(classifier.networks):
                network.load_weights(folder / WEIGHTS.format(number))
        return classifier
    except OtherVersionError:
        raise
    except FileNotFoundError:
        raise UserError(f"{folder}: holds no classifier; `make repro` trains one, `dvc pull` fetches one") from None
    except DAMAGED as error:
        first = re.sub(r"\s+", " ", str(error))[:120]
        raise UserError(f"{folder}: the classifier is damaged ({first}); train or fetch it again") from None


def read_checksum(folder: Path) -> str:
    """What tells a classifier that loads from all others: the hash of its description, which has those of its files."""
    return str(json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["checksum"])


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
    if description["features"] != sha256(MODEL_KINDS[description["model"]]().feature_definition()):
        raise OtherVersionError(f"{folder}: the classifier was trained on other features; train it again")
