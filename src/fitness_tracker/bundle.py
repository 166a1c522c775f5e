"""The networks, and the bundle in which a trained one is kept."""

import json
import re
import warnings
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from fitness_tracker.classifier import Classifier, ClipUsage
from fitness_tracker.cnn.classifier import FrameClassifier
from fitness_tracker.cnn.network import build_cnn
from fitness_tracker.errors import UserError
from fitness_tracker.files import write_json
from fitness_tracker.params import Cnn, Pose
from fitness_tracker.pose.classifier import Forest, OutOfDistributionDetector, PoseClassifier
from fitness_tracker.pose.network import build_pose
from fitness_tracker.pose.pretrained import read_networks


def save_classifier(classifier: Classifier, folder: Path) -> None:
    """Writes `classifier.json`, `classifier.weights.h5` and what else it is made of: the same classifier gives the same
    bytes. (A `.keras` file carries its date and memory addresses.)"""
    folder.mkdir(parents=True, exist_ok=True)
    bare = classifier.build()  # without the optimizer, which is twice the weights
    bare.set_weights(classifier.network.get_weights())
    bare.save_weights(folder / "classifier.weights.h5")
    classifier.save_own(folder)
    described = {
        "model": classifier.model,
        "exercises": classifier.exercises,
        "fit": classifier.fit,
        "fps": classifier.fps,
        "group": classifier.group,
        "split": {name: asdict(used) for name, used in classifier.split.items()},
        "temperature": classifier.temperature,
        **classifier.own(),
    }
    write_json(folder / "classifier.json", described)


DAMAGED = (
    OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, UserWarning, UserError, zipfile.BadZipFile
)  # fmt: skip


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an `.npz` file; raises `ValueError` if a number in them is none."""
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    if not all(np.isfinite(one).all() for one in arrays.values()):
        raise ValueError(f"{path.name} holds what is no number")
    return arrays


def load_classifier(folder: Path) -> Classifier:
    """The classifier in `folder`; raises `UserError` if there is none or it is damaged."""
    try:
        kept = json.loads((folder / "classifier.json").read_text(encoding="utf-8"))
        common = {name: kept[name] for name in ("exercises", "fit", "fps", "group", "temperature")}
        common["split"] = {name: ClipUsage(**used) for name, used in kept["split"].items()}
        if kept["model"] == "cnn":
            cnn = Cnn(**kept["cnn"])
            network = build_cnn(cnn, len(kept["exercises"]))
            classifier: Classifier = FrameClassifier(network=network, cnn=cnn, **common)
        else:
            pose = Pose(**kept["pose"])
            network = build_pose(pose, len(kept["exercises"]))
            near = read_arrays(folder / "novelty.npz")
            novelty = OutOfDistributionDetector(near["means"], near["whiten"], **kept["novelty"])
            forest = Forest(**read_arrays(folder / "forest.npz"))
            size = pose.ensemble_size * pose.units
            if novelty.whiten.shape != (size, size) or forest.leaf_probabilities.shape[1] != len(kept["exercises"]):
                raise ValueError("its parts do not belong together")
            classifier = PoseClassifier(
                network=network, pose=pose, forest=forest, window=kept["window"], novelty=novelty,
                estimators=read_networks(folder), **common,
            )  # fmt: skip
        with warnings.catch_warnings(action="error"):  # Keras only warns of weights that are not there
            network.load_weights(folder / "classifier.weights.h5")
        return classifier
    except FileNotFoundError:
        raise UserError(f"{folder}: holds no classifier; `make repro` trains one, `dvc pull` fetches one") from None
    except DAMAGED as error:
        first = re.sub(r"\s+", " ", str(error))[:120]
        raise UserError(f"{folder}: the classifier is damaged ({first}); train or fetch it again") from None
