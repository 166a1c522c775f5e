"""`metrics/model_card.md`: what a classifier learnt from, how well it does, and where it fails; measured figures only.

The headings follow Mitchell et al. (2019), "Model Cards for Model Reporting".
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from fitness_tracker.clips.folder import NONE
from fitness_tracker.core.files import write_text
from fitness_tracker.core.params import Params
from fitness_tracker.evaluation.corpus_scores import People
from fitness_tracker.evaluation.intervals import accuracy_interval, effective_groups, f1_by_exercise
from fitness_tracker.evaluation.scores import ScoredClip, calibration_table
from fitness_tracker.models.bundle import read_checksum
from fitness_tracker.models.classifier import Classifier

FEW_GROUPS = 5  # fewer show an exercise too seldom to say how well it is known
WEAK = 0.5  # F1 whose interval begins below
CONFUSIONS = 8  # of the most frequent that are listed

OWN, CORPUS = "clips of `videos`", "real people of the corpus"
INTRODUCTION = (
    "Written by `evaluate`. Every score is of clips of groups that the answering members never saw; intervals are of",
    "95 %, by bootstrap over groups. `videos` is the folder of params.yaml: in `sample/videos` the people are drawn.",
)

Row = Sequence[object]


def write_model_card(
    metrics: Path,
    folder: Path,
    classifier: Classifier,
    own: Sequence[ScoredClip],
    people: People,
    result: Mapping[str, float],
    params: Params,
) -> None:
    """Writes `model_card.md` to `metrics`; `folder` is the classifier's."""
    text = model_card(classifier, read_checksum(folder), own, people, result, params)
    write_text(metrics / "model_card.md", text)


def model_card(
    classifier: Classifier,
    checksum: str,
    own: Sequence[ScoredClip],
    people: People,
    result: Mapping[str, float],
    params: Params,
) -> str:
    """Markdown; the same classifier, clips and parameters give the same bytes.

    `checksum` is the bundle's, `own` the scored clips of one's own, `result` the content of `evaluate.json`.
    """
    sets = {OWN: list(own), CORPUS: people.clear}
    sets = {name: clips for name, clips in sets.items() if clips}
    parts = [
        ["# Model card", "", *INTRODUCTION],
        model_section(classifier, checksum),
        data_section(classifier, own, people),
        scores_section(own, people, result),
        *(exercises_section(name, clips) for name, clips in sets.items()),
        open_set_section(sets, result, classifier.none_threshold),
        *calibration_sections(sets, result),
        limits_section(sets),
        reproduction_section(checksum, params),
    ]  # fmt: skip
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def model_section(classifier: Classifier, checksum: str) -> list[str]:
    known = [label(name) for name in classifier.exercises if name != NONE]
    members = len(classifier.networks)
    rows = [
        ("kind", classifier.kind),
        ("exercises", f"{len(known)}: {', '.join(known)}"),
        ("answers `none`", "yes" if NONE in classifier.exercises or classifier.none_threshold < 1 else "no"),
        ("members", f"{members}, of {classifier.networks[0].count_params():,} parameters each; their mean answers"),
        ("reads", f"{classifier.fps:g} frames a second, brought to 640x480 by `{classifier.fit}`"),
        ("temperature", f"{classifier.temperature:.3f}"),
        ("threshold of `none`", f"{classifier.none_threshold:.3f}"),
        ("checksum", f"`{checksum}`"),
    ]
    return ["## Model", "", *table(("", ""), rows)]


def data_section(classifier: Classifier, own: Sequence[ScoredClip], people: People) -> list[str]:
    """How many clips and groups were learnt from, and which of them are scored."""
    learnt = [used.group for used in classifier.usage.values()]
    folds = len({used.fold for used in classifier.usage.values()})
    partly = [one for one, clear in zip(people.scored, people.shown, strict=True) if not clear]
    rows = [
        group_row(f"learnt from: {OWN} and of the corpus", learnt),
        group_row(f"scored: {OWN}", [one.group for one in own]),
        group_row("scored: the corpus, all of a taught exercise to be seen", groups_of(people.clear, taught=True)),
        group_row("scored: the corpus, partly to be seen", groups_of(partly, taught=True)),
        group_row("scored: the corpus, nothing that is taught", groups_of(people.clear + partly, taught=False)),
    ]
    head = ("", "clips", "groups", "effective groups", "clips of the largest")
    group = f"A group is what `{classifier.group}` finds in a clip's name: a person, shoot or source."
    return [
        "## Data and groups", "", group if classifier.group else "Each clip is a group of its own.",
        f"The groups were dealt into {folds} folds. Effective groups: so many of one size say as much (Kish 1965).",
        "", *table(head, [row for row in rows if row[1]]),
    ]  # fmt: skip


