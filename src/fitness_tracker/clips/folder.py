"""Which clips a folder holds, and the exercise and the group of each."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from fitness_tracker.core.errors import UserError

VIDEO_SUFFIXES = (".mp4", ".mov", ".avi", ".mkv", ".webm")

NONE = "none"  # the label of what is no taught exercise: untaught exercises, and other activities


class ClipsError(UserError):
    """The folder of clips cannot be used as it is."""


@dataclass(frozen=True, order=True)
class Clip:
    """One file of one exercise. `name` is its path below the folder, without the ending: 'squat/day1/anna__3'."""

    name: str
    path: Path

    @property
    def exercise(self) -> str:
        return self.name.split("/")[0]


def find_clips(folder: Path, suffixes: tuple[str, ...] = VIDEO_SUFFIXES) -> list[Clip]:
    """All clips `<folder>/<exercise>/**/<clip><suffix>` (any case), sorted by name; hidden files do not count.

    Raises `ClipsError` if there is no such folder, no clip in it or in an exercise, if a clip lies in no exercise
    folder, and if two clips differ in their ending only.
    """
    if not folder.is_dir():
        raise ClipsError(f"{folder}: no such folder; it must hold <exercise>/<clip>{suffixes[0]}")
    clips: dict[str, Clip] = {}
    for path in sorted(folder.rglob("*")):
        below = path.relative_to(folder)
        if path.suffix.lower() not in suffixes or any(part.startswith(".") for part in below.parts) or path.is_dir():
            continue
        if len(below.parts) < 2:
            raise ClipsError(f"{path}: lies in no exercise folder; move it to {folder}/<exercise>/{path.name}")
        name = below.with_suffix("").as_posix()
        if os.fsencode(name).decode(errors="replace") != name:
            raise ClipsError(f"{os.fsencode(path)!r}: is no name in UTF-8; rename it")
        if name in clips:
            raise ClipsError(f"{path}: differs from {clips[name].path} in its ending only; rename one of them")
        clips[name] = Clip(name, path)
    if not clips:
        raise ClipsError(f"{folder}: holds no clip; put clips into {folder}/<exercise>/ ({', '.join(suffixes)})")
    shown = {clip.exercise for clip in clips.values()}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in shown and not path.name.startswith("."):
            raise ClipsError(
                f"{path}: holds no clip ({', '.join(suffixes)}; links are not followed); add some or remove it"
            )
    return sorted(clips.values())


def group_of(clip: Clip, pattern: str) -> str:
    """The clip's group: what the (group) of `pattern` matches in its file name; its own name if `pattern` is empty.

    Raises `ClipsError` if the pattern does not match.
    """
    if not pattern:
        return clip.name
    file = clip.name.split("/")[-1]
    match = re.search(pattern, file)
    if not match or not match[1]:
        raise ClipsError(
            f"{clip.name}: split.group {pattern!r} finds no group in '{file}'; rename it or change split.group"
        )
    return match[1]


def short_hash(text: str) -> str:
    """16 hex digits in place of a name, which may be a person's: it can be recognised, but not read."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
