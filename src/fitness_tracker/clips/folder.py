"""Which clips a folder holds, and the exercise and the group of each."""

import hashlib
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fitness_tracker.clips.names import canonical, fold_case
from fitness_tracker.core.errors import UserError

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".3gp", ".avi", ".mkv", ".webm")

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
    folder, and as `clip_files` and `check_distinct` do.
    """
    if not folder.is_dir():
        raise ClipsError(f"{folder}: no such folder; it must hold <exercise>/<clip>{suffixes[0]}")
    clips = []
    for path in clip_files(folder, suffixes):
        below = path.relative_to(folder)
        if len(below.parts) < 2:
            raise ClipsError(f"{path}: lies in no exercise folder; move it to {folder}/<exercise>/{path.name}")
        name = below.with_suffix("").as_posix()
        if os.fsencode(name).decode(errors="replace") != name:
            raise ClipsError(f"{os.fsencode(path)!r}: is no name in UTF-8; rename it")
        clips.append(Clip(name, path))
    if not clips:
        raise ClipsError(f"{folder}: holds no clip; put clips into {folder}/<exercise>/ ({', '.join(suffixes)})")
    check_distinct(clips, folder)
    shown = {clip.exercise for clip in clips}
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name not in shown and not path.name.startswith("."):
            raise ClipsError(f"{path}: holds no clip ({', '.join(suffixes)}); add some or remove it")
    return sorted(clips)


def clip_files(folder: Path, suffixes: tuple[str, ...]) -> Iterator[Path]:
    """The files with these suffixes, in any depth, also links to files; without hidden ones.

    Raises `ClipsError` for a link to a folder, and for a broken one that may have been to a folder.
    """
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.is_symlink() and path.is_dir():
            raise ClipsError(f"{path}: is a link to a folder, which is not followed; put the folder itself there")
        if path.suffix.lower() in suffixes and not path.is_dir():
            yield path
        elif path.is_symlink() and not path.exists():
            raise ClipsError(f"{path}: is a broken link; remove it, or put there what it stood for")


def check_distinct(clips: Iterable[Clip], folder: Path) -> None:
    """Raises `ClipsError` for clips of `folder` that cannot be told apart, here or on the disk of another computer.

    Such are two exercises that are read as one, and clips whose names differ in ending, case or Unicode form only.
    """
    exercises: dict[str, str] = {}
    names: dict[str, Clip] = {}
    for clip in clips:
        exercise = exercises.setdefault(canonical(clip.exercise), clip.exercise)
        if exercise != clip.exercise:
            raise ClipsError(
                f"{folder / clip.exercise}: reads the same as {folder / exercise}; "
                "put all clips of an exercise into one folder, or rename one of the two"
            )
        same = names.setdefault(fold_case(clip.name), clip)
        if same is not clip:
            difference = "ending" if same.name == clip.name else "case or Unicode form"
            raise ClipsError(f"{clip.path}: differs from {same.path} in its {difference} only; rename one of them")


def group_of(clip: Clip, pattern: str) -> str:
    """The clip's group: what the (group) of `pattern` matches in its file name; its own name if `pattern` is empty.

    In lower case and composed (`fold_case`), so that 'Anna' and 'anna' are one person. Raises `ClipsError` if the
    pattern does not match.
    """
    return fold_case(written_group(clip, pattern))


def written_group(clip: Clip, pattern: str) -> str:
    """The group as the file name spells it. Raises `ClipsError` if the pattern does not match."""
    if not pattern:
        return clip.name
    file = clip.name.split("/")[-1]
    composed = unicodedata.normalize("NFC", file)  # or a decomposed accent would be no letter to the pattern
    match = re.search(pattern, composed, re.DOTALL)
    if not match or not match[1]:
        raise ClipsError(
            f"{clip.name}: split.group {pattern!r} finds no group in '{file}'; rename it or change split.group"
        )
    return match[1] if file == composed else unicodedata.normalize("NFD", match[1])


def find_groups(clips: Iterable[Clip], pattern: str, tell: Callable[[str], None]) -> dict[str, str]:
    """Clip name to `group_of`; `tell` is called with a line for each group that is spelled in several ways.

    Raises `ClipsError` if the pattern does not match.
    """
    groups, spellings = {}, defaultdict(set)
    for clip in clips:
        groups[clip.name] = group_of(clip, pattern)
        spellings[groups[clip.name]].add(written_group(clip, pattern))
    for group, written in sorted(spellings.items()):
        if len(written) > 1:
            names = ", ".join(f"'{name}'" for name in sorted(written))
            tell(f"{names}: differ in case or Unicode form only, and count as one group, '{group}'")
    return groups


def short_hash(text: str) -> str:
    """16 hex digits in place of a name, which may be a person's: it can be recognised, but not read."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