def group_row(name: str, groups: Sequence[str]) -> tuple[object, ...]:
    sizes = Counter(groups)
    effective = f"{effective_groups(groups):.0f}" if groups else ""
    return name, len(groups), len(sizes), effective, max(sizes.values(), default=0)


def groups_of(scored: Sequence[ScoredClip], taught: bool) -> list[str]:
    return [one.group for one in scored if (one.truth != NONE) == taught]


def scores_section(own: Sequence[ScoredClip], people: People, result: Mapping[str, float]) -> list[str]:
    truth, answer, groups = columns(own)
    low, high = accuracy_interval(truth, answer, groups)
    accuracy = {"accuracy": result["accuracy"], "accuracy_low": low, "accuracy_high": high}
    rows = [
        (OWN, "accuracy", *value(accuracy, "accuracy")),
        (OWN, "macro F1", *value(result, "f1")),
        (OWN, "accuracy of single frames", *value(result, "frame_accuracy")),
        (OWN, "macro F1 of single frames", *value(result, "frame_f1")),
    ]
    if people.scored:
        rows += [
            (CORPUS, "accuracy", *value(result, "people_accuracy")),
            (CORPUS, "macro F1", *value(result, "people_f1")),
            (CORPUS, "macro F1 as if `none` were no answer", *value(result, "people_f1_forced")),
            (CORPUS, "macro F1 with clips that show it partly", *value(result, "people_f1_partly")),
        ]
    return ["## Scores", "", *table(("clips", "score", "value", "interval"), rows)]


def exercises_section(name: str, scored: Sequence[ScoredClip]) -> list[str]:
    found = by_exercise(scored)
    rows = [
        (label(row.exercise), f"{row.f1:.2f}", f"{row.low:.2f} to {row.high:.2f}", row.clips, row.groups)
        for row in found.itertuples()
    ]
    return [f"## Exercises: {name}", "", *table(("exercise", "F1", "interval", "clips", "groups"), rows)]


def open_set_section(
    sets: Mapping[str, Sequence[ScoredClip]], result: Mapping[str, float], threshold: float
) -> list[str]:
    """What is said of clips that show nothing that is taught."""
    rows = []
    for name, scored in sets.items():
        strange = [one for one in scored if one.truth == NONE]
        named = sum(one.predicted != NONE for one in strange)
        lost = sum(one.predicted == NONE != one.truth for one in scored)
        if strange:
            rows.append((name, len(strange), named, f"{lost} of {len(scored) - len(strange)}"))
    lines = ["## Open set", ""]
    if not rows:
        return [*lines, "Not measured: no scored clip shows anything but taught exercises."]
    lines += [
        f"Clips that show no exercise that is taught; the threshold of `none` is {threshold:.3f}.", "",
        *table(("clips", "untaught", "of these get the name of an exercise", "taught ones that get `none`"), rows),
    ]  # fmt: skip
    scores = (
        ("untaught_named", "share of untaught clips that get a name"),
        ("auroc", "AUROC, taught against untaught"),
        ("auroc_partly", "AUROC with clips that show it partly"),
    )
    measured = [(text, *value(result, f"people_{key}")) for key, text in scores if f"people_{key}" in result]
    return [*lines, "", *table((CORPUS, "value", "interval"), measured)] if measured else lines


def calibration_sections(sets: Mapping[str, Sequence[ScoredClip]], result: Mapping[str, float]) -> list[list[str]]:
    """Confidence beside the share of right answers; of the corpus, taught exercises only, as in `people_ece`."""
    sections = []
    for (name, scored), key in zip(sets.items(), ("ece", "people_ece"), strict=False):
        of = [one for one in scored if key == "ece" or one.truth != NONE]
        confidence, right = (np.array(column) for column in zip(
            *((one.confidence, one.truth == one.predicted) for one in of), strict=True
        ))  # fmt: skip
        bins = calibration_table(confidence, right)
        rows = [(f"{row.confidence:.2f}", f"{row.accuracy:.2f}", row.answers) for row in bins.itertuples()]
        sections.append([
            f"## Calibration: {name}", "", f"Expected calibration error: {result[key]:.3f}.", "",
            *table(("mean confidence", "right", "answers"), rows),
        ])  # fmt: skip
    return sections


