"""Reads resized clips from IN, writes the frames of each as a zip of JPEGs to OUT, folders kept."""

import argparse
from functools import partial
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.stage import run_stage
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from fitness_tracker.video.frames import extract_frames


def main() -> None:
    parser = argparse.ArgumentParser(prog="extract", description=__doc__)
    parser.add_argument("resized", type=Path, metavar="IN")
    parser.add_argument("frames", type=Path, metavar="OUT")
    args = parser.parse_args()
    with run_stage("extract") as params:
        fps, quality = params.extract.fps, params.extract.jpeg_quality
        extract = partial(extract_frames, fps=fps, quality=quality, limits=params.limits)
        clips, cache = find_clips(args.resized), ResultCache(cache_folder(), params.cache_gb)
        process_clips(extract, clips, args.frames, ".zip", "extract", cache, skip=params.bad_clips == "skip")


if __name__ == "__main__":
    main()
