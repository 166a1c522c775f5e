"""Tables of scored clips: a row for each clip, exercise or label."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from fitness_tracker.clips.folder import NONE, short_hash
from fitness_tracker.evaluation.intervals import f1_by_exercise
from fitness_tracker.evaluation.scored_clips import ScoredClip, columns

HOW_SURE = ((0.75, "good"), (0.5, "fair"), (-1.0, "weak"))  # lowest F1 of an interval, and what that is called


def confusion_table(scored: Sequence[ScoredClip]) -> pd.DataFrame:
    """One row a clip: actual, predicted."""
    return pd.DataFrame([(one.truth, one.predicted) for one in scored], columns=["actual", "predicted"])


def hashed_answers(scored: Sequence[ScoredClip]) -> pd.DataFrame:
    """One row a clip, to compare revisions: clip and group (by `short_hash`), truth, answer, confidence."""
    rows = [
        (short_hash(one.clip.name), short_hash(one.group), one.truth, one.predicted, one.confidence) for one in scored
    ]
    return pd.DataFrame(rows, columns=["clip", "group", "truth", "answer", "confidence"]).sort_values("clip")


def exercise_rows(scored: Sequence[ScoredClip]) -> list[Any]:
    """For each taught exercise that is shown: exercise, f1, low, high, clips, groups; `taken_for`, the wrong
    predictions (`most_frequent`); and `sure`, see `HOW_SURE`."""
    taught = [one for one in scored if one.taught]
    if not taught:
        return []
    table = f1_by_exercise(*columns(taught))
    table["taken_for"] = [
        most_frequent(one.predicted for one in taught if one.truth == exercise != one.predicted)
        for exercise in table["exercise"]
    ]
    table["sure"] = [next(word for limit, word in HOW_SURE if low >= limit) for low in table["low"]]
    return list(table.itertuples())


def variants(corpus: Sequence[ScoredClip]) -> dict[str, list[str]]:
    """Of each taught exercise of the corpus, the labels beside its own that are taught as it."""
    shown = sorted({(one.truth, one.clip.name.split("/")[1]) for one in corpus if one.taught})
    return {truth: [label for other, label in shown if other == truth != label] for truth, _ in shown}


def untaught_rows(corpus: Sequence[ScoredClip]) -> list[tuple[str, int, list[tuple[str, int]]]]:
    """For each untaught label of the corpus: label, clips, and the exercises they are taken for (`most_frequent`)."""
    predicted: dict[str, list[str]] = defaultdict(list)
    for one in corpus:
        if not one.taught:
            predicted[one.clip.name.split("/")[1]].append(one.predicted)
    return [
        (label, len(names), most_frequent(name for name in names if name != NONE))
        for label, names in sorted(predicted.items())
    ]


def most_frequent(values: Iterable[Any]) -> list[tuple[Any, int]]:
    """Each value with the number of times that it occurs, the most frequent first."""
    return sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0]))


def worst_mistakes(scored: Sequence[ScoredClip], number: int) -> list[ScoredClip]:
    """The wrong predictions of highest confidence, the highest first."""
    wrong = [one for one in scored if one.truth != one.predicted]
    return sorted(wrong, key=lambda one: (-one.confidence, one.clip.name))[:number]
