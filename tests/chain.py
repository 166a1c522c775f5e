"""The first three stages as one clip function."""

from functools import partial
from pathlib import Path

from fitness_tracker.blazepose.tracker import find_landmarks
from fitness_tracker.clips.folder import find_clips
from fitness_tracker.processing.process_clips import process_clips
from fitness_tracker.processing.result_cache import ResultCache, cache_folder
from fitness_tracker.video.ffmpeg import resize_video
from fitness_tracker.video.frames import extract_frames

OUTPUT_VERSION = 1  # of `clip_landmarks`


def clip_landmarks(clip: bytes, detector: bytes, landmarker: bytes) -> bytes:
    return find_landmarks(extract_frames(resize_video(clip, "pad"), 10, 90), detector, landmarker)


def find_all_landmarks(videos: Path, networks: dict[str, bytes], folder: Path) -> None:
    find = partial(clip_landmarks, **networks)
    process_clips(find, find_clips(videos), folder, ".npz", "chain", ResultCache(cache_folder()))
