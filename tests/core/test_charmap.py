"""Which characters a font has is what FreeType says, by matplotlib."""

from pathlib import Path

import matplotlib
import numpy as np
import pytest
from fontTools.ttLib import TTCollection, TTFont
from matplotlib.ft2font import FT2Font

from fitness_tracker.core.charmap import font_letters
from fitness_tracker.core.letters import own_font

FONTS = sorted((Path(matplotlib.get_data_path()) / "fonts/ttf").glob("*.ttf"))
MUTATIONS = 100


@pytest.mark.parametrize("path", FONTS, ids=lambda path: path.stem)
def test_letters_are_those_of_freetype(path: Path) -> None:
    expected = frozenset(map(chr, FT2Font(path).get_charmap()))
    assert font_letters(path) == (expected if "LastResort" not in path.name else frozenset()), "it draws no letters"


def test_of_a_collection_the_first_font_counts(tmp_path: Path) -> None:
    collection, path = TTCollection(), tmp_path / "two.ttc"
    collection.fonts = [TTFont(FONTS[0]), TTFont(FONTS[-1])]
    collection.save(path)
    assert font_letters(path) == font_letters(FONTS[0])


def test_a_damaged_font_is_refused_or_read(tmp_path: Path) -> None:
    path, random, refused = tmp_path / "font.ttf", np.random.default_rng(0), 0
    font = TTFont(own_font(False))
    header = 12 + 16 * len(font.keys())
    whole = own_font(False).read_bytes()
    cmap = font.reader.tables["cmap"]
    for _ in range(MUTATIONS):
        data = bytearray(whole[: cmap.offset + cmap.length])
        start, end = ((0, header), (cmap.offset, cmap.offset + 400))[random.integers(2)]
        for place in random.integers(start, end, 3):
            data[place] = random.integers(256)
        path.write_bytes(data[: random.integers(1, len(data))] if random.random() < 0.2 else data)
        try:
            font_letters(path)
        except ValueError:
            refused += 1
    assert MUTATIONS // 10 < refused < MUTATIONS
    for nothing in (b"", b"no font", b"ttcf"):
        path.write_bytes(nothing)
        with pytest.raises(ValueError, match="is no font"):
            font_letters(path)
