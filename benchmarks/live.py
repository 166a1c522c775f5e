"""How many frames a second the live camera keeps up with, and where the time goes.

Gives the frames of CLIP to a `LiveSession`, as fast as it takes them, with answers made beside by a thread, as the page
does; each frame is decoded from JPEG first, as it comes from a browser. Prints a Markdown table, and what was counted.
"""

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from fitness_tracker.core.errors import exit_with_message
from fitness_tracker.models.bundle import load_classifier
from fitness_tracker.page.live import LiveSession
from fitness_tracker.video.ffmpeg import read_frames
from fitness_tracker.video.frames import decode_picture, encode_jpeg

RATE = 10  # frames a second of the camera
WARM_UP = 20  # frames


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--classifier", type=Path, default=Path("models/classifier"))
    args = parser.parse_args()
    with exit_with_message("live"):
        classifier = load_classifier(args.classifier)
        pictures = [encode_jpeg(frame, 80) for frame in read_frames(args.clip, RATE, classifier.fit)]
        with ThreadPoolExecutor(1) as executor:
            session, decoding, adding = LiveSession(classifier, executor), [], []
            for number, picture in enumerate(pictures):
                start = time.perf_counter()
                frame = decode_picture(picture)
                decoded = time.perf_counter()
                assert frame is not None
                session.add(frame, number / RATE)
                decoding.append(decoded - start)
                adding.append(time.perf_counter() - decoded)
            state = session.finish()
    whole = np.array(decoding[WARM_UP:]) + np.array(adding[WARM_UP:])
    print("| of a frame | median ms | 95 % below |\n| --- | --- | --- |")
    for name, values in (("JPEG", decoding[WARM_UP:]), ("person, answer", adding[WARM_UP:]), ("whole", whole)):
        print(f"| {name} | {1000 * np.median(values):.1f} | {1000 * np.quantile(values, 0.95):.1f} |")
    print(f"\n{1 / whole.mean():.0f} frames a second")
    print("; ".join(f"{one.exercise} {one.repetitions}" for one in state.sets))


if __name__ == "__main__":
    main()
