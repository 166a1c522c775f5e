"""A pose classifier that was taught on four of the six drawn people, for a moment; `conftest.taught` is its bundle."""

import dataclasses
from functools import partial
from pathlib import Path

from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.blazepose.tracker import find_landmarks
from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.params import load_params
from fitness_tracker.models.bundle import save_classifier
from fitness_tracker.models.classifier import ClipUsage
from fitness_tracker.models.pose.training import fit
from fitness_tracker.models.tensorflow_setup import make_deterministic
from fitness_tracker.models.training import TrainingData
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from fitness_tracker.video.ffmpeg import resize_video
from fitness_tracker.video.frames import extract_frames
from tests.conftest import ROOT

OUTPUT_VERSION = 1  # of `whole_chain`


def whole_chain(clip: bytes, detector: bytes, landmarker: bytes) -> bytes:
    return find_landmarks(extract_frames(resize_video(clip, "pad"), 10, 90), detector, landmarker)


def teach(drawn: Path, networks_folder: Path, scratch: Path) -> Path:
    """The folder of the bundle, in `scratch`."""
    look = partial(whole_chain, **read_networks(networks_folder))
    process_clips(
        look, find_clips(drawn / "videos"), scratch / "landmarks", ".npz", "chain", ResultCache(cache_folder())
    )
    clips = find_clips(scratch / "landmarks", (".npz",))
    usage = {}
    for clip in clips:
        person = clip.name.split("/")[1][:8]
        usage[clip.name] = ClipUsage({"person01": 0, "person02": 1}.get(person, 2), person, "")
    make_deterministic(0)
    params = load_params(ROOT / "params.yaml")
    clips = [clip for clip in clips if "person01" not in clip.name]  # nobody knows
    params = dataclasses.replace(params, pose=dataclasses.replace(params.pose, members=1))
    done = fit(TrainingData(clips, {clip.name: clip.path for clip in clips}, usage, networks_folder), params)
    save_classifier(done.classifier, scratch / "classifier")
    return scratch / "classifier"
