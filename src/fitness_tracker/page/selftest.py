"""What the page's self test compares itself with: landmarks of the corpus and a drawn clip, with Python's answers."""

import base64
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np

from fitness_tracker.answering.answer import Answer, answer_prediction
from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.corpus.catalog import CorpusClip, read_corpus
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.prediction.predict import predict_clip

FOLDER = "selftest"
CLIP = "sample/videos/squat/person01__1.mp4"  # drawn by `sample/`, where that has run
CLIPS, SECONDS = 8, (6, 20)  # how many of the corpus, each of another exercise, and how long they are


def write_selftest(classifier: PoseClassifier, repository: Path, out: Path) -> None:
    """Writes the folder `out`, as far as the corpus and the sample are there."""
    out.mkdir()
    tests = []
    for clip in choose_clips(repository / "corpus"):
        landmarks = read_corpus_landmarks(clip.path)
        answer = answer_prediction(classifier.predict_landmarks(landmarks), classifier)
        tests.append({"name": clip.label, "landmarks": encode_landmarks(landmarks), "answer": shown(answer)})
    if tests:
        (out / "landmarks.json").write_text(json.dumps(tests), encoding="utf-8")
    if (repository / CLIP).is_file():
        shutil.copyfile(repository / CLIP, out / "clip.mp4")
        (out / "clip.json").write_text(json.dumps(shown(predict_clip(repository / CLIP, classifier))), encoding="utf-8")


def choose_clips(corpus: Path) -> list[CorpusClip]:
    clips = read_corpus(corpus) if (corpus / "catalog.csv").is_file() else []
    chosen: dict[str, CorpusClip] = {}
    for clip in clips:
        if clip.label == clip.exercise and clip.visibility == "clear" and SECONDS[0] <= clip.seconds <= SECONDS[1]:
            chosen.setdefault(clip.label, clip)
    return list(chosen.values())[:: max(1, len(chosen) // CLIPS)][:CLIPS]


def shown(answer: Answer) -> dict[str, Any]:
    return {name: answer.to_json()[name] for name in ("exercise", "confidence", "repetitions", "held_s")}


def encode_landmarks(landmarks: Landmarks) -> dict[str, str]:
    """Each array's bytes in base64, by the names and types of `web/blazepose/landmarks.js`."""
    arrays = {
        "image": landmarks.image_landmarks.astype("<f4"), "world": landmarks.world_landmarks.astype("<f4"),
        "times": landmarks.times.astype("<f4"), "found": landmarks.found.astype("u1"),
        "shot": landmarks.shot.astype("<i4"), "several": landmarks.several.astype("u1"),
        "turns": landmarks.turns.astype("u1"),
    }  # fmt: skip
    return {name: base64.b64encode(np.ascontiguousarray(array).tobytes()).decode() for name, array in arrays.items()}
