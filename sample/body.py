"""A kinematic body model: invented people, and where their joints are while they exercise.

Coordinates are metres, right-handed: x to the person's left, y up from the floor, z the way the person faces.
Segment lengths are fractions of body height from Drillis and Contini (1966), as printed in D. A. Winter,
"Biomechanics and Motor Control of Human Movement", figure 4.1; each varies by a few per cent from person to person.
"""

from dataclasses import dataclass

import numpy as np

Pose = dict[str, np.ndarray]  # joint name -> (3,) float64, metres

SEGMENTS = {  # fractions of body height
    "upper_arm": 0.186,
    "forearm": 0.146,
    "hand": 0.108,
    "thigh": 0.245,
    "shank": 0.246,
    "foot": 0.152,
    "ankle": 0.039,  # height above the sole
    "shoulders": 0.259,  # from joint to joint
    "hips": 0.191,
    "trunk": 0.288,  # hip line to shoulder line
    "neck": 0.104,  # shoulder line to the middle of the head
}
LEFT, RIGHT = 1.0, -1.0
SIDES = (("left", LEFT), ("right", RIGHT))
DOWN = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class Body:
    """One invented person: segment lengths in metres, then habits that colour every movement, as factors about 1."""

    upper_arm: float
    forearm: float
    hand: float
    thigh: float
    shank: float
    foot: float
    ankle: float
    shoulders: float
    hips: float
    trunk: float
    neck: float
    depth: float  # range of motion
    stance: float  # width between the feet
    lean: float  # how far the trunk bends

    @property
    def arm(self) -> float:
        return self.upper_arm + self.forearm

    @property
    def leg(self) -> float:
        return self.thigh + self.shank


def invent_body(rng: np.random.Generator) -> Body:
    height = rng.uniform(1.52, 1.96)
    lengths = {name: height * share * rng.uniform(0.94, 1.06) for name, share in SEGMENTS.items()}
    return Body(**lengths, depth=rng.uniform(0.75, 1.0), stance=rng.uniform(0.85, 1.25), lean=rng.uniform(0.85, 1.15))


