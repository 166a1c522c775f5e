"""Reads frames from IN and the pose networks from NETWORKS, writes the person's landmarks in each clip to OUT."""

import argparse
from functools import partial
from pathlib import Path

from fitness_tracker.clips import find_clips
from fitness_tracker.errors import told_plainly
from fitness_tracker.landmarks import find_landmarks, read_landmarks, read_networks
from fitness_tracker.mapping import map_clips


def main() -> None:
    parser = argparse.ArgumentParser(prog="landmarks", description=__doc__)
    parser.add_argument("frames", type=Path, metavar="IN")
    parser.add_argument("networks", type=Path)
    parser.add_argument("landmarks", type=Path, metavar="OUT")
    args = parser.parse_args()
    with told_plainly("landmarks"):
        clips = find_clips(args.frames, (".zip",))
        find = partial(find_landmarks, **read_networks(args.networks))
        new = map_clips(find, clips, args.landmarks, ".npz", "landmarks")
        found = [read_landmarks(clip.path).found for clip in find_clips(args.landmarks, (".npz",))]
        share = sum(one.sum() for one in found) / sum(map(len, found))
        print(f"landmarks: {len(clips)} clips, {new} of them new; a person is found in {share:.1%} of the frames")


if __name__ == "__main__":
    main()
