"""Whom the tracker follows through a shot: one person, known by place, size and colours.

The tracker looks for the person of a frame where they were in the frame before, so somebody who comes close can take
their place. Therefore all people of the picture are looked at anew about once a second, and at once after a leap: of
those, whoever is most like the person who was followed so far is followed on, and backwards to when that was sure.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fitness_tracker.blazepose.regions import RotatedRoi
from fitness_tracker.blazepose.skeleton import Landmark

if TYPE_CHECKING:
    from fitness_tracker.blazepose.tracker import FramePose, PoseTracker

LOOK_BACK = 50  # frames, 46 MB, through which somebody who is found late is tracked backwards
LOOK_EVERY = 10  # frames between looks at all people
FORGET = 50  # frames without the person after which whoever is there takes their place
LEAP, GROWTH = 0.4, 1.5  # of a region's side, and of its size: more than a person does in a frame
NEAR = 0.25  # of a region's side: two regions that are closer show one person

COLOUR_LEVELS = 60.0  # grey levels: colours that differ so much count as much as a place a region's side away
# Distances. In 2,255 looks at found clips, nearly all of a single person, the median was 0.23, nine of ten below 0.8
LIKE, UNLIKE = 0.8, 1.4  # who is nearer may be the person, who is further away may be somebody else
SWITCH, DOUBT = 0.4, 0.25  # how much nearer somebody else must be to be the person; up to which one cannot tell


@dataclass(frozen=True)
class Person:
    """What somebody is known by."""

    region: RotatedRoi
    colours: np.ndarray  # (2, 3) float64 RGB, 0-255: of the trunk and of the thighs

    def distance(self, other: Person) -> float:
        """0 for the same: the sum of the differences of place, size and colours."""
        place = math.dist(self.region.centre, other.region.centre) / self.region.side
        size = abs(math.log(self.region.side / other.region.side))
        return place + size + float(np.abs(self.colours - other.colours).sum()) / 6 / COLOUR_LEVELS

    def learn(self, now: Person) -> Person:
        """The person where they are now; colours change slowly."""
        return Person(now.region, np.rint(0.75 * self.colours + 0.25 * now.colours))


def describe(frame: np.ndarray, pose: FramePose) -> Person:
    """Who is there, by a frame (H, W, 3) uint8 RGB."""
    sides = ("LEFT", "RIGHT")
    shoulders, hips, knees = (
        np.stack([pose.image_landmarks[Landmark[f"{side}_{name}"], :2] for side in sides])
        for name in ("SHOULDER", "HIP", "KNEE")
    )
    colours = [middle_colour(frame, shoulders, hips, 0.5), middle_colour(frame, hips, knees, 0.1)]
    return Person(pose.region, np.stack(colours))


def middle_colour(frame: np.ndarray, start: np.ndarray, end: np.ndarray, inwards: float) -> np.ndarray:
    """(3,) the median colour between two pairs of points (2, 2), left and right.

    `inwards` of the way from the left to the right: 0.5 is the middle.
    """
    shares = np.linspace(0.15, 0.85, 8)[:, None, None]
    points = start + (end - start) * shares  # (8, 2, 2)
    across = np.array([inwards / 2, inwards, 1 - inwards, 1 - inwards / 2])[:, None]
    points = points[:, :1] + (points[:, 1:] - points[:, :1]) * across  # (8, 4, 2)
    columns, rows = np.clip(np.rint(points), 0, (frame.shape[1] - 1, frame.shape[0] - 1)).astype(int).reshape(-1, 2).T
    return np.median(frame[rows, columns], axis=0)


def is_near(first: RotatedRoi, second: RotatedRoi, share: float = NEAR, growth: float = GROWTH) -> bool:
    """Whether two regions are at one place, and of a size."""
    side = max(first.side, second.side)
    return math.dist(first.centre, second.centre) < share * side and side < growth * min(first.side, second.side)


class Follower:
    """Follows one person through the frames of a shot."""

    def __init__(self, tracker: PoseTracker) -> None:
        self.tracker = tracker
        self.poses: list[FramePose | None] = []  # of each frame
        self.several: list[bool] = []  # of each frame, as in `Landmarks`
        self.frames: deque[np.ndarray] = deque(maxlen=LOOK_BACK)  # the last ones
        self.person: Person | None = None
        self.last: FramePose | None = None  # of whoever was found last
        self.missing = 0  # frames since somebody was found
        self.looked = self.sure = -1  # the last frames in which all people were looked at, and in which it was them
        self.in_doubt = False  # whether the last look could not tell

    def add(self, frame: np.ndarray) -> None:
        """Takes the next frame (H, W, 3) uint8 RGB."""
        before = self.poses[-1] if self.poses else None
        pose = self.tracker.locate(frame, before, self.last)
        if not pose and self.missing and self.missing % LOOK_EVERY == 0:
            pose = self.tracker.locate_small(frame)
        self.frames.append(frame)
        self.poses.append(pose)
        self.several.append(self.in_doubt)
        if not pose:
            self.missing += 1
            return
        returns, self.missing, leaps = self.missing > 0, 0, before and not is_near(before.region, pose.region, LEAP)
        if returns:
            self.go_back(pose)
        self.last = pose
        if leaps or (returns and self.person) or len(self.poses) - 1 - self.looked >= LOOK_EVERY:
            self.look(frame, pose)

    def go_back(self, pose: FramePose, frames: int = LOOK_BACK) -> None:
        """Tracks whoever has this `pose` in the last frame backwards, through so many frames without them."""
        for back, frame in enumerate(list(self.frames)[-2 : -2 - frames : -1], start=2):
            known = self.poses[-back]
            if known and (frames == LOOK_BACK or is_near(known.region, pose.region)):
                return
            if not (earlier := self.tracker.estimate(frame, pose.region)):
                return
            self.poses[-back] = pose = earlier

    def look(self, frame: np.ndarray, pose: FramePose) -> None:
        """Compares all people in the last frame with the person; the tracked one has this `pose`.

        There is a doubt only where somebody else is in the picture: a single person who looks otherwise has turned
        around, or is drawn over.
        """
        self.looked, self.in_doubt = len(self.poses) - 1, False
        tracked = describe(frame, pose)
        if not self.person or self.looked - self.sure > FORGET:
            self.person, self.sure = tracked, self.looked
            return
        others = self.others(frame, pose)
        people = [describe(frame, other) for other in others]
        far, far_others = self.person.distance(tracked), [self.person.distance(other) for other in people]
        nearest = min(far_others, default=math.inf)
        if nearest < min(LIKE, far - SWITCH):
            best = far_others.index(nearest)
            self.mark_doubt()
            self.poses[-1] = self.last = others[best]
            self.go_back(others[best], self.looked - self.sure - 1)
            self.person, self.sure = self.person.learn(people[best]), self.looked
        elif others and (far > UNLIKE or nearest < far + DOUBT):
            self.in_doubt = True
            self.mark_doubt()
        elif far < LIKE:
            self.person, self.sure = self.person.learn(tracked), self.looked

    def mark_doubt(self) -> None:
        """Marks all frames since it was sure who is followed."""
        self.several[self.sure + 1 :] = [True] * (self.looked - self.sure)

    def others(self, frame: np.ndarray, pose: FramePose) -> list[FramePose]:
        """People in the last frame other than the tracked one, at most three."""
        found: list[FramePose] = []
        for region in self.tracker.detect(frame, self.person.region if self.person else None):
            known = [pose, *found]
            if any(is_near(region, one.region) for one in known):
                continue
            other = self.tracker.estimate(frame, region)
            if other and not any(is_near(other.region, one.region) for one in known):
                found.append(other)
        return found
