import dataclasses
from pathlib import Path

import pytest
import yaml

from fitness_tracker.core.params import Params, load_params
from fitness_tracker.evaluation import intervals
from fitness_tracker.evaluation import scores as evaluation
from fitness_tracker.evaluation.corpus_scores import People, people_scores
from fitness_tracker.evaluation.model_card import model_card, table, write_model_card
from fitness_tracker.models.bundle import read_checksum, save_classifier
from fitness_tracker.models.classifier import Classifier
from tests.evaluation.test_corpus_scores import CLEAR, EXERCISES, PEOPLE, scored
from tests.models.test_bundle import frame_classifier, pose_classifier
from tests.projects import ROOT

CHECKSUM = "ab" * 32
OWN = [
    scored("lunge/anna__1", "anna", 0.9, 0.1, 0.0),
    scored("lunge/bob__1", "bob", 0.2, 0.8, 0.0),  # taken for a squat
    scored("squat/anna__2", "anna", 0.2, 0.8, 0.0),
    scored("squat/bob__2", "bob", 0.3, 0.6, 0.1),
]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intervals, "RESAMPLES", 100)


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(ROOT / "params.yaml")


@pytest.fixture(scope="module")
def pose() -> Classifier:
    return pose_classifier({})


def card_of(classifier: Classifier, params: Params, people: People, own: list = OWN) -> str:
    result = evaluation.scores(own, EXERCISES) | people.scores
    return model_card(classifier, CHECKSUM, own, people, result, params)


def of_people(number: int = len(PEOPLE)) -> People:
    return People(PEOPLE[:number], CLEAR[:number], people_scores(PEOPLE[:number], CLEAR[:number], EXERCISES))


def test_the_card_has_what_was_measured(pose: Classifier, params: Params) -> None:
    people = of_people()
    card = card_of(pose, params, people)
    assert "| scored: clips of `videos` | 4 | 2 | 2 | 2 |" in card
    assert "| scored: the corpus, all of a taught exercise to be seen | 3 | 3 | 3 | 1 |" in card
    assert "| scored: the corpus, partly to be seen | 1 | 1 | 1 | 1 |" in card
    assert "| scored: the corpus, nothing that is taught | 2 | 2 | 2 | 1 |" in card
    assert "| clips of `videos` | accuracy | 0.750 |" in card
    low, high = people.scores["people_f1_low"], people.scores["people_f1_high"]
    assert f"| real people of the corpus | macro F1 | 0.833 | {low:.3f} to {high:.3f} |" in card
    assert "| lunge | 0.67 | 0.00 to 1.00 | 2 | 2 |" in card.split("## Exercises: clips of `videos`")[1]
    assert "| real people of the corpus | 2 | 1 | 1 of 3 |" in card  # the open set
    assert f"| AUROC, taught against untaught | {people.scores['people_auroc']:.3f} |" in card
    assert "- clips of `videos`, taken most often: lunge for squat 1." in card
    assert f"| checksum | `{CHECKSUM}` |" in card


def test_every_heading_stands_once_and_in_order(pose: Classifier, params: Params) -> None:
    headings = [line for line in card_of(pose, params, of_people()).splitlines() if line.startswith("#")]
    assert headings == [
        "# Model card", "## Model", "## Data and groups", "## Scores", "## Exercises: clips of `videos`",
        "## Exercises: real people of the corpus", "## Open set", "## Calibration: clips of `videos`",
        "## Calibration: real people of the corpus", "## Limits", "## How to reproduce",
    ]  # fmt: skip


def test_calibration_shows_confidence_beside_right_answers(pose: Classifier, params: Params) -> None:
    card = card_of(pose, params, People())
    rows = card.split("## Calibration")[1].split("## Limits")[0]
    assert "| 0.60 | 1.00 | 1 |" in rows
    assert "| 0.80 | 0.50 | 2 |" in rows
    assert f"error: {evaluation.scores(OWN, EXERCISES)['ece']:.3f}." in rows


def test_without_a_corpus_nothing_is_said_of_real_people(pose: Classifier, params: Params) -> None:
    card = card_of(pose, params, People())
    assert "| real people" not in card
    assert "Not measured: no scored clip shows anything but taught exercises." in card
    assert "Not measured here: the real people of the corpus" in card


def test_a_corpus_of_taught_exercises_has_no_open_set(pose: Classifier, params: Params) -> None:
    card = card_of(pose, params, of_people(4))
    assert "Not measured: no scored clip shows anything but taught exercises." in card
    assert "AUROC" not in card
    assert "## Calibration: real people of the corpus" in card


def test_clips_of_which_none_is_taught_have_no_exercises(pose: Classifier, params: Params) -> None:
    own = [scored("none/anna__1", "anna", 0.1, 0.2, 0.7), scored("none/bob__1", "bob", 0.9, 0.1, 0.0)]
    card = card_of(pose, params, People(), own)
    assert "| clips of `videos` | 2 | 1 | 0 of 0 |" in card


def test_a_frame_network_has_a_card_with_its_own_parameters(pose: Classifier, params: Params) -> None:
    known = frame_classifier()
    card = card_of(known, dataclasses.replace(params, train=dataclasses.replace(params.train, model="cnn")), People())
    assert "| kind | cnn |" in card
    assert f"of {known.networks[0].count_params():,} parameters each" in card
    assert "frame_augmentation" in in_force(card)
    assert "pose" not in in_force(card)
    assert "pose" in in_force(card_of(pose, params, People()))


def in_force(card: str) -> dict:
    return yaml.safe_load(card.split("```yaml\n")[1].split("```")[0])


def test_the_parameters_are_those_of_params_yaml(pose: Classifier, params: Params) -> None:
    found = in_force(card_of(pose, params, People()))
    everything = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert found == {name: everything[name] for name in found}
    assert everything.keys() - found.keys() == {
        "videos", "bad_clips", "cache_gb", "limits", "cnn", "frame_augmentation"
    }  # fmt: skip


def test_the_card_names_no_one(pose: Classifier, params: Params) -> None:
    card = card_of(pose, params, of_people())
    for clip in [*OWN, *PEOPLE]:
        assert clip.clip.name not in card
    assert "anna" not in card


def test_the_same_input_gives_the_same_bytes(
    networks: dict[str, bytes], params: Params, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, people = pose_classifier(networks), of_people()
    save_classifier(known, tmp_path / "bundle")
    result = evaluation.scores(OWN, EXERCISES) | people.scores
    for place in ("one", "other"):
        write_model_card(tmp_path / place, tmp_path / "bundle", known, OWN, people, result, params)
        monkeypatch.chdir(tmp_path / place)  # where it is written does not matter
    one, other = ((tmp_path / place / "model_card.md").read_text() for place in ("one", "other"))
    assert one == other
    assert read_checksum(tmp_path / "bundle") in one
    assert str(tmp_path) not in one


def test_a_cell_does_not_split_a_table() -> None:
    assert table(("a", "b"), [("x|y", "z\nw")]) == ["| a | b |", "| --- | --- |", "| x\\|y | z w |"]
