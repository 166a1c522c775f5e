"""Augmentation of frames, by imgaug."""

from collections.abc import Callable

import numpy as np

from fitness_tracker.core.params import FrameAugmentation


def frame_augmenter(augment: FrameAugmentation) -> Callable[[np.ndarray, int], np.ndarray]:
    """A function of frames (N, H, W, 3) uint8 RGB and a seed: the frames mirrored, turned, moved, brighter or darker.

    The same frames and seed give the same result. What moves in from outside is black, like the bars of the letterbox.
    """
    import imgaug.augmenters as iaa  # 1.7 s

    steps = iaa.Sequential(
        [
            iaa.Fliplr(0.5 * augment.mirror),
            iaa.Affine(
                rotate=(-augment.rotate_degrees, augment.rotate_degrees),
                scale=(1 - augment.scale, 1 + augment.scale),
                translate_percent=(-augment.shift, augment.shift),
            ),
            iaa.Multiply((1 - augment.brightness, 1 + augment.brightness)),
        ]
    )

    def augment_frames(frames: np.ndarray, seed: int) -> np.ndarray:
        steps.seed_(int(seed))
        return steps(images=frames)

    return augment_frames
