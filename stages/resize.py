"""Reads labelled clips from IN, writes each as 640x480 MP4 to OUT, folders kept.

With CORPUS, IN holds all clips, and names from which `train` could not learn are refused before any clip is worked on.
"""

import argparse
from functools import partial
from pathlib import Path

from fitness_tracker.clips.folder import find_clips, find_groups
from fitness_tracker.core.errors import printable
from fitness_tracker.core.stage import run_stage
from fitness_tracker.corpus.check import check_names
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from fitness_tracker.video.ffmpeg import resize_video


def main() -> None:
    parser = argparse.ArgumentParser(prog="resize", description=__doc__)
    parser.add_argument("videos", type=Path, metavar="IN")
    parser.add_argument("resized", type=Path, metavar="OUT")
    parser.add_argument("corpus", type=Path, metavar="CORPUS", nargs="?")
    args = parser.parse_args()
    with run_stage("resize") as params:
        clips, cache = find_clips(args.videos), ResultCache(cache_folder(), params.cache_gb)
        groups = find_groups(clips, params.split.group, tell)
        if args.corpus:
            poses = params.train.model == "pose"
            corpus = args.corpus if poses and params.corpus else None
            check_names(groups, params.exercises if poses else [], corpus, tell, groups_needed=2 if poses else 3)
        resize = partial(resize_video, fit=params.resize.fit, limits=params.limits)
        process_clips(resize, clips, args.resized, ".mp4", "resize", cache, skip=params.bad_clips == "skip")


def tell(line: str) -> None:
    print(f"resize: {printable(line)}", flush=True)


if __name__ == "__main__":
    main()