def limits_section(sets: Mapping[str, Sequence[ScoredClip]]) -> list[str]:
    lines = ["## Limits", ""]
    for name, scored in sets.items():
        found = by_exercise(scored)
        few = [f"{label(row.exercise)} {row.groups}" for row in found.itertuples() if row.groups < FEW_GROUPS]
        weak = [f"{label(row.exercise)} {row.low:.2f}" for row in found.itertuples() if row.low < WEAK]
        wrong = Counter((one.truth, one.predicted) for one in scored if one.truth != one.predicted)
        often = sorted(wrong.items(), key=lambda pair: (-pair[1], pair[0]))[:CONFUSIONS]
        confused = [f"{label(truth)} for {label(answer)} {times}" for (truth, answer), times in often]
        lines += [
            f"- {name}, F1 whose interval begins below {WEAK:g}: {listed(weak)}.",
            f"- {name}, exercises of fewer than {FEW_GROUPS} groups: {listed(few)}.",
            f"- {name}, taken most often: {listed(confused)}.",
        ]
    lines.append("- Temperature and threshold of `none` were fitted on out-of-fold answers, too, not on other clips.")
    if len(sets) == 1:
        lines.append("- Not measured here: the real people of the corpus; it was not learnt from.")
    return lines


def reproduction_section(checksum: str, params: Params) -> list[str]:
    return [
        "## How to reproduce", "",
        "`git log -1 -- dvc.lock` names the revision that holds these results. Check it out and run `make repro`: then",
        "`grep checksum models/classifier/classifier.json` must say", f"`{checksum}`. With these parameters:", "",
        "```yaml", yaml.safe_dump(params_in_force(params), sort_keys=True, width=110).rstrip(), "```",
    ]  # fmt: skip


def params_in_force(params: Params) -> dict[str, Any]:
    """Those that decide about this classifier, as in params.yaml."""
    groups: dict[str, Any] = {
        "resize": params.resize, "extract": params.extract, "split": params.split, "train": params.train
    }  # fmt: skip
    if params.train.model == "pose":
        groups |= {"pose": params.pose, "none": params.none, "pose_augmentation": params.pose_augmentation}
    else:
        groups |= {"cnn": params.cnn, "frame_augmentation": params.frame_augmentation}
    found = {name: asdict(group) for name, group in groups.items()}
    return {**found, "corpus": params.corpus, "exercises": params.exercises}


def by_exercise(scored: Sequence[ScoredClip]) -> pd.DataFrame:
    """`f1_by_exercise` of the clips that show a taught exercise, as in exercises.md."""
    taught = [one for one in scored if one.truth != NONE]
    if not taught:
        return pd.DataFrame(columns=["exercise", "f1", "low", "high", "clips", "groups"])
    return f1_by_exercise(*columns(taught)).sort_values("exercise")


def columns(scored: Sequence[ScoredClip]) -> tuple[list[str], list[str], list[str]]:
    """Truths, answers and groups."""
    return [one.truth for one in scored], [one.predicted for one in scored], [one.group for one in scored]


def value(scores: Mapping[str, float], key: str) -> tuple[str, str]:
    """A score and its interval, which may be missing."""
    if f"{key}_low" not in scores:
        return f"{scores[key]:.3f}", ""
    return f"{scores[key]:.3f}", f"{scores[f'{key}_low']:.3f} to {scores[f'{key}_high']:.3f}"


def label(exercise: str) -> str:
    return exercise.replace("_", " ")


def listed(found: Sequence[str]) -> str:
    return ", ".join(found) or "not one"


def table(head: Sequence[str], rows: Sequence[Row]) -> list[str]:
    """Lines of a Markdown table; no cell splits it."""
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in (head, *rows)]
    lines = [f"| {' | '.join(row)} |" for row in cells]
    return [lines[0], "|" + " --- |" * len(head), *lines[1:]]
