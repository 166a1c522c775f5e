"""Draws the embedded sample: short clips of invented people who exercise, and how often they repeated.

Writes VIDEOS/<exercise>/<person>__<n>.mp4 and TRUTH (clip, repetitions). Everything comes from `SEED`: the same
bytes every time. The people are capsules with light on them; scores on them say nothing about real people.
"""

import argparse
import os
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import joblib
import numpy as np
import pandas as pd
from body import EXERCISES, LYING, Body, Pose, invent_body
from moviepy.video.io.ffmpeg_writer import FFMPEG_VideoWriter

SEED = 2024
# x264 gives other bytes with AVX-512 than with AVX2.
SAME_ON_EVERY_CPU = ["-x264-params", "asm=AVX2"] if platform.machine() in ("x86_64", "AMD64") else []
SIZES = ((640, 480), (640, 360), (480, 640), (480, 480), (576, 432), (360, 640))
FRAME_RATES = (15, 20)
SKINS = ((245, 214, 190), (224, 178, 142), (196, 144, 104), (150, 102, 70), (104, 68, 48), (72, 48, 36))
HAIRS = ((32, 26, 22), (74, 50, 32), (150, 112, 62), (120, 120, 122), (140, 70, 36))


@dataclass(frozen=True)
class Person:
    body: Body
    skin: np.ndarray  # (3,) RGB, 0-255, like the colours below
    hair: np.ndarray
    shirt: np.ndarray
    trousers: np.ndarray
    shoes: np.ndarray
    girth: float  # limb thickness, as a factor
    sleeves: bool  # down to the wrist
    shorts: bool
    long_hair: bool
    room: int  # seed of the place where this person exercises


