"""Text in any script, without boxes in place of letters: in DejaVu Sans, which comes with us; what it lacks in fonts of
the system; what these lack in Latin letters."""

import os
import shutil
import subprocess
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache, lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from PIL import ImageDraw, ImageFont, features

from fitness_tracker.core.charmap import font_letters
from fitness_tracker.core.letters import INVISIBLE, own_font, own_letters, romanised

SHAPES = bool(features.check("raqm"))  # joins letters, and turns them from right to left; it needs the system's FriBiDi
INDIC = (range(0x900, 0x10A0), range(0x1780, 0x1800))  # scripts that need it, too: from Devanagari to Myanmar, Khmer

JOINER = "\u200d"
# Where fonts lie on Linux, macOS and Windows; looked through where there is no fontconfig
FONT_FOLDERS = (
    "/usr/share/fonts", "/usr/local/share/fonts", "~/.local/share/fonts", "~/.fonts",
    "/System/Library/Fonts", "/Library/Fonts", "~/Library/Fonts", "C:/Windows/Fonts",
)  # fmt: skip
FONT_SUFFIXES = (".ttf", ".otf", ".ttc")
FONTCONFIG_LINE = "%{file}\t%{index}\t%{charset}\n"


class Face(NamedTuple):
    """A font of a file."""

    path: str
    number: int = 0  # in a file of several


def own_face(bold: bool) -> Face:
    return Face(str(own_font(bold)))


@cache
def known_faces(bold: bool) -> dict[str, Face | None]:
    """Letters that were looked for to the font of the system that has them; None if there is none."""
    return {}


@lru_cache(maxsize=64)
def font(face: Face, size: int) -> ImageFont.FreeTypeFont:
    """A font of letters `size` pixels high."""
    return ImageFont.truetype(face.path, max(size, 1), face.number)


def text_width(text: str, size: int, bold: bool = False) -> int:
    """The width of a line of text in pixels."""
    return round(sum(font(face, size).getlength(piece) for face, piece in spell(text, bold)))


def draw_text(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    ink: tuple[int, int, int],
    size: int,
    bold: bool = False,
    anchor: str = "ls",
) -> None:
    """Draws a line of text; `anchor` is as Pillow's: 'l', 'm' or 'r', then 's' for the base line or 'm'."""
    left, line = place
    left -= {"l": 0.0, "m": 0.5, "r": 1.0}[anchor[0]] * text_width(text, size, bold)
    if anchor[1] == "m":
        ascent, descent = font(own_face(bold), size).getmetrics()
        line += (ascent - descent) / 2
    for face, piece in spell(text, bold):
        draw.text((left, line), piece, ink, font(face, size), "ls")
        left += font(face, size).getlength(piece)


def spell(text: str, bold: bool, shapes: bool = SHAPES) -> list[tuple[Face, str]]:
    """The text in pieces of one font each, from left to right; what no font has is romanised.

    A line with letters that run from right to left is one piece, or its order would be wrong. Without `shapes`
    letters that need it are romanised.
    """
    if not shapes:
        text = romanised(text, {char for char in text if not needs_shaping(char)})
    own, latin = own_face(bold), own_letters(bold) | INVISIBLE
    if any(map(runs_leftwards, text)):
        return [(own, romanised(text, latin))]
    parts = clusters(text)
    foreign = {char for part in parts if not latin.issuperset(part) for char in part} - INVISIBLE
    faces = known_faces(bold)
    if unknown := foreign - faces.keys():
        faces |= dict.fromkeys(unknown) | find_faces(unknown, bold)
    spelt = []
    for part in parts:
        possible = {own} if latin.issuperset(part) else {faces[char] for char in part if char not in INVISIBLE}
        face = possible.pop() if len(possible) == 1 else None
        spelt.append((face, part) if face else (own, romanised(part, latin - INVISIBLE)))
    return [(face, "".join(part for _, part in some)) for face, some in groupby(spelt, key=lambda piece: piece[0])]


def needs_shaping(char: str) -> bool:
    return char in INVISIBLE or runs_leftwards(char) or any(ord(char) in script for script in INDIC)


def runs_leftwards(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL")


def clusters(text: str) -> list[str]:
    """The text's letters, each with the marks that belong to it."""
    parts: list[str] = []
    for char in text:
        joins = char in INVISIBLE or unicodedata.category(char)[0] == "M" or "".join(parts[-1:]).endswith(JOINER)
        if joins and parts:
            parts[-1] += char
        else:
            parts.append(char)
    return parts


def find_faces(letters: set[str], bold: bool) -> dict[str, Face]:
    """Letter to the font of the system that draws it, for those that have one; as few fonts as possible."""
    found: dict[str, Face] = {}
    while letters:
        usable = ((face, has) for face, has in system_faces(letters, bold) if has and draws(face, min(has)))
        face, has = next(usable, (own_face(bold), set()))
        if not has:
            break
        found |= dict.fromkeys(has, face)
        letters = letters - has
    return found


def draws(face: Face, letter: str) -> bool:
    """Whether a font can be used, which is not so where letters are pictures in colours."""
    try:
        return font(face, 20).getmask(letter).getbbox() is not None
    except OSError:
        return False


def system_faces(letters: set[str], bold: bool) -> Iterator[tuple[Face, set[str]]]:
    """The system's fonts, and which of the letters each has; the best first, as fontconfig sees it."""
    if not shutil.which("fc-match"):
        yield from faces_of(font_files(), letters)
        return
    codes = " ".join(f"{ord(letter):x}" for letter in sorted(letters))
    command = ["fc-match", "-a", f"sans{':bold' * bold}:charset={codes}", "-f", FONTCONFIG_LINE]
    for line in subprocess.run(command, capture_output=True, check=False).stdout.decode(errors="replace").splitlines():
        path, number, charset = line.split("\t")
        spans = [(int(first, 16), int(last or first, 16)) for first, _, last in
                 (span.partition("-") for span in charset.split())]  # fmt: skip
        has = {letter for letter in letters if any(first <= ord(letter) <= last for first, last in spans)}
        yield Face(path, int(number) & 0xFFFF), has  # above are the variants of a variable font


def font_files(folders: Iterable[str] = FONT_FOLDERS) -> list[str]:
    below = (path for folder in folders for path in Path(os.path.expanduser(folder)).rglob("*"))  # noqa: PTH111 - without a home it stays as it is
    return [str(path) for path in below if path.suffix.lower() in FONT_SUFFIXES]


def faces_of(paths: Iterable[str], letters: set[str]) -> list[tuple[Face, set[str]]]:
    """Fonts of files, and which of the letters each has; those that have most of them first."""
    faces = []
    for path in sorted(paths):
        with suppress(ValueError, OSError):  # no font
            faces.append((Face(path), letters & font_letters(path)))
    return sorted(faces, key=lambda face: -len(face[1]))
