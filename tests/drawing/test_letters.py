"""Names in any script are drawn, in the system's fonts if it has some, and never as boxes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from PIL import Image, ImageDraw

from fitness_tracker.drawing import letters
from fitness_tracker.drawing.letters import SHAPES, Face, draw_text, faces_of, font_files, own_face, spell, text_width
from fitness_tracker.drawing.overlay import Label, label_stamp
from fitness_tracker.drawing.strip import write_strip
from tests.drawing.examples import SHAPE, SQUAT, answer, classifier, saved

OWN = own_face(False)


@pytest.fixture
def fonts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder; the fonts that are put there are all that fontconfig finds."""
    if not shutil.which("fc-match"):
        pytest.skip("fontconfig is not installed")
    folder, settings = tmp_path / "fonts", tmp_path / "fonts.conf"
    folder.mkdir()
    settings.write_text(
        '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd"><fontconfig>'
        f"<dir>{folder}</dir><cachedir>{tmp_path / 'cache'}</cachedir></fontconfig>"
    )
    monkeypatch.setenv("FONTCONFIG_FILE", str(settings))
    letters.known_faces.cache_clear()
    yield folder
    letters.known_faces.cache_clear()


def make_font(path: Path, characters: str, ink: bool = True) -> Path:
    """A font in which each of the characters is a black square, or empty."""
    glyphs = {".notdef": TTGlyphPen(None).glyph()}
    for char in characters:
        pen = TTGlyphPen(None)
        if ink:
            pen.moveTo((100, 0))
            for corner in ((100, 800), (900, 800), (900, 0)):
                pen.lineTo(corner)
            pen.closePath()
        glyphs[f"u{ord(char):x}"] = pen.glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder(list(glyphs))
    font.setupCharacterMap({ord(char): f"u{ord(char):x}" for char in characters})
    font.setupGlyf(glyphs)
    font.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 100)))
    font.setupHorizontalHeader(ascent=900, descent=-200)
    font.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    font.setupOS2()
    font.setupPost()
    font.save(path)
    return path


def drawn(text: str, anchor: str = "ls", left: float = 0) -> np.ndarray:
    """(60, 400) uint8, 40 pixels high, black on white."""
    image = Image.new("L", (400, 60), 255)
    draw_text(ImageDraw.Draw(image), (left, 45), text, 0, 40, anchor=anchor)  # type: ignore[arg-type] - grey
    return np.asarray(image)


def test_without_a_font_for_them_names_are_romanised(fonts: Path) -> None:
    assert spell("深蹲_스쿼트_हिन्दी.mp4", False) == [(OWN, "ShenDun_SeuKwoTeu_hindi.mp4")]
    assert spell("Übung жим.mp4", False) == [(OWN, "Übung жим.mp4")]


def test_a_font_of_the_system_draws_what_ours_lacks(fonts: Path) -> None:
    face = Face(str(make_font(fonts / "han.ttf", "深蹲x")))
    assert spell("x 深蹲_트.mp4", False) == [(OWN, "x "), (face, "深蹲"), (OWN, "_Teu.mp4")]
    black = drawn("深") < 60
    assert black[20:44, 6:34].all()
    assert text_width("深蹲", 40) == 80
    for anchor, left in (("ms", 200), ("rs", 240)):
        assert (drawn("深蹲", anchor, left) == drawn("深蹲", "ls", 160)).all()
    assert (drawn("深", "mm") < 60).sum() == black.sum() / 2, "the left half is outside of the picture"


def test_as_few_fonts_as_possible_draw_a_name(fonts: Path) -> None:
    make_font(fonts / "a.ttf", "深")
    both = make_font(fonts / "b.ttf", "深蹲")
    assert {face.path for face, _ in spell("深蹲", False)} == {str(both)}
    assert [Path(face.path).name for face, has in faces_of(map(str, fonts.iterdir()), {*"深蹲"}) if has] == [
        "b.ttf",
        "a.ttf",
    ]


def test_without_fontconfig_the_folders_of_fonts_are_looked_through(
    fonts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    face = Face(str(make_font(fonts / "han.otf", "深")))
    saved(fonts, b"no font", "b.txt")
    assert font_files([str(fonts), "/nowhere"]) == [face.path]
    monkeypatch.setattr(letters.shutil, "which", lambda _: None)
    monkeypatch.setattr(letters, "font_files", lambda: font_files([str(fonts)]))
    assert spell("深", False) == [(face, "深")]


def test_marks_stay_with_their_letter(fonts: Path) -> None:
    """One font has the letter, none the mark."""
    make_font(fonts / "a.ttf", "ह")
    assert spell("हि", False) == [(OWN, "hi")]


def test_a_font_that_draws_nothing_or_is_none_is_passed_over(fonts: Path) -> None:
    """As fonts of coloured pictures do."""
    make_font(fonts / "a.ttf", "深", ink=False)
    saved(fonts, b"no font", "b.ttf")
    assert spell("深", False) == [(OWN, "Shen")]
    assert faces_of([str(fonts / "b.ttf")], {"深"}) == []


def test_where_letters_cannot_be_joined_scripts_that_need_it_are_romanised(fonts: Path) -> None:
    make_font(fonts / "a.ttf", "हिन्दी深")
    for text, read in (("تمرين", "tmryn"), ("תרגיל", "trgyl"), ("हिन्दी", "hindi")):
        assert spell(f"{text}.mp4", False, shapes=False) == [(OWN, f"{read}.mp4")]
    assert spell("深", False, shapes=False) == [(Face(str(fonts / "a.ttf")), "深")]


@pytest.mark.skipif(not SHAPES, reason="Pillow finds no FriBiDi")
def test_lines_run_from_right_to_left_and_letters_are_joined(fonts: Path) -> None:
    make_font(fonts / "a.ttf", "深")
    wide = text_width("ל", 40)
    assert (drawn("אל")[:, :wide] == drawn("ל")[:, :wide]).all(), "the second letter is on the left"
    assert text_width("تمرين", 40) < 0.9 * sum(text_width(letter, 40) for letter in "تمرين")
    assert spell("תרגיל 深", False) == [(OWN, "תרגיל Shen")]


def test_strip_and_overlay_show_names_so(fonts: Path, clip: Path, tmp_path: Path) -> None:
    """Boxes were drawn."""
    pictures = []
    for name in ("深蹲", "ShenDun"):
        named = saved(tmp_path, clip.read_bytes(), f"{name}.mp4")
        write_strip(named, answer(SQUAT), classifier(), tmp_path / "out.png")
        stamp = label_stamp(Label(name, "93% sure", "2", "reps"), (0, 0, 0), SHAPE)
        pictures.append(((tmp_path / "out.png").read_bytes(), stamp.colour.tobytes()))
    assert pictures[0] == pictures[1]
