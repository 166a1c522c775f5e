"""`predict_clip` in programs of others: a web service with threads, a notebook in which one trains anew."""

import os
import shutil
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fitness_tracker.core.errors import UserError
from fitness_tracker.prediction.predict import LOADED, predict_clip

pytestmark = pytest.mark.slow


def test_four_threads_get_the_same_answer_and_the_process_stays_as_it_was(
    taught: Path, drawn: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Before, all later warnings of the program became errors, and its stderr was lost."""
    clip = drawn / "videos/squat/person01__1.mp4"
    LOADED.clear()
    filters, stderr = list(warnings.filters), os.fstat(2)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: predict_clip(clip, taught), range(4)))
    assert len({(answer.exercise, answer.confidence) for answer in answers}) == 1
    assert len(LOADED) == 1
    assert warnings.filters == filters
    assert (os.fstat(2).st_dev, os.fstat(2).st_ino) == (stderr.st_dev, stderr.st_ino)
    print("for stderr", file=sys.stderr, flush=True)
    assert capfd.readouterr().err.endswith("for stderr\n")


def test_a_folder_that_holds_another_classifier_is_read_again(taught: Path, drawn: Path, tmp_path: Path) -> None:
    clip, folder = drawn / "videos/squat/person01__1.mp4", tmp_path / "classifier"
    shutil.copytree(taught, folder)
    first = predict_clip(clip, str(folder))
    assert predict_clip(clip, folder).exercise == first.exercise
    (folder / "classifier.json").write_text("{}")
    with pytest.raises(UserError, match="format 1"):
        predict_clip(clip, folder)
