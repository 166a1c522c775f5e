"""Reads frames from IN and the pose networks from NETWORKS, writes the person's landmarks in each clip to OUT.

Writes to METRICS/rejected.csv which clips were set aside on the way here, by which stage, and why.
"""

import argparse
from functools import partial
from pathlib import Path

from fitness_tracker.blazepose.landmarks import read_landmarks
from fitness_tracker.blazepose.networks import read_networks
from fitness_tracker.blazepose.tracker import find_landmarks
from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.errors import quiet_native_stderr
from fitness_tracker.core.stage import run_stage
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.rejected import write_rejected
from fitness_tracker.processing.result_cache import ResultCache, cache_folder


def main() -> None:
    parser = argparse.ArgumentParser(prog="landmarks", description=__doc__)
    parser.add_argument("frames", type=Path, metavar="IN")
    parser.add_argument("networks", type=Path)
    parser.add_argument("landmarks", type=Path, metavar="OUT")
    parser.add_argument("metrics", type=Path)
    args = parser.parse_args()
    with run_stage("landmarks") as params:
        with quiet_native_stderr():  # LiteRT reports its first delegate
            find = partial(find_landmarks, **read_networks(args.networks))
        clips, cache = find_clips(args.frames, (".zip",)), ResultCache(cache_folder(), params.cache_gb)
        skip = params.bad_clips == "skip"
        rejected = process_clips(find, clips, args.landmarks, ".npz", "landmarks", cache, skip)
        write_rejected(args.metrics / "rejected.csv", rejected)
        found = [read_landmarks(clip.path).found for clip in find_clips(args.landmarks, (".npz",))]
        share = sum(frames.sum() for frames in found) / sum(map(len, found))
        print(f"landmarks: a person is found in {share:.1%} of the frames; {len(rejected)} clips set aside in all")


if __name__ == "__main__":
    main()
