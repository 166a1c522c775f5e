"""Names as pictures show them."""

import unicodedata
from pathlib import Path

import matplotlib
import pytest

from fitness_tracker.core.letters import on_one_line, own_font, romanised


def test_a_name_is_one_line_of_composed_letters() -> None:
    assert on_one_line("a\nb\tc\udcff.mp4") == "a b c .mp4"
    assert on_one_line(unicodedata.normalize("NFD", "스쿼트 é")) == "스쿼트 é"
    assert on_one_line("\u202eabc\u200e") == "abc"
    assert on_one_line("क्\u200dष 🏋🏽") == "क्\u200dष 🏋"


def test_what_cannot_be_drawn_is_romanised() -> None:
    ascii_letters = set(map(chr, range(128)))
    assert romanised("深蹲_스쿼트_हिन्दी.mp4", ascii_letters) == "ShenDun_SeuKwoTeu_hindi.mp4"
    assert romanised("תרגיל é", {*ascii_letters, "é"}) == "trgyl é"
    assert romanised("🏋\ufe0f \ue000", ascii_letters) == ":person_lifting_weights: ?"


@pytest.mark.parametrize("bold", [False, True])
def test_our_font_is_that_of_the_charts(bold: bool) -> None:
    """Charts draw with matplotlib's, and romanise what ours lacks."""
    theirs = Path(matplotlib.get_data_path()) / "fonts/ttf" / own_font(bold).name
    assert own_font(bold).read_bytes() == theirs.read_bytes()
