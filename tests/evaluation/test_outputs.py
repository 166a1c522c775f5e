import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest
import yaml

from fitness_tracker.clips.folder import Clip
from fitness_tracker.evaluation.outputs import exercises_page, write_outputs
from fitness_tracker.evaluation.scored_clips import ScoredClip
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.video.frames import encode_jpeg
from tests.evaluation.scored import CORPUS, OWN, evaluation_of, scored
from tests.projects import ROOT, digests


@pytest.fixture
def own(tmp_path: Path) -> list[ScoredClip]:
    """`OWN` with a frame each."""
    path = tmp_path / "frames.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("00000.000.jpg", encode_jpeg(np.zeros((48, 64, 3), np.uint8), 90))
    return [dataclasses.replace(one, clip=Clip(one.clip.name, path)) for one in OWN]


@pytest.mark.parametrize(
    "corpus",
    [CORPUS, CORPUS[:4], CORPUS[4:], CORPUS[3:4], []],
    ids=["corpus", "nothing untaught", "nothing taught", "nothing whole", "no corpus"],
)
def test_all_outs_of_the_stage_are_written_and_are_the_same_bytes_each_time(
    pose: Classifier,
    own: list[ScoredClip],
    corpus: list[ScoredClip],
    tmp_path: Path,
) -> None:
    evaluation = evaluation_of(pose, corpus, own)
    for place in ("one", "other"):
        write_outputs(evaluation, tmp_path / place / "metrics", tmp_path / place / "plots")
    stage = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]["evaluate"]
    declared = [*stage["outs"], *(name for entry in (*stage["metrics"], *stage["plots"]) for name in entry)]
    written = digests(tmp_path / "one")
    assert sorted(written) == sorted(declared)
    assert written == digests(tmp_path / "other")


def test_the_page_of_exercises_shows_what_is_taken_for_what() -> None:
    page = exercises_page([one for one in CORPUS if one.clear], {"lunge": "step", "squat": "bend"})
    lines = page.splitlines()
    lunge = "| step | lunge (also side lunge) | weak | 0.67 | 0.00 to 1.00 | 2 | 2 | none 1 |"
    assert lines.index(lunge) == 1 + next(
        n for n, line in enumerate(lines) if line.startswith("| bend | squat | weak |")
    )
    assert "| nobody exercises | 1 | lunge 1 |" in lines
    assert lines[-1] == "Not one clip got a name of: crawl 1."
    assert "\n\n\n" not in page


def test_where_the_corpus_shows_nothing_taught_the_page_has_its_untaught_clips() -> None:
    page = exercises_page([*CORPUS[4:], scored("none/walk/7", "g", (0, 0, 1))], {})
    assert "The corpus shows no taught exercise" in page
    assert "| F1 |" not in page
    assert page.endswith("\nNot one clip got a name of: crawl 1, walk 1.\n")


def test_without_a_corpus_the_page_says_so() -> None:
    assert "The classifier was not trained on the corpus" in exercises_page([], {})


def test_the_summary_is_a_line_for_own_clips_and_one_for_the_corpus(pose: Classifier) -> None:
    own, corpus = evaluation_of(pose, CORPUS).summary()
    assert own == "accuracy 0.750, F1 0.733 on 4 clips of 2 groups, by members that never saw the group"
    assert corpus == "real people: accuracy 0.667, F1 0.833"
    assert evaluation_of(pose, CORPUS[4:]).summary() == [own]
