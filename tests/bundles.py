"""Bundles of classifiers to ask: one that learned nothing, and one that was taught for a moment."""

import dataclasses
from pathlib import Path

from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.params import Cnn, load_params
from fitness_tracker.models.bundle import save_classifier
from fitness_tracker.models.classifier import ClipUsage
from fitness_tracker.models.cnn.classifier import FrameClassifier, frame_graph
from fitness_tracker.models.cnn.network import build_cnn, build_graph
from fitness_tracker.models.convert import to_tflite
from fitness_tracker.models.pose.training import fit
from fitness_tracker.models.tensorflow_setup import make_deterministic
from fitness_tracker.models.training import TrainingData
from tests.projects import ROOT


def teach(landmarks: Path, networks_folder: Path, folder: Path) -> None:
    """Saves a pose classifier that was taught on four of the six drawn people to `folder`."""
    clips = find_clips(landmarks, (".npz",))
    usage = {}
    for clip in clips:
        person = clip.name.split("/")[1][:8]
        usage[clip.name] = ClipUsage({"person01": 0, "person02": 1}.get(person, 2), person, "")
    make_deterministic(0)
    params = load_params(ROOT / "params.yaml")
    clips = [clip for clip in clips if "person01" not in clip.name]  # nobody knows
    pose, train = dataclasses.replace(params.pose, members=1), dataclasses.replace(params.train, epochs=6)
    params = dataclasses.replace(params, pose=pose, train=train)
    data = TrainingData(clips, {clip.name: clip.path for clip in clips}, usage, read_networks(networks_folder))
    save_classifier(fit(data, params).classifier, folder)


def save_untrained(folder: Path) -> None:
    """A network of frames; it needs no landmarks and knows nothing."""
    network = Cnn(image_size=32, filters=[4, 4, 4], dense_units=8, dropout=0.0, members=1, patience_epochs=1)
    whole = build_graph(network, 3, [build_cnn(network, 3).get_weights()])
    classifier = FrameClassifier(
        ["lunge", "plank", "squat"], "pad", 10.0, "", {}, 1.0, 1.0, [], {}, 1000,
        frame_graph(to_tflite(whole), network, 1, 3), network, [[0, 1]],
    )  # fmt: skip
    save_classifier(classifier, folder)
