from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from fitness_tracker.evaluation.charts import draw_confusion, draw_mistakes, shorten
from tests.evaluation.scored import scored

TABLE = pd.DataFrame({"actual": ["squat", "squat", "lunge"], "predicted": ["squat", "lunge", "lunge"]})
MISTAKES = [scored(f"squat/{name}__1", name, (0.9, 0.1, 0.0)) for name in ("anna", "bob", "a$1_2_$x")]


def test_the_shade_of_the_confusion_matrix_is_the_share_of_its_row(tmp_path: Path) -> None:
    for name in ("one.png", "two.png"):
        draw_confusion(TABLE, ["lunge", "squat"], tmp_path / name)
    picture = cv2.imread(str(tmp_path / "one.png"))
    assert min(picture.shape[:2]) > 200
    blues = {tuple(int(value) for value in colour) for colour in picture.reshape(-1, 3)}
    assert (107, 48, 8) in blues  # all of a row: the darkest of the scale, as BGR
    assert (255, 251, 247) in blues  # none of a row: the palest
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


def test_the_contact_sheet_shows_every_frame(tmp_path: Path) -> None:
    frames = [np.full((480, 640, 3), paint, np.uint8) for paint in ((250, 10, 10), (10, 250, 10), (10, 10, 250))]
    draw_mistakes(MISTAKES, frames, tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))[..., ::-1].reshape(-1, 3)
    for paint in ((250, 10, 10), (10, 250, 10), (10, 10, 250)):
        assert (picture == paint).all(axis=1).sum() > 10_000


def test_a_contact_sheet_of_no_mistakes_is_a_picture_too(tmp_path: Path) -> None:
    draw_mistakes([], [], tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None


def test_long_names_keep_both_ends() -> None:
    short = shorten("squat/" + "x" * 100 + "/end__1")
    assert len(short) == 44
    assert short.startswith("squat/")
    assert short.endswith("/end__1")


def test_a_dollar_in_a_name_is_no_formula(tmp_path: Path) -> None:
    table = TABLE.replace({"squat": "$x_y_z$"})
    draw_confusion(table, ["$x_y_z$", "lunge"], tmp_path / "confusion.png")
    draw_mistakes(MISTAKES, [np.zeros((48, 64, 3), np.uint8)] * 3, tmp_path / "sheet.png")
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
