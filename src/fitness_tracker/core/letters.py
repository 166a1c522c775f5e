"""Names on one line, and in Latin letters where a picture has no others."""

import unicodedata
from collections.abc import Container
from functools import cache
from pathlib import Path

from anyascii import anyascii

from fitness_tracker.core.charmap import font_letters

# Zero-width joiner and non-joiner, and the selectors of text and emoji: they change the letters around, and are none
INVISIBLE = frozenset("\u200c\u200d\ufe0e\ufe0f")
SKIN_TONES = frozenset(map(chr, range(0x1F3FB, 0x1F400)))  # of emoji; alone, they would be boxes


def on_one_line(text: str) -> str:
    """The text in composed letters, with blanks in place of characters that cannot be drawn."""
    return unicodedata.normalize("NFC", "".join(map(drawable, text)))


def drawable(char: str) -> str:
    if char in SKIN_TONES or (unicodedata.category(char) == "Cf" and char not in INVISIBLE):
        return ""  # the others are signs of formatting, such as those of direction
    return char if char.isprintable() or char in INVISIBLE else " "


def own_font(bold: bool) -> Path:
    """DejaVu Sans, the font of all pictures: the files are copies of Matplotlib's."""
    return Path(__file__).parent / "dejavu" / f"DejaVuSans{'-Bold' * bold}.ttf"


@cache
def own_letters(bold: bool) -> frozenset[str]:
    """The characters that it has."""
    return font_letters(own_font(bold))


def romanised(text: str, letters: Container[str]) -> str:
    """The text with Latin letters in place of those that are not in `letters`: '深蹲.mp4' becomes 'ShenDun.mp4'."""
    return "".join(char if char in letters else latin(char) for char in text)


def latin(char: str) -> str:
    """A letter by letters of ASCII; '' for accents and the like, '?' for what has no reading."""
    return anyascii(char) or ("" if char in INVISIBLE or unicodedata.category(char)[0] == "M" else "?")
