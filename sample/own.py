"""Draws two people who do an exercise that nothing teaches, a leg lift, to try `fitness-tracker enrol` with.

python sample/own.py FOLDER
"""

import argparse
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import body
import numpy as np
import render

Movement = Callable[[body.Body, float], body.Pose]


def leg_lift(shape: body.Body, effort: float) -> body.Pose:
    """The left leg goes up to the side, and both arms."""
    joints = body.stand(shape)
    for side, sign in body.SIDES:
        lift = np.radians(4 + 66 * effort) if side == "left" else np.radians(3)
        ankle = joints[f"{side}_hip"] + 0.985 * shape.leg * np.array([sign * np.sin(lift), -np.cos(lift), 0])
        body.add_leg(joints, shape, side, ankle, body.unit(sign * 0.2, 0, 1), body.unit(sign * 0.25, 0, 1))
        up = np.radians(10 + (150 if side == "right" else 60) * effort)
        wrist = joints[f"{side}_shoulder"] + 0.96 * shape.arm * body.unit(sign * np.sin(up), -np.cos(up), 0.06)
        body.add_arm(joints, shape, side, wrist, body.unit(0, 0, -1))
    return joints


def archer(shape: body.Body, effort: float) -> body.Pose:
    """Held: the feet far apart, the knees bent, the arms out; nothing but breath moves."""
    joints = body.stand(shape, 0.25 * shape.leg + 0.01 * effort, feet=3.5)
    for side, sign in body.SIDES:
        wrist = joints[f"{side}_shoulder"] + 0.96 * shape.arm * body.unit(sign, 0.02 * effort, 0.1)
        body.add_arm(joints, shape, side, wrist, body.unit(0, 0, -1))
    return joints


def stand_still(shape: body.Body, effort: float) -> body.Pose:
    joints = body.stand(shape)
    body.hang_arms(joints, shape)
    return joints


def walk(shape: body.Body, metres: float) -> body.Pose:
    """Towards the place, `metres` of it behind, less than 0."""
    joints = stand_still(shape, 0)
    for side, sign in body.SIDES:
        swing = sign * np.sin(2 * np.pi * metres / 1.3)
        ankle = np.array([sign * 0.1, shape.ankle + 0.08 * max(0, swing), 0.3 * swing])
        body.add_leg(joints, shape, side, ankle, body.unit(0, 0, 1), body.unit(0, 0, 1))
        wrist = joints[f"{side}_shoulder"] + 0.95 * shape.arm * body.unit(sign * 0.1, -1, -0.35 * swing)
        body.add_arm(joints, shape, side, wrist, body.unit(0, 0, -1))
    return {name: point + np.array([0, 0, metres]) for name, point in joints.items()}


def draw(path: Path, movement: Movement, seed: int, repetitions: int, seconds: float = 8, visit: bool = False) -> None:
    """Writes a clip of somebody, another one for each `seed`; 0 repetitions: they hold a position.

    Who does a `visit` walks in for 3 s, and back at the end.
    """

    def efforts(rng: np.random.Generator, exercise: str, length: float, rate: int) -> tuple[np.ndarray, int]:
        lead = 4.5 if visit else 0
        times = np.arange(round((seconds + 2 * lead) * rate)) / rate
        place = np.clip((times - lead) / seconds, 0, 1)
        effort = 0.5 - 0.5 * np.cos(2 * np.pi * repetitions * place) if repetitions else 0.5 + 0.4 * np.sin(2 * times)
        end = times[-1]
        behind = np.interp(times, [0, 3, end - 3, end], [-3, 0, 0, -3]) if visit else 0 * times
        return np.where(behind < 0, behind, effort), repetitions

    def move(shape: body.Body, effort: float) -> body.Pose:
        return movement(shape, effort) if effort >= 0 else walk(shape, effort)

    rng = np.random.default_rng(seed)
    with patch.dict(render.EXERCISES, {"own": (move, None)}), patch.object(render, "efforts", efforts):
        render.render_clip(path, "own", render.invent_person(rng), rng)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for name, seed in (("anna", 1), ("ben", 2)):
        draw(folder / f"{name}.mp4", leg_lift, seed, repetitions=4)


if __name__ == "__main__":
    main()
