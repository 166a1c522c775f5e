"""How large an exported classifier is, and how long a window takes, by format.

Exports the CLASSIFIER to a temporary folder and runs every format in its own runtime on one thread, on WINDOWS windows
of clips of the CORPUS; prints a Markdown table: size, seconds to load, the median of milliseconds for a window alone,
milliseconds a window in one batch, and the largest absolute difference of a probability to that of the bundle's graph.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fitness_tracker.core.errors import UserError, exit_with_message, quiet_native_stderr
from fitness_tracker.corpus.catalog import read_corpus
from fitness_tracker.corpus.landmarks import read_corpus_landmarks
from fitness_tracker.export.formats import FORMATS, export
from fitness_tracker.models.bundle import load_classifier, read_checksum
from fitness_tracker.models.graph import PROBABILITIES
from fitness_tracker.models.pose.classifier import IMAGE, WORLD, PoseClassifier
from fitness_tracker.models.pose.features import cut_windows, tracks_from_landmarks
from fitness_tracker.models.tensorflow_setup import keras

Windows = dict[str, np.ndarray]  # by the name of the input: (N, T, 33, 3) float32
Run = Callable[[Windows], np.ndarray]  # to (N, M, K)


def load_graph(path: Path) -> Run:
    """The graph in its own runtime, on one thread."""
    if path.suffix == ".keras":
        model = keras.models.load_model(path)
        return lambda windows: model.predict_on_batch(windows)[PROBABILITIES]
    if path.suffix == ".tflite":
        from ai_edge_litert.interpreter import Interpreter

        runner = Interpreter(str(path), num_threads=1).get_signature_runner()
        return lambda windows: runner(**windows)[PROBABILITIES]
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options)
    return lambda windows: session.run([PROBABILITIES], windows)[0]


def measure_alone(run: Run, windows: Windows) -> tuple[float, np.ndarray]:
    """Milliseconds of a window alone, the median, and the answers (N, M, K)."""
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
    """Milliseconds of a window among all in one batch, the median of five times, and the answers (N, M, K)."""
    answers, taken = run(windows), []
    for _ in range(5):
        start = time.perf_counter()
        run(windows)
        taken.append(time.perf_counter() - start)
    return 1000 * float(np.median(taken)) / len(answers), answers


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("classifier", type=Path, nargs="?", default=Path("models/classifier"))
    parser.add_argument("corpus", type=Path, nargs="?", default=Path("corpus"))
    parser.add_argument("--windows", type=int, default=100)
    args = parser.parse_args()
    with exit_with_message("export"):
        classifier = load_classifier(args.classifier)
        if not isinstance(classifier, PoseClassifier):
            raise UserError(f"{args.classifier}: is of kind '{classifier.kind}'; only 'pose' can be exported")
        read = [read_corpus_landmarks(clip.path) for clip in read_corpus(args.corpus)]
        clips = [clip for clip in read if clip.found.any() and len(clip) >= classifier.window]
        chosen = clips[:: max(1, len(clips) // args.windows)][: args.windows]
        first = [next(cut_windows(tracks_from_landmarks(clip), classifier.window)) for clip in chosen]
        windows = {IMAGE: np.stack([one.image[0] for one in first]), WORLD: np.stack([one.world[0] for one in first])}
        expected = classifier.graph(**windows).probabilities
        print("| format | kB | load | a window alone | in a batch | largest difference |")
        print("| --- | --- | --- | --- | --- | --- |")
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
        print(f"\n{len(expected)} windows of {classifier.window} frames, one thread.")


if __name__ == "__main__":
    main()
