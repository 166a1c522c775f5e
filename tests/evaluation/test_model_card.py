import dataclasses

import yaml

from fitness_tracker.evaluation.evaluation import Evaluation
from fitness_tracker.evaluation.model_card import model_card
from fitness_tracker.evaluation.scored_clips import ScoredClip
from fitness_tracker.evaluation.scores import corpus_scores, own_scores
from fitness_tracker.models.classifier import Classifier
from tests.evaluation.scored import CHECKSUM, CORPUS, EXERCISES, OWN, evaluation_of, scored
from tests.models.test_bundle import frame_classifier


def card_of(classifier: Classifier, corpus: list[ScoredClip], own: list[ScoredClip] = OWN) -> str:
    return model_card(evaluation_of(classifier, corpus, own))


def test_the_card_has_what_was_measured(pose: Classifier) -> None:
    card, scores = card_of(pose, CORPUS), corpus_scores(CORPUS, EXERCISES)
    assert "| scored: clips of `videos` | 4 | 2 | 2 | 2 |" in card
    assert "| scored: the corpus, whole movement | 3 | 3 | 3 | 1 |" in card
    assert "| scored: the corpus, movement shown partly | 1 | 1 | 1 | 1 |" in card
    assert "| scored: the corpus, untaught | 2 | 2 | 2 | 1 |" in card
    assert "| clips of `videos` | accuracy | 0.750 |" in card
    low, high = scores["people_f1_low"], scores["people_f1_high"]
    assert f"| real people of the corpus | macro F1 | 0.833 | {low:.3f} to {high:.3f} |" in card
    assert "| lunge | 0.67 | 0.00 to 1.00 | 2 | 2 | squat 1 |" in card.split("## Exercises: clips of `videos`")[1]
    assert "| real people of the corpus | 2 | 1 | 1 of 3 |" in card  # the open set
    assert f"| AUROC, taught against untaught | {scores['people_auroc']:.3f} |" in card
    assert "- clips of `videos`, most frequent confusions: lunge for squat 1." in card
    assert f"| checksum | `{CHECKSUM}` |" in card


def test_every_heading_stands_once_and_in_order(pose: Classifier) -> None:
    headings = [line for line in card_of(pose, CORPUS).splitlines() if line.startswith("#")]
    assert headings == [
        "# Model card", "## Model", "## Data and groups", "## Scores", "## Exercises: clips of `videos`",
        "## Exercises: real people of the corpus", "## Open set", "## Calibration: clips of `videos`",
        "## Calibration: real people of the corpus", "## Limits", "## How to reproduce",
    ]  # fmt: skip


def test_calibration_shows_confidence_beside_right_answers(pose: Classifier) -> None:
    card = card_of(pose, [])
    rows = card.split("## Calibration")[1].split("## Limits")[0]
    assert "| 0.60 | 1.00 | 1 |" in rows
    assert "| 0.80 | 0.50 | 2 |" in rows
    assert f"error: {own_scores(OWN, EXERCISES)['ece']:.3f}." in rows


def test_without_a_corpus_nothing_is_said_of_real_people(pose: Classifier) -> None:
    card = card_of(pose, [])
    assert "| real people" not in card
    assert "Not measured: no scored clip is untaught." in card
    assert "Not measured here: the real people of the corpus" in card


def test_a_corpus_of_taught_exercises_has_no_open_set(pose: Classifier) -> None:
    card = card_of(pose, CORPUS[:4])
    assert "Not measured: no scored clip is untaught." in card
    assert "AUROC" not in card
    assert "## Calibration: real people of the corpus" in card


def test_a_corpus_that_shows_nothing_taught_has_an_open_set_alone(pose: Classifier) -> None:
    card = card_of(pose, CORPUS[4:])
    assert "| real people of the corpus | 2 | 1 | 0 of 0 |" in card  # the open set
    assert "the corpus shows no taught exercise" in card
    assert "nan" not in card
    assert card.count("real people of the corpus") == 1


def test_clips_of_which_none_is_taught_have_no_exercises(pose: Classifier) -> None:
    own = [scored("none/anna__1", "anna", (0.1, 0.2, 0.7)), scored("none/bob__1", "bob", (0.9, 0.1, 0.0))]
    card = card_of(pose, [], own)
    assert "| clips of `videos` | 2 | 1 | 0 of 0 |" in card


def test_the_parameters_are_those_that_it_was_trained_with(pose: Classifier) -> None:
    """Not those that params.yaml has by now."""
    trained_with = {"pose": {"units": 7}, "corpus": True}
    card = card_of(dataclasses.replace(pose, params=trained_with), [])
    assert yaml.safe_load(card.split("```yaml\n")[1].split("```")[0]) == trained_with


def test_a_frame_network_has_a_card() -> None:
    known = frame_classifier()
    card = card_of(known, [])
    assert "| kind | cnn |" in card
    assert "| members | 2, of 1,000 parameters each" in card


def test_the_card_names_no_one(pose: Classifier) -> None:
    card = card_of(pose, CORPUS)
    for clip in [*OWN, *CORPUS]:
        assert clip.clip.name not in card
    assert "anna" not in card


def test_a_name_with_a_bar_does_not_split_a_table(pose: Classifier) -> None:
    odd = dataclasses.replace(pose, exercises=["leg|raise", "none"])
    own = [dataclasses.replace(one, truth="leg|raise") for one in OWN]
    scores = own_scores(OWN, EXERCISES)
    card = model_card(Evaluation(odd, CHECKSUM, own, [], scores, {}))
    assert "| exercises | 1: leg\\|raise |" in card
    assert "| leg\\|raise | 0.00 |" in card
