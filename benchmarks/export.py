"""How large an exported classifier is, and how long a window takes, by format, beside the original.

Exports the CLASSIFIER to a temporary folder and runs every format in its own runtime on one thread, on WINDOWS windows
of clips of the CORPUS; prints a Markdown table: size, seconds to load, the median of milliseconds for a window alone,
milliseconds a window in one batch, and the largest absolute difference of a probability to the original's. Below it,
for whole clips: how often the mean over windows, which README.md of an export tells, names what the program names.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fitness_tracker.blazepose.landmarks import Landmarks
from fitness_tracker.core.errors import UserError, exit_with_message, quiet_native_stderr
from fitness_tracker.corpus.catalog import read_corpus
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.export.formats import FORMATS, export
from fitness_tracker.export.graph import IMAGE, OUTPUT, WORLD
from fitness_tracker.models.bundle import load_classifier, read_checksum
from fitness_tracker.models.classifier import NONE, Classifier, Prediction
from fitness_tracker.models.pose.classifier import PoseClassifier
from fitness_tracker.models.pose.features import interpolate_missing, window_starts
from fitness_tracker.models.tensorflow_setup import keras

Windows = dict[str, np.ndarray]  # by the name of the input: (N, T, 33, 3) float32
Run = Callable[[Windows], np.ndarray]  # to (N, K)


def load_graph(path: Path) -> Run:
    """The graph in its own runtime, on one thread."""
    if path.suffix == ".keras":
        model = keras.models.load_model(path)
        return lambda windows: model.predict_on_batch(windows)[OUTPUT]
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(str(path), num_threads=1).get_signature_runner()
        return lambda windows: runner(**windows)[OUTPUT]
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    return lambda windows: session.run([OUTPUT], windows)[0]


def original(classifier: PoseClassifier) -> Run:
    def run(windows: Windows) -> np.ndarray:
        clips = (clip_of(image, world) for image, world in zip(windows[IMAGE], windows[WORLD], strict=True))
        return np.stack([classifier.predict_landmarks(clip).probabilities for clip in clips])

    return run


def clip_of(image: np.ndarray, world: np.ndarray) -> Landmarks:
    """A clip in which somebody is found in all frames, of landmarks (T, 33, 3)."""
    number = len(image)
    seen = np.concatenate([image, np.ones((number, 33, 1), np.float32)], axis=-1)
    return Landmarks(seen, world, np.arange(number, dtype=np.float32), np.ones(number, bool))


def cut(landmarks: Landmarks, length: int) -> tuple[Windows, np.ndarray]:
    """All windows of a clip that is at least one long, and in which share of its frames somebody was found."""
    starts = window_starts(len(landmarks), length)
    whole = {
        name: interpolate_missing(points, landmarks.found).astype(np.float32)
        for name, points in ((IMAGE, landmarks.image_landmarks[..., :3]), (WORLD, landmarks.world_landmarks))
    }
    found = np.array([landmarks.found[start : start + length].mean() for start in starts])
    windows = {name: np.stack([points[start : start + length] for start in starts]) for name, points in whole.items()}
    return windows, found


def measure_alone(run: Run, windows: Windows) -> tuple[float, np.ndarray]:
    """Milliseconds of a window alone, the median, and the answers (N, K)."""
    single = [{name: array[n : n + 1] for name, array in windows.items()} for n in range(len(windows[IMAGE]))]
    for one in single[:3]:
        run(one)  # the first ones compile or allocate
    taken, answers = [], []
    for one in single:
        start = time.perf_counter()
        answers.append(run(one))
        taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken)), np.concatenate(answers)


def measure_batch(run: Run, windows: Windows) -> tuple[float, np.ndarray]:
    """Milliseconds of a window among all in one batch, the median of five times, and the answers (N, K)."""
    answers, taken = run(windows), []
    for _ in range(5):
        start = time.perf_counter()
        run(windows)
        taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken)) / len(answers), answers


def same_answers(classifier: Classifier, run: Run, clips: list[Landmarks], length: int) -> int:
    """Of how many whole clips the mean over windows gets the label that the program gives."""
    same = 0
    for clip in clips:
        windows, found = cut(clip, length)
        said = np.average(run(windows), axis=0, weights=found)
        label = classifier.decide_label(Prediction(said[None], said))[0]
        same += label == classifier.decide_label(classifier.predict_landmarks(clip))[0]  # type: ignore[attr-defined]
    return same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", type=Path, nargs="?", default=Path("models/classifier"))
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    parser.add_argument("--windows", type=int, default=100)
    args = parser.parse_args()
    with exit_with_message("export"):
        start = time.perf_counter()
        classifier = load_classifier(args.classifier)
        loading = time.perf_counter() - start
        if not isinstance(classifier, PoseClassifier):
            raise UserError(f"{args.classifier}: is of kind '{classifier.kind}'; only 'pose' can be exported")
        read = [read_corpus_landmarks(clip.path) for clip in read_corpus(args.corpus)]
        clips = [clip for clip in read if clip.found.any() and len(clip) >= classifier.window]
        chosen = clips[:: max(1, len(clips) // args.windows)][: args.windows]
        cuts = [cut(clip, classifier.window)[0] for clip in chosen]
        windows = {name: np.concatenate([one[name][:1] for one in cuts]) for name in (IMAGE, WORLD)}
        size = sum(path.stat().st_size for path in args.classifier.iterdir() if path.suffix != ".tflite")
        one, expected = measure_alone(original(classifier), windows)
        print("| format | kB | load | a window alone | in a batch | largest difference |")
        print("| --- | --- | --- | --- | --- | --- |")
        print(f"| original | {size / 1000:.0f} | {loading:.2f} s | {one:.1f} ms | | |", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            for name in FORMATS:
                path = export(classifier, read_checksum(args.classifier), name, Path(folder) / name)
                start = time.perf_counter()
                with quiet_native_stderr():
                    run = load_graph(path)
                loading = time.perf_counter() - start
                (one, single), (many, batch) = measure_alone(run, windows), measure_batch(run, windows)
                away = max(np.abs(answers - expected).max() for answers in (single, batch))
                row = f"{name} | {path.stat().st_size / 1000:.0f} | {loading:.2f} s | {one:.1f} ms | {many:.1f} ms"
                print(f"| {row} | {away:.0e} |", flush=True)
            same = same_answers(classifier, run, clips, classifier.window)
        print(f"\n{len(windows[IMAGE])} windows of {classifier.window} frames, one thread.")
        print(f"{name}, mean over windows: {same} of {len(clips)} whole clips get the program's answer, '{NONE}' too.")


if __name__ == "__main__":
    main()
