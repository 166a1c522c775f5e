"""Finds clips that are the same recording, even if cut, coded anew or mirrored."""

import itertools
from collections.abc import Iterator

import cv2
import numpy as np

from fitness_tracker.audit.findings import Finding
from fitness_tracker.audit.fingerprints import STILL_LEVELS, Fingerprint, exercise_of

HASH_SIDE = 8  # a difference hash of 8x8 bits, after N. Krawetz (2013), "Kind of Like That"
SIMILAR_BITS = 14  # of 64: clips whose hashes differ by at most this are compared frame by frame
SAME_PICTURE_LEVELS = 6.0  # grey levels: the largest mean difference between frames of two copies
SAME_MOVEMENT = 0.8  # correlation of what moves: from here on two clips in one place count as copies


def find_copies(fingerprints: dict[str, Fingerprint], groups: dict[str, str]) -> Iterator[Finding]:
    """Copies that lie in two groups or under two exercises."""
    names = sorted(fingerprints)
    hashes = {name: np.packbits(difference_hashes(fingerprints[name].small), axis=1) for name in names}
    for pair in itertools.combinations(names, 2):
        crossed = exercise_of(pair[0]) != exercise_of(pair[1])
        if not crossed and groups[pair[0]] == groups[pair[1]]:
            continue
        short, long = sorted(pair, key=lambda name: len(hashes[name]))
        frames = fingerprints[short].small
        if any(is_copy(version, fingerprints[long].small, hashes[long]) for version in (frames, frames[:, :, ::-1])):
            where = "under two exercises" if crossed else "in two groups"
            harm = "one of the labels is wrong" if crossed else "training may see what is tested"
            yield Finding("copy", pair, f"the same video {where}: {harm}; remove a copy, or correct its name")


def is_copy(short: np.ndarray, long: np.ndarray, long_hashes: np.ndarray) -> bool:
    """`same_video`, but compares frames only if a frame of `long` has nearly the hash of the middle one of `short`."""
    middle = len(short) // 2
    middle_hash = np.packbits(difference_hashes(short[middle : middle + 1]), axis=1)
    near = np.bitwise_count(long_hashes ^ middle_hash).sum(axis=1).min() <= SIMILAR_BITS
    return bool(near) and same_video(short, long)


def difference_hashes(small: np.ndarray) -> np.ndarray:
    """(T, 24, 32) uint8 grey frames to (T, 64) bool: is each of 8x9 cells brighter than the one to its left?"""
    shrunk = [cv2.resize(frame, (HASH_SIDE + 1, HASH_SIDE), interpolation=cv2.INTER_AREA) for frame in small]
    grey = np.stack(shrunk).astype(int)
    return (grey[:, :, 1:] > grey[:, :, :-1]).reshape(len(grey), -1)


def same_video(short: np.ndarray, long: np.ndarray) -> bool:
    """Do (S, 24, 32) uint8 frames come from the same recording as (L, 24, 32), S <= L, at some shift?

    Clips from one place look alike: what moves must also move alike, if anything moves.
    """
    short, long = short.astype(np.float32), long.astype(np.float32)
    moving = short - short.mean(axis=0)
    for shift in range(len(long) - len(short) + 1):
        part = long[shift : shift + len(short)]
        if np.abs(part - short).mean() > SAME_PICTURE_LEVELS:
            continue
        other = part - part.mean(axis=0)
        energy = np.sqrt((moving**2).sum() * (other**2).sum())
        if min(np.abs(moving).max(), np.abs(other).max()) < STILL_LEVELS:
            if np.abs(part - short).max() < 4 * STILL_LEVELS:
                return True
        elif (moving * other).sum() / energy > SAME_MOVEMENT:
            return True
    return False