def reach(
    root: np.ndarray, target: np.ndarray, first: float, second: float, pole: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Two-bone inverse kinematics: the middle joint and the end, bent towards `pole` (a direction)."""
    line = target - root
    distance = np.clip(np.linalg.norm(line), abs(first - second) + 1e-6, (first + second) * 0.9999)
    along = line / max(np.linalg.norm(line), 1e-9)
    across = pole - along * (pole @ along)
    across /= max(np.linalg.norm(across), 1e-9)
    cosine = np.clip((first**2 + distance**2 - second**2) / (2 * first * distance), -1, 1)
    middle = root + first * (cosine * along + np.sqrt(1 - cosine**2) * across)
    return middle, root + along * distance


def unit(x: float, y: float, z: float) -> np.ndarray:
    vector = np.array([x, y, z])
    return vector / np.linalg.norm(vector)


def trunk(body: Body, pelvis: np.ndarray, pitch: float, look: float = 0.0) -> Pose:
    """Pelvis to head, the trunk bent forward by `pitch` radians; the head is bent `look` radians less far."""
    left = np.array([1.0, 0, 0])
    up = np.array([0, np.cos(pitch), np.sin(pitch)])
    gaze = pitch - look
    head_up = np.array([0, np.cos(gaze), np.sin(gaze)])
    chest = pelvis + body.trunk * up
    joints = {
        "pelvis": pelvis,
        "chest": chest,
        "head": chest + body.neck * (0.5 * up + 0.5 * head_up),
        "front": np.array([0, -np.sin(pitch), np.cos(pitch)]),  # a direction: out of the breast
        "face": np.array([0, -np.sin(gaze), np.cos(gaze)]),  # a direction: out of the nose
        "crown": head_up,  # a direction: out of the top of the head
    }
    for side, sign in SIDES:
        joints[f"{side}_hip"] = pelvis + sign * 0.5 * body.hips * left
        joints[f"{side}_shoulder"] = chest + sign * 0.5 * body.shoulders * left
    return joints


def add_leg(joints: Pose, body: Body, side: str, ankle: np.ndarray, pole: np.ndarray, toe: np.ndarray) -> None:
    knee, ankle = reach(joints[f"{side}_hip"], ankle, body.thigh, body.shank, pole)
    sole = np.cross(toe, np.array([1.0, 0, 0]))  # from the ankle to the sole, for a foot that points along z
    sole = sole if sole[1] < 0 or abs(sole[1]) < 1e-9 else -sole
    joints[f"{side}_knee"], joints[f"{side}_ankle"] = knee, ankle
    joints[f"{side}_heel"] = ankle + body.ankle * 0.6 * sole - 0.22 * body.foot * toe
    joints[f"{side}_toe"] = ankle + body.ankle * 0.8 * sole + 0.72 * body.foot * toe


def add_arm(joints: Pose, body: Body, side: str, wrist: np.ndarray, pole: np.ndarray) -> None:
    elbow, wrist = reach(joints[f"{side}_shoulder"], wrist, body.upper_arm, body.forearm, pole)
    add_forearm(joints, body, side, elbow, wrist)


def add_forearm(joints: Pose, body: Body, side: str, elbow: np.ndarray, wrist: np.ndarray) -> None:
    along = (wrist - elbow) / max(np.linalg.norm(wrist - elbow), 1e-9)
    joints[f"{side}_elbow"], joints[f"{side}_wrist"] = elbow, wrist
    joints[f"{side}_hand"] = wrist + 0.75 * body.hand * along


def stand(
    body: Body, drop: float = 0.0, back: float = 0.0, pitch: float = 0.0, look: float = 0.0, feet: float = 1.0
) -> Pose:
    """Upright on both feet; the pelvis `drop` metres lower and `back` metres behind the ankles."""
    pelvis = np.array([0.0, body.ankle + 0.985 * body.leg - drop, -back])
    joints = trunk(body, pelvis, pitch, look)
    for side, sign in SIDES:
        ankle = np.array([sign * 0.5 * body.hips * body.stance * feet, body.ankle, 0.0])
        add_leg(joints, body, side, ankle, unit(sign * 0.25, 0, 1), unit(sign * 0.2, 0, 1))
    return joints


def hang_arms(joints: Pose, body: Body) -> None:
    for side, sign in SIDES:
        wrist = joints[f"{side}_shoulder"] + body.arm * 0.97 * unit(sign * 0.12, -1, 0.08)
        add_arm(joints, body, side, wrist, unit(sign * 0.3, 0, -1))


def squat(body: Body, effort: float) -> Pose:
    drop = 0.47 * body.leg * body.depth * effort
    joints = stand(body, drop, 0.42 * drop, 0.75 * body.lean * effort, 0.6 * effort, feet=1.7)
    for side, sign in SIDES:
        forward = unit(-sign * 0.25, -0.9 + 0.85 * effort, 0.25 + 0.75 * effort)
        add_arm(joints, body, side, joints[f"{side}_shoulder"] + 0.93 * body.arm * forward, unit(sign, -0.6, 0))
    return joints


def deadlift(body: Body, effort: float) -> Pose:
    drop = 0.2 * body.leg * effort
    pitch = 1.28 * body.depth * body.lean * effort
    joints = stand(body, drop, 0.28 * body.leg * effort, pitch, 0.5 * effort, feet=1.2)
    for side, sign in SIDES:
        shoulder = joints[f"{side}_shoulder"]
        wrist = shoulder + 0.985 * body.arm * unit(sign * 0.05, -1, 0.1 - 0.1 * effort)
        add_arm(joints, body, side, wrist, unit(sign * 0.4, 0, -1))
    return joints


def biceps_curl(body: Body, effort: float) -> Pose:
    joints = stand(body, pitch=0.04)
    for side, sign in SIDES:
        elbow = joints[f"{side}_shoulder"] + body.upper_arm * unit(sign * 0.12, -1, 0.06 + 0.15 * effort)
        bend = 0.15 + 2.2 * body.depth * effort  # radians at the elbow
        wrist = elbow + body.forearm * unit(sign * 0.08, -np.cos(bend), np.sin(bend))
        add_forearm(joints, body, side, elbow, wrist)
    return joints


def shoulder_press(body: Body, effort: float) -> Pose:
    joints = stand(body, pitch=-0.03)
    for side, sign in SIDES:
        low, high = np.array([sign * 0.13, 0.04, 0.10]), np.array([-sign * 0.02, 0.97 * body.arm, 0.03])
        wrist = joints[f"{side}_shoulder"] + low + (high - low) * body.depth * effort
        add_arm(joints, body, side, wrist, unit(sign, -0.9, 0.25))
    return joints


def jumping_jack(body: Body, effort: float) -> Pose:
    spread = np.radians(3 + 21 * body.depth * effort)
    hop = 0.10 * np.sin(np.pi * effort)
    pelvis = np.array([0.0, body.ankle + 0.985 * body.leg * np.cos(spread) + hop, 0.0])
    joints = trunk(body, pelvis, 0.02)
    lift = np.radians(12 + 152 * effort)
    for side, sign in SIDES:
        ankle = joints[f"{side}_hip"] + 0.985 * body.leg * np.array([sign * np.sin(spread), -np.cos(spread), 0])
        add_leg(joints, body, side, ankle, unit(sign * 0.2, 0, 1), unit(sign * 0.25, -0.5 * (hop > 0.03), 1))
        wrist = joints[f"{side}_shoulder"] + 0.96 * body.arm * unit(sign * np.sin(lift), -np.cos(lift), 0.06)
        add_arm(joints, body, side, wrist, unit(0, 0, -1))
    return joints


def lunge(body: Body, effort: float) -> Pose:
    stride = 0.72 * body.leg * min(1.0, 1.6 * effort)
    drop = (0.36 * body.depth + 0.06) * body.leg * effort
    pelvis = np.array([0.0, body.ankle + 0.985 * body.leg - drop, 0.5 * stride])
    joints = trunk(body, pelvis, 0.12 * body.lean * effort)
    lift = 0.12 * np.sin(np.pi * min(1.0, 1.6 * effort))  # the stepping foot leaves the floor
    across = 0.5 * body.hips * body.stance
    front = np.array([across, body.ankle + lift, stride])
    add_leg(joints, body, "left", front, unit(0.1, 0, 1), unit(0.05, 0, 1))
    raised = min(1.0, 1.3 * effort)  # the rear heel rises, the toes stay
    toe = unit(0, -1.4 * raised, 1)
    rear = np.array([-across, body.ankle + 0.6 * body.foot * raised, 0.12 * raised])
    add_leg(joints, body, "right", rear, unit(-0.1, -0.4, 1), toe)
    for side, sign in SIDES:
        hand = joints[f"{side}_hip"] + np.array([sign * 0.09, 0.10, 0.06])  # hands on the hips
        add_arm(joints, body, side, hand, unit(sign, 0, -0.7))
    return joints


def lie_on_toes(body: Body, shoulder_height: float) -> Pose:
    """Face down in one straight line from the ankles to the shoulders, on the toes."""
    ankle_height = 0.7 * body.foot
    slope = np.arcsin(np.clip((shoulder_height - ankle_height) / (body.leg + body.trunk), -1, 1))
    line = np.array([0, np.sin(slope), np.cos(slope)])
    ankle = np.array([0, ankle_height, -0.5 * (body.leg + body.trunk)])
    joints = trunk(body, ankle + 0.99 * body.leg * line, np.pi / 2 - slope, look=0.35)
    for side, sign in SIDES:
        foot = ankle + np.array([sign * 0.5 * body.hips * body.stance, 0, 0])
        add_leg(joints, body, side, foot, unit(0, -1, 0), unit(0, -1, 0.25))
    return joints


def push_up(body: Body, effort: float) -> Pose:
    high, low = 0.95 * body.arm, 0.38 * body.arm
    joints = lie_on_toes(body, high + (low - high) * body.depth * effort)
    top = lie_on_toes(body, high)
    for side, sign in SIDES:
        shoulder = top[f"{side}_shoulder"]  # the hands stay where they were planted
        hand = np.array([shoulder[0] + sign * 0.10 * body.stance, 0.05, shoulder[2] - 0.03])
        add_arm(joints, body, side, hand, unit(sign * 0.9, 0.2, -1))
        joints[f"{side}_hand"] = joints[f"{side}_wrist"] + np.array([0, -0.02, 0.7 * body.hand])
    return joints


def plank(body: Body, effort: float) -> Pose:
    joints = lie_on_toes(body, body.upper_arm + 0.05 + 0.015 * effort)  # nothing but breath moves
    for side, sign in SIDES:
        shoulder = joints[f"{side}_shoulder"]
        elbow = shoulder + body.upper_arm * unit(sign * 0.05, -1, 0)
        add_forearm(joints, body, side, elbow, elbow + body.forearm * unit(-sign * 0.35, 0, 1))
    return joints


EXERCISES = {  # the movement, and the seconds one repetition takes (None: a hold, with nothing to count)
    "biceps_curl": (biceps_curl, (1.0, 1.8)),
    "deadlift": (deadlift, (1.3, 2.4)),
    "jumping_jack": (jumping_jack, (0.7, 1.2)),
    "lunge": (lunge, (1.3, 2.2)),
    "plank": (plank, None),
    "push_up": (push_up, (1.0, 1.9)),
    "shoulder_press": (shoulder_press, (1.1, 2.0)),
    "squat": (squat, (1.2, 2.2)),
}
LYING = ("plank", "push_up")