@dataclass(frozen=True)
class Camera:
    position: np.ndarray  # (3,) metres
    rotation: np.ndarray  # (3, 3) rows: right, down, forward
    focal: float  # pixels
    width: int
    height: int

    def view(self, points: np.ndarray) -> np.ndarray:
        """World to camera, metres: (..., 3) to (..., 3) right, down, forward."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: np.ndarray) -> np.ndarray:
        """World to picture: (..., 3) metres to (..., 2) pixels."""
        seen = self.view(points)
        return self.focal * seen[..., :2] / np.maximum(seen[..., 2:], 0.1) + (self.width / 2, self.height / 2)


class Capsule(NamedTuple):
    """A tapered capsule: two ends (3,) and the radii there, metres; paint (3,) RGB, 0-255."""

    start: np.ndarray
    end: np.ndarray
    first: float
    second: float
    paint: np.ndarray


def colour(rng: np.random.Generator, low: int, high: int) -> np.ndarray:
    return rng.integers(low, high, 3).astype(float)


def invent_person(rng: np.random.Generator) -> Person:
    return Person(
        body=invent_body(rng),
        skin=np.array(SKINS[rng.integers(len(SKINS))], float) * rng.uniform(0.93, 1.05),
        hair=np.array(HAIRS[rng.integers(len(HAIRS))], float),
        shirt=colour(rng, 20, 240),
        trousers=colour(rng, 15, 190),
        shoes=colour(rng, 20, 250),
        girth=rng.uniform(0.88, 1.22),
        sleeves=bool(rng.random() < 0.3),
        shorts=bool(rng.random() < 0.5),
        long_hair=bool(rng.random() < 0.45),
        room=int(rng.integers(2**31)),
    )


def efforts(rng: np.random.Generator, exercise: str, seconds: float, rate: int) -> tuple[np.ndarray, int]:
    """Effort (0 rest, 1 full) for each frame, and the number of whole repetitions: each goes from rest to rest."""
    times = np.arange(round(seconds * rate)) / rate
    tempo = EXERCISES[exercise][1]
    if tempo is None:
        return 0.5 + 0.5 * np.sin(2 * np.pi * times / rng.uniform(2.5, 4) + rng.uniform(0, 6)), 0
    count = max(1, int(seconds * 0.94 / rng.uniform(*tempo)))
    pause = seconds * rng.uniform(0.02, 0.05)
    progress = np.clip((times - pause) / (seconds - 2 * pause), 0, 1) * count
    skew = rng.uniform(0.8, 1.25)  # one half of the movement is slower than the other
    return 0.5 - 0.5 * np.cos(2 * np.pi * (progress % 1.0) ** skew), count


def solids(person: Person, pose: Pose) -> list[Capsule]:
    """The body and its clothes."""
    body, fat = person.body, person.girth
    arm_cloth = person.shirt if person.sleeves else person.skin
    leg_cloth = person.skin if person.shorts else person.trousers
    left = (pose["left_shoulder"] - pose["right_shoulder"]) / body.shoulders
    chest, pelvis = pose["chest"], pose["pelvis"]
    up = (chest - pelvis) / np.linalg.norm(chest - pelvis)
    parts: list[Capsule] = []

    def add(
        start: np.ndarray, end: np.ndarray, first: float, second: float, paint: np.ndarray, scale: float = fat
    ) -> None:
        parts.append(Capsule(start, end, first * scale, second * scale, paint))

    for sign in (-1, 1):
        waist, rib = pelvis + up * 0.10 + sign * left * 0.06, chest - up * 0.07 + sign * left * 0.085
        add(waist, rib, 0.088, 0.098, person.shirt)
        add(rib, chest + sign * left * 0.40 * body.shoulders - up * 0.015, 0.085, 0.062, person.shirt)
        add(pelvis + sign * left * 0.055, pelvis + up * 0.06 + sign * left * 0.05, 0.098, 0.092, person.trousers)
    for side in ("left", "right"):
        shoulder, elbow, wrist, hand = (pose[f"{side}_{joint}"] for joint in ("shoulder", "elbow", "wrist", "hand"))
        add(shoulder, shoulder + 0.45 * (elbow - shoulder), 0.058, 0.050, person.shirt)
        add(shoulder + 0.4 * (elbow - shoulder), elbow, 0.046, 0.038, arm_cloth)
        add(elbow, wrist, 0.038, 0.026, arm_cloth)
        palm = wrist + 0.55 * (hand - wrist)
        add(wrist, palm, 0.026, 0.036, person.skin)
        add(palm, hand, 0.033, 0.018, person.skin)
        along = (hand - wrist) / np.linalg.norm(hand - wrist)
        aside = np.cross(along, left)
        if np.linalg.norm(aside) > 0.2:
            add(wrist + 0.3 * (hand - wrist), palm + 0.05 * aside / np.linalg.norm(aside), 0.016, 0.012, person.skin)
        hip, knee, ankle, heel, toe = (pose[f"{side}_{joint}"] for joint in ("hip", "knee", "ankle", "heel", "toe"))
        add(hip, hip + 0.6 * (knee - hip), 0.087, 0.070, person.trousers)
        add(hip + 0.55 * (knee - hip), knee, 0.070, 0.054, leg_cloth)
        add(knee, knee + 0.4 * (ankle - knee), 0.052, 0.055, leg_cloth)
        add(knee + 0.4 * (ankle - knee), ankle, 0.054, 0.036, leg_cloth)
        add(ankle, heel, 0.040, 0.036, person.shoes)
        add(heel, toe, 0.038, 0.030, person.shoes)
    head, face, crown = pose["head"], pose["face"], pose["crown"]
    add(chest, head - 0.02 * crown, 0.052, 0.050, person.skin)
    add(head - 0.03 * crown + 0.02 * face, head + 0.055 * crown, 0.068, 0.088, person.skin, 1)
    add(head + 0.075 * crown - 0.012 * face, head + 0.02 * crown - 0.035 * face, 0.084, 0.082, person.hair, 1)
    if person.long_hair:
        add(head - 0.055 * face, head - 0.16 * crown - 0.07 * face, 0.066, 0.045, person.hair, 1)
    add(head + 0.02 * crown + 0.085 * face, head - 0.012 * crown + 0.100 * face, 0.012, 0.016, person.skin * 0.95, 1)
    lips = person.skin * (0.8, 0.5, 0.5)
    add(
        head - 0.05 * crown + 0.080 * face - 0.02 * left,
        head - 0.05 * crown + 0.080 * face + 0.02 * left,
        0.009,
        0.009,
        lips,
        1,
    )
    for sign in (-1, 1):
        eye = head + 0.025 * crown + 0.074 * face + sign * 0.034 * left
        add(eye, eye + 0.001 * left, 0.0165, 0.0165, np.array([240.0, 240, 240]), 1)
        add(eye + 0.010 * face, eye + 0.011 * face, 0.0095, 0.0095, np.array([40.0, 28, 22]), 1)
        brow = eye + 0.026 * crown + 0.006 * face
        add(brow - sign * 0.014 * left, brow + sign * 0.018 * left, 0.006, 0.005, person.hair * 0.8, 1)
        add(
            head + 0.015 * crown + sign * 0.088 * left,
            head - 0.02 * crown + sign * 0.084 * left,
            0.018,
            0.013,
            person.skin * 0.94,
            1,
        )
    return parts


STEEL, RUBBER = np.array([150.0, 152, 158]), np.array([42.0, 42, 46])


def weights(exercise: str, pose: Pose) -> list[Capsule]:
    """What the hands hold: a barbell for the deadlift, dumbbells for curls and presses."""
    grips = [0.4 * pose[f"{side}_wrist"] + 0.6 * pose[f"{side}_hand"] for side in ("left", "right")]
    if exercise == "deadlift":
        across = (grips[0] - grips[1]) / np.linalg.norm(grips[0] - grips[1])
        middle = (grips[0] + grips[1]) / 2
        bar = [Capsule(middle - 0.85 * across, middle + 0.85 * across, 0.014, 0.014, STEEL)]
        plates = [Capsule(middle + s * 0.72 * across, middle + s * 0.76 * across, 0.11, 0.11, RUBBER) for s in (-1, 1)]
        return bar + plates
    if exercise in ("biceps_curl", "shoulder_press"):
        left = np.array([1.0, 0, 0])
        bars = [Capsule(grip - 0.10 * left, grip + 0.10 * left, 0.014, 0.014, STEEL) for grip in grips]
        ends = [Capsule(g + s * 0.09 * left, g + s * 0.12 * left, 0.048, 0.048, RUBBER) for g in grips for s in (-1, 1)]
        return bars + ends
    return []


def turn(points: np.ndarray, yaw: float) -> np.ndarray:
    """Points about the upright axis by `yaw` radians: (..., 3) to (..., 3)."""
    cosine, sine = np.cos(yaw), np.sin(yaw)
    return points @ np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])


def aim_camera(rng: np.random.Generator, poses: list[Pose], size: tuple[int, int]) -> Camera:
    """A camera in front of the person (towards +z) that sees all of every pose, with some room around it."""
    width, height = size
    joints = [name for name in poses[0] if name not in ("front", "face", "crown")]
    cloud = np.array([pose[name] for pose in poses for name in joints])
    middle = (cloud.min(0) + cloud.max(0)) / 2
    position = np.array([rng.uniform(-0.2, 0.2), rng.uniform(0.4, 1.9), 0.0])
    focal = rng.uniform(0.9, 1.5) * max(size)
    fill = rng.uniform(0.62, 0.86)
    for distance in np.arange(1.5, 14, 0.1):
        position[2] = distance
        forward = middle - position
        forward /= np.linalg.norm(forward)
        right = np.cross(forward, [0.0, 1.0, 0.0])
        right /= np.linalg.norm(right)
        camera = Camera(position.copy(), np.stack([right, np.cross(forward, right), forward]), focal, width, height)
        reach = np.abs(camera.project(cloud) - (width / 2, height / 2)).max(0) + 0.13 * focal / distance
        if (reach <= fill * np.array([width, height]) / 2).all():
            break
    return camera


def draw_room(rng: np.random.Generator, camera: Camera) -> np.ndarray:
    """Wall, floor, some furniture and a mat: (H, W, 3) float32 RGB, 0-255."""
    height, width = camera.height, camera.width
    wall, floor = rng.uniform(110, 225) + rng.normal(0, 14, 3), rng.uniform(60, 180) + rng.normal(0, 14, 3)
    edge = camera.project(np.array([[-20.0, 0, -2.6], [20, 0, -2.6]]))
    rows = np.arange(height, dtype=np.float32)[:, None, None]
    shade = 0.82 + 0.3 * rows / height
    picture = np.broadcast_to(wall * shade, (height, width, 3)).astype(np.float32).copy()
    for _ in range(rng.integers(2, 7)):  # windows, posters, shelves
        x, y = rng.uniform(-4, 3.2), rng.uniform(0.2, 2.2)
        corners = np.array([[x, y, -2.6], [x + rng.uniform(0.3, 1.3), y + rng.uniform(0.3, 1.2), -2.6]])
        (x0, y0), (x1, y1) = camera.project(corners).astype(int)
        paint = rng.uniform(50, 240) + rng.normal(0, 30, 3)
        cv2.rectangle(picture, (int(x0), int(y0)), (int(x1), int(y1)), paint.tolist(), -1, cv2.LINE_AA)
        cv2.rectangle(picture, (int(x0), int(y0)), (int(x1), int(y1)), (paint * 0.6).tolist(), 2, cv2.LINE_AA)
    ground = np.array([edge[0], edge[1], (width * 8, height * 4), (-width * 8, height * 4)]).astype(np.int32)
    cv2.fillPoly(picture, [ground], floor.tolist(), cv2.LINE_AA)
    mat = np.array([[-0.5, 0, 1.1], [0.5, 0, 1.1], [0.5, 0, -1.1], [-0.5, 0, -1.1]])
    outline = camera.project(turn(mat, rng.uniform(0, np.pi))).astype(np.int32)
    if rng.random() < 0.6:
        cv2.fillPoly(picture, [outline], colour(rng, 30, 220).tolist(), cv2.LINE_AA)
    coarse = rng.normal(0, 1, (height // 4 + 1, width // 4 + 1)).astype(np.float32)
    grain = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.clip(picture + rng.uniform(2, 7) * grain[..., None], 0, 255).astype(np.float32)


def cast_shadow(picture: np.ndarray, parts: list[Capsule], camera: Camera, light: np.ndarray) -> np.ndarray:
    """The picture, darker where the parts keep the light from the floor."""
    mask = np.zeros(picture.shape[:2], np.uint8)
    for start, end, first, second, _ in parts:
        ends = np.array([start, end])
        fallen = ends - light * (ends[:, 1:2] / light[1])
        (x0, y0), (x1, y1) = camera.project(fallen).astype(int)
        thick = max(2, int(camera.focal * (first + second) / camera.view(ends)[:, 2].mean()))
        cv2.line(mask, (int(x0), int(y0)), (int(x1), int(y1)), 115, thick)
    return picture * (1 - cv2.blur(mask, (13, 13)).astype(np.float32) / 255)[..., None]


def draw_capsule(picture: np.ndarray, depth: np.ndarray, camera: Camera, part: Capsule, light: np.ndarray) -> None:
    """Draws `part`, shaded, into `picture` (H, W, 3) float32 where it is nearer than `depth` (H, W) float32 metres."""
    a, b = camera.view(np.array([part.start, part.end]))
    if min(a[2], b[2]) < 0.3:
        return
    (ax, ay), (bx, by) = (
        camera.focal * point[:2] / point[2] + (camera.width / 2, camera.height / 2) for point in (a, b)
    )
    ra, rb = camera.focal * part.first / a[2], camera.focal * part.second / b[2]  # radii in pixels
    x0, x1 = int(max(0, min(ax - ra, bx - rb) - 1)), int(min(camera.width, max(ax + ra, bx + rb) + 2))
    y0, y1 = int(max(0, min(ay - ra, by - rb) - 1)), int(min(camera.height, max(ay + ra, by + rb) + 2))
    if x0 >= x1 or y0 >= y1:
        return
    x = np.arange(x0, x1, dtype=np.float32)[None, :] - np.float32(ax)  # (1, w)
    y = np.arange(y0, y1, dtype=np.float32)[:, None] - np.float32(ay)  # (h, 1)
    dx, dy = np.float32(bx - ax), np.float32(by - ay)
    along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, np.float32(1e-3)), 0, 1)  # (h, w) from start to end
    radius = np.float32(ra) + along * np.float32(rb - ra)
    nx, ny = (x - along * dx) / radius, (y - along * dy) / radius
    square = nx * nx + ny * ny
    cover = np.clip((1 - np.sqrt(square)) * radius + 0.5, 0, 1)  # soft at the edge
    nz = np.sqrt(np.maximum(1 - square, 0))
    near = np.float32(a[2]) + along * np.float32(b[2] - a[2]) - nz * np.float32(max(part.first, part.second))
    patch = depth[y0:y1, x0:x1]
    cover *= near < patch
    patch[cover > 0.5] = near[cover > 0.5]
    lit = 0.42 + 0.58 * np.maximum(0, -(nx * light[0] + ny * light[1] - nz * light[2]))
    lit *= 0.72 + 0.28 * nz  # edges turn away from the sky
    canvas = picture[y0:y1, x0:x1]
    canvas += cover[..., None] * (lit[..., None] * part.paint.astype(np.float32) - canvas)


def turned(pose: Pose, yaw: float) -> Pose:
    return {name: turn(point, yaw) for name, point in pose.items()}


def render_clip(path: Path, exercise: str, person: Person, rng: np.random.Generator) -> int:
    """Writes one clip; returns how many repetitions it shows."""
    size, rate = SIZES[rng.integers(len(SIZES))], int(rng.choice(FRAME_RATES))
    effort, count = efforts(rng, exercise, rng.uniform(2.0, 4.0), rate)
    side = rng.choice((-1, 1)) * np.pi / 2 if exercise in LYING else 0.0  # who lies is looked at from the side
    yaw = side + np.radians(rng.uniform(-60, 60))
    movement = EXERCISES[exercise][0]
    poses = [turned(movement(person.body, float(level)), yaw) for level in effort]
    camera = aim_camera(rng, poses, size)
    paint = rng.uniform(0.72, 1.15) * (1 + rng.uniform(-0.07, 0.07, 3))  # how bright the light is, and its tint
    room = draw_room(np.random.default_rng(person.room), camera) * paint.astype(np.float32)
    light = np.array([rng.uniform(-0.8, 0.8), -1.0, rng.uniform(-0.9, -0.2)])  # the way that light falls
    light /= np.linalg.norm(light)
    seen_light = camera.rotation @ light
    grain = [rng.integers(-3, 4, (*room.shape[:2], 1)).astype(np.float32) for _ in range(5)]
    tilt = rng.normal(0, 0.003, (len(poses), 2)).cumsum(0) * 3  # a hand-held camera, in pixels
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = FFMPEG_VideoWriter(
        str(path), size, rate, codec="libx264", preset="veryfast", threads=1, pixel_format="yuv420p",
        ffmpeg_params=[
            "-crf", "26", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-map_metadata", "-1",
            "-sws_flags", "bicubic+accurate_rnd+bitexact", *SAME_ON_EVERY_CPU,
        ],
    )  # fmt: skip
    with writer:
        for number, (pose, shift) in enumerate(zip(poses, tilt, strict=True)):
            props = [
                held._replace(start=turn(held.start, yaw), end=turn(held.end, yaw))
                for held in weights(exercise, turned(pose, -yaw))
            ]
            parts = solids(person, pose) + props
            picture = cast_shadow(room, parts, camera, light)
            depth = np.full(picture.shape[:2], np.inf, np.float32)
            for part in parts:
                draw_capsule(picture, depth, camera, part._replace(paint=part.paint * paint), seen_light)
            picture += grain[number % len(grain)]
            picture = np.clip(picture, 0, 255, out=picture).astype(np.uint8)
            move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float32)
            writer.write_frame(cv2.warpAffine(picture, move, size, borderMode=cv2.BORDER_REPLICATE))
    return count


def random_stream(*key: int) -> np.random.Generator:
    """Independent of those of all other keys; `default_rng([SEED, 1])` and `default_rng([SEED, 1, 0])` are one."""
    return np.random.default_rng(np.random.SeedSequence(SEED, spawn_key=key))


def render_person(videos: Path, number: int, names: list[str]) -> list[tuple[str, int]]:
    """Every exercise of one person: (clip, repetitions) each."""
    cv2.setNumThreads(1)
    person = invent_person(random_stream(number))
    rows = []
    for exercise in names:
        clip = f"{exercise}/person{number:02d}__1.mp4"
        rng = random_stream(number, sorted(EXERCISES).index(exercise))
        rows.append((clip, render_clip(videos / clip, exercise, person, rng)))
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("videos", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--exercises", nargs="+", choices=sorted(EXERCISES), default=sorted(EXERCISES))
    args = parser.parse_args()
    tasks = (joblib.delayed(render_person)(args.videos, number, args.exercises) for number in range(1, args.people + 1))
    rows = sorted(row for person in joblib.Parallel(n_jobs=-1)(tasks) for row in person)
    beside = args.truth.with_suffix(".tmp")
    pd.DataFrame(rows, columns=["clip", "repetitions"]).to_csv(beside, index=False)
    os.replace(beside, args.truth)
    print(f"sample: drew {len(rows)} clips of {args.people} invented people")


if __name__ == "__main__":
    main()
