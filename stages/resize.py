"""Reads labelled clips from IN, writes each as 640x480 MP4 to OUT, folders kept."""

import argparse
from functools import partial
from pathlib import Path

from fitness_tracker.clips.folder import find_clips
from fitness_tracker.core.stage import run_stage
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from fitness_tracker.video.ffmpeg import resize_video


def main() -> None:
    parser = argparse.ArgumentParser(prog="resize", description=__doc__)
    parser.add_argument("videos", type=Path, metavar="IN")
    parser.add_argument("resized", type=Path, metavar="OUT")
    args = parser.parse_args()
    with run_stage("resize") as params:
        resize = partial(resize_video, fit=params.resize.fit, limits=params.limits)
        clips, cache = find_clips(args.videos), ResultCache(cache_folder(), params.cache_gb)
        process_clips(resize, clips, args.resized, ".mp4", "resize", cache, skip=params.bad_clips == "skip")


if __name__ == "__main__":
    main()
