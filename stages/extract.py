"""Reads resized clips from IN, writes the frames of each as a zip of JPEGs to OUT, folders kept."""

import argparse
from functools import partial
from pathlib import Path

from fitness_tracker.clips import find_clips
from fitness_tracker.errors import told_plainly
from fitness_tracker.frames import extract_frames
from fitness_tracker.mapping import map_clips
from fitness_tracker.params import load_params


def main() -> None:
    parser = argparse.ArgumentParser(prog="extract", description=__doc__)
    parser.add_argument("resized", type=Path, metavar="IN")
    parser.add_argument("frames", type=Path, metavar="OUT")
    args = parser.parse_args()
    with told_plainly("extract"):
        params = load_params()
        cut = partial(extract_frames, fps=params.extract.fps, quality=params.extract.quality, limits=params.limits)
        skip = params.bad_clips == "skip"
        map_clips(cut, find_clips(args.resized), args.frames, ".zip", "extract", skip, params.memo_gb)


if __name__ == "__main__":
    main()
