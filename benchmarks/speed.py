"""How long training takes from landmarks, and how long a clip takes from file to answer on one core.

Reads params.yaml, FRAMES and LANDMARKS, the outs of those stages, and a CLIP; prints a Markdown table. The
clip is answered twice, the model loaded, and the second time counts; its seconds are given beside.
"""

import argparse
import os
import time
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.errors import exit_with_message
from fitness_tracker.learning import split_and_hash_clips
from fitness_tracker.params import load_params
from fitness_tracker.pose.training import fit
from fitness_tracker.prediction.answers import predict_clip
from fitness_tracker.tensorflow_setup import make_deterministic
from fitness_tracker.video.ffmpeg import read_frames


def quiet(*_: object) -> None:
    """No line an epoch."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("frames", type=Path)
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--networks", type=Path, default=Path("pretrained/models"))
    args = parser.parse_args()
    with exit_with_message("speed"):
        params = load_params()
        make_deterministic(params.train.seed)
        clips = find_clips(args.frames, (".zip",))
        cores = len(os.sched_getaffinity(0))
        start = time.perf_counter()
        usage = split_and_hash_clips(clips, params.split)
        classifier = fit(clips, usage, args.landmarks, args.networks, params, on_epoch=quiet).classifier
        training = time.perf_counter() - start

        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        frames = read_frames(args.clip.read_bytes(), classifier.fps, classifier.fit)
        seconds = sum(1 for _ in frames) / classifier.fps
        for _ in range(2):
            start = time.perf_counter()
            predict_clip(args.clip, classifier)
            answer = time.perf_counter() - start
    print("| what | seconds |\n| --- | --- |")
    print(f"| training from the landmarks of {len(clips)} clips, {cores} cores | {training:.0f} |")
    print(f"| a clip of {seconds:.1f} s from file to answer, one core | {answer:.2f} |")


if __name__ == "__main__":
    main()
