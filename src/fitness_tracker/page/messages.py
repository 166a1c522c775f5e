"""What a person on the page is told when something goes wrong, in plain words."""

import errno

from fitness_tracker.video.ffmpeg import ClipError, MachineError

NO_VIDEO = "This file does not play as a video. Choose an MP4, MOV, MKV, WebM or AVI file."
FULL_DISK = "The disk of the computer that runs this page is full. Make room there, then try again."
SHORT_OF_MEMORY = "The computer that runs this page is short of memory. Try again in a few minutes."
FAULT = "Something went wrong that should not have; the window where the page was started tells more."
EMPTY = "This file is empty."
STALLED = "The upload stood still for too long. Check the connection, then try again."
MANY_WAIT = "Too many people wait for an answer just now. Try again in a few minutes."
MANY_CAMERAS = "Too many cameras are in use just now. Try again later, or drop a video."
NO_PICTURE = "The camera's pictures do not arrive as they should. Use another browser, or drop a video."

OF_CLIPS = {  # phrase of a `ClipError` -> what a person is told; the first that is found counts
    "limits.memory_bytes": "This video needs too much memory. Save it with a smaller picture, then try again.",
    "limits.cpu_seconds": "This video takes too long to read. Save it with a smaller picture, or cut it.",
    "limits.pixels": "The picture of this video is too large. Save it smaller: 1080p is more than enough.",
    "cut off": "This video was cut off, or its recording never finished. Copy or record it again.",
    "there is no video in it": "There are no pictures in this file, perhaps only sound.",
}


def too_long(minutes: float) -> str:
    return f"This video is longer than {minutes:g} minutes. Cut it, then try again."


def too_large(megabytes: float) -> str:
    return f"This file is larger than {megabytes:g} MB. Cut the video or save it smaller, then try again."


def explain(error: Exception, minutes: float) -> str:
    """The message for an error that a clip brought about; `minutes`: how long it may be."""
    if isinstance(error, ClipError):
        if "limits.seconds" in str(error):
            return too_long(minutes)
        return next((text for phrase, text in OF_CLIPS.items() if phrase in str(error)), NO_VIDEO)
    if isinstance(error, MachineError):
        return SHORT_OF_MEMORY
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return FULL_DISK
    return FAULT
