"""The live camera: pictures come in over a WebSocket, the skeleton and the count go back.

A message of the browser is the time in seconds, a little-endian float64, and a JPEG after it; or the text 'stop', which
asks for the final answer. Every picture gets one message back. The browser sends the next when it has the answer, so
that a slow machine is given fewer pictures and none waits in line.
"""

import asyncio
import json
import math
import struct
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
from aiohttp import WSMsgType, web

from fitness_tracker.blazepose.skeleton import SIDE_BONES
from fitness_tracker.drawing.skeleton import CROSS_BONES
from fitness_tracker.models.classifier import Classifier
from fitness_tracker.page.live import LiveSession, LiveState
from fitness_tracker.page.messages import NO_PICTURE
from fitness_tracker.prediction.inputs import pixels_of
from fitness_tracker.video.frames import decode_picture

LARGEST = 2**20  # bytes of a message
PIXELS = 1280 * 1280  # of a picture
SILENCE = 30.0  # seconds after which a browser that says nothing has left
SKELETON = [*SIDE_BONES, *CROSS_BONES]  # (start, end) landmarks
Result = TypeVar("Result")


class BadPictureError(Exception):
    """What came is no picture with a time."""


async def watch_camera(socket: web.WebSocketResponse, classifier: Classifier, answers: Executor) -> None:
    """Answers to one camera until it stops; answers about the exercise are made in `answers`."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1) as thread:  # the networks of one session serve one thread

        async def call(function: Callable[..., Result], *arguments: Any) -> Result:
            return await loop.run_in_executor(thread, function, *arguments)

        session = await call(LiveSession, classifier, answers)
        try:
            await socket.send_str(json.dumps({"bones": SKELETON}))
            async for message in socket:
                if message.type == WSMsgType.BINARY:
                    state, size = await call(look, session, message.data)
                    await socket.send_str(json.dumps(describe(state, size)))
                elif message.type == WSMsgType.TEXT and message.data == "stop":
                    await socket.send_str(json.dumps({**describe(await call(session.finish), (1, 1)), "final": True}))
                    break
        except BadPictureError:
            await socket.send_str(json.dumps({"error": NO_PICTURE}))
        except ConnectionError:
            pass  # the browser has left


def look(session: LiveSession, message: bytes) -> tuple[LiveState, tuple[int, int]]:
    """The state after a message's picture, and the picture's width and height."""
    if len(message) <= 8 or pixels_of(message[8:]) not in range(1, PIXELS + 1):
        raise BadPictureError
    (seconds,) = struct.unpack("<d", message[:8])
    frame = decode_picture(message[8:])
    if frame is None or not math.isfinite(seconds):
        raise BadPictureError
    return session.add(frame, seconds), (frame.shape[1], frame.shape[0])


def describe(state: LiveState, size: tuple[int, int]) -> dict[str, Any]:
    """What the page is told: points [x, y, visibility] as shares of the picture's width and height."""
    points = None
    if state.landmarks is not None:
        points = np.round(state.landmarks / np.array([*size, 1]), 4).tolist()
    return {
        "points": points,
        "text": state.text,
        "confidence": round(state.confidence, 3),
        "repetitions": state.repetitions,
        "held_s": state.held_s,
        "sets": [
            {"exercise": done.exercise, "repetitions": done.repetitions, "held_s": done.held_s} for done in state.sets
        ],
    }
