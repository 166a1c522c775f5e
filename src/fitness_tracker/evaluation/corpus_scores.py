"""Scores of the corpus' real people, by members of the classifier that never saw them: tables, page and pictures."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from fitness_tracker.clips.folder import NONE, Clip, ClipsError
from fitness_tracker.corpus.catalog import CorpusClip
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.evaluation import charts
from fitness_tracker.evaluation.intervals import f1_by_exercise, f1_interval, macro_f1, weighted_interval
from fitness_tracker.evaluation.scores import ScoredClip, calibration_error, score_clip
from fitness_tracker.models.classifier import Classifier, short_hash


@dataclass(frozen=True)
class People:
    """The scored clips of the corpus; none without a corpus."""

    scored: list[ScoredClip] = field(default_factory=list)
    shown: list[bool] = field(default_factory=list)  # of each, whether it shows all of what its label says
    scores: dict[str, float] = field(default_factory=dict)  # `people_scores`

    @property
    def clear(self) -> list[ScoredClip]:
        return [one for one, shown in zip(self.scored, self.shown, strict=True) if shown]


def evaluate_people(corpus: Sequence[CorpusClip], classifier: Classifier, metrics: Path, plots: Path) -> People:
    """Scores the corpus; writes `exercises.md` to `metrics`, `people_confusion.png` and `none.png` to `plots`.

    Without a corpus all of them say so.
    """
    page, people = "No corpus was learnt from.\n", People()
    if corpus:
        scored = score_corpus(corpus, classifier)
        visibility = {clip.name: clip.visibility for clip in corpus}
        clear = [visibility[one.clip.name] == "clear" for one in scored]
        people = People(scored, clear, people_scores(scored, clear, classifier.exercises))
        page = exercises_page(scored, clear)
        draw_people(scored, clear, classifier, people.scores, plots)
    else:
        for name in ("people_confusion.png", "none.png"):
            charts.draw_text("No corpus was learnt from", plots / name)
    (metrics / "exercises.md").write_text(page, encoding="utf-8")
    return people


def score_corpus(corpus: Sequence[CorpusClip], classifier: Classifier) -> list[ScoredClip]:
    """Out-of-fold predictions of the clips of the corpus that training knew: each by the members that saw neither its
    group nor, where it is untaught, anybody who shows the same. Raises `ClipsError` if training knew none."""
    scored = []
    for clip in corpus:
        used = classifier.usage.get(short_hash(clip.name))
        members = [n for n, unseen in enumerate(classifier.unseen_folds) if used and used.fold in unseen]
        if members:
            prediction = classifier.predict_landmarks(read_corpus_landmarks(clip.path), members)  # type: ignore[attr-defined]
            scored.append(score_clip(Clip(clip.name, clip.path), clip.group, clip.exercise, prediction, classifier))
    if not scored:
        raise ClipsError("the classifier was not trained on this corpus; run the train stage again")
    return scored


def people_scores(scored: Sequence[ScoredClip], clear: Sequence[bool], exercises: list[str]) -> dict[str, float]:
    """`people_…`: scores of the corpus' clips, with 95 % intervals over groups.

    Accuracy, F1 and calibration are of clips that show all of a taught exercise (`clear`), F1 also with those that show
    it partly; forced: as if 'none' were no answer. `auroc` is how well `none_score` tells taught from untaught clips,
    `untaught_named` the share of untaught ones that get the name of an exercise: exercises that the answering member
    never saw, people who stand, walk or talk, and what `exercises` of params.yaml leaves out.
    """
    truth, answer, forced, groups = (np.array(column) for column in zip(*(
        (one.truth, one.predicted, exercises[int(one.prediction.probabilities[:-1].argmax())], one.group)
        for one in scored
    ), strict=True))  # fmt: skip
    score, shown = np.array([one.none_score for one in scored]), np.array(clear)
    taught = truth != NONE
    result: dict[str, float] = {}

    def add(name: str, value: float, interval: tuple[float, float]) -> None:
        result.update({f"people_{name}": value, f"people_{name}_low": interval[0], f"people_{name}_high": interval[1]})

    for name, said, rows in (
        ("f1", answer, taught & shown), ("f1_forced", forced, taught & shown), ("f1_partly", answer, taught)
    ):  # fmt: skip
        add(name, macro_f1(truth[rows], said[rows]), f1_interval(truth[rows], said[rows], groups[rows]))

    def right(rows: np.ndarray, weights: np.ndarray) -> float:
        return float(np.average(truth[rows] == answer[rows], weights=weights))

    def given_a_name(rows: np.ndarray, weights: np.ndarray) -> float:
        return float(np.average(answer[rows] != NONE, weights=weights))

    def auroc(rows: np.ndarray, weights: np.ndarray) -> float:
        return float(roc_auc_score(~taught[rows], score[rows], sample_weight=weights))

    add("accuracy", *weighted_interval(groups[taught & shown], partial(right, taught & shown)))
    if (~taught & shown).any():
        add("untaught_named", *weighted_interval(groups[~taught & shown], partial(given_a_name, ~taught & shown)))
        add("auroc", *weighted_interval(groups[shown], partial(auroc, shown)))
        add("auroc_partly", *weighted_interval(groups, partial(auroc, np.ones_like(shown))))
    rows = taught & shown
    result["people_ece"] = calibration_error(
        np.array([one.confidence for one in scored])[rows], (truth == answer)[rows]
    )
    return result | {"people_clips": int(rows.sum()), "people_groups": len(set(groups[rows]))}


def exercises_page(scored: Sequence[ScoredClip], clear: Sequence[bool]) -> str:
    """`metrics/exercises.md`: what the classifier knows, how well, and what it takes for what."""
    shown = [one for one, full in zip(scored, clear, strict=True) if full and one.truth != NONE]
    truth, answer, groups = ([getattr(one, name) for one in shown] for name in ("truth", "predicted", "group"))
    lines = [
        "# Does it know mine?", "",
        "Real people of the corpus, by members of the classifier that never saw them; clips that show the whole",
        "movement. 95 % intervals are over groups; of few groups they say little.", "",
        "| exercise | F1 | interval | clips | groups | taken for |", "| --- | --- | --- | --- | --- | --- |",
    ]  # fmt: skip
    for row in f1_by_exercise(truth, answer, groups).sort_values("exercise").itertuples():
        wrong = Counter(said for real, said in zip(truth, answer, strict=True) if real == row.exercise != said)
        often = sorted(wrong.items(), key=lambda pair: (-pair[1], pair[0]))
        taken = ", ".join(f"{name.replace('_', ' ')} {times}" for name, times in often)
        lines.append(
            f"| {row.exercise.replace('_', ' ')} | {row.f1:.2f} | {row.low:.2f} to {row.high:.2f} | {row.clips} "
            f"| {row.groups} | {taken} |"
        )
    lines += ["", "Of exercises that are not taught, and of people who do none, these clips get a name:", ""]
    strange: dict[str, Counter] = defaultdict(Counter)
    for one, full in zip(scored, clear, strict=True):
        if full and one.truth == NONE:
            strange[one.clip.name.split("/")[1]][one.predicted] += 1
    lines += ["| shown | clips | named |", "| --- | --- | --- |"]
    for label, said in sorted(strange.items()):
        named_as = ", ".join(f"{name.replace('_', ' ')} {n}" for name, n in said.most_common() if name != NONE)
        lines.append(
            f"| {'nobody exercises' if label == NONE else label.replace('_', ' ')} | {said.total()} | {named_as} |"
        )
    return "\n".join(lines) + "\n"


def draw_people(
    scored: Sequence[ScoredClip],
    clear: Sequence[bool],
    classifier: Classifier,
    result: dict[str, float],
    folder: Path,
) -> None:
    """`people_confusion.png` and `none.png` of the corpus' clips that show the whole movement."""
    shown = [one for one, full in zip(scored, clear, strict=True) if full]
    table = pd.DataFrame({"actual": [one.truth for one in shown], "predicted": [one.predicted for one in shown]})
    charts.draw_confusion(table, classifier.exercises, folder / "people_confusion.png")
    taught, scores = np.array([one.truth != NONE for one in shown]), np.array([one.none_score for one in shown])
    if taught.all():
        charts.draw_text("The corpus shows nothing that is not taught", folder / "none.png")
    else:
        charts.draw_none(taught, scores, classifier.none_threshold, result["people_auroc"], folder / "none.png")
