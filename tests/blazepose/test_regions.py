"""Where in a frame the networks look, and the way back."""

import numpy as np
import pytest

from fitness_tracker.blazepose.regions import (
    CROP_SIZE,
    RotatedRoi,
    anchors,
    detector_picture,
    rank_detections,
    region_between,
    turn_back,
)


def test_the_detector_has_its_anchors() -> None:
    assert anchors().shape == (2254, 2)
    assert anchors()[0].tolist() == [0.5 / 28, 0.5 / 28]
    assert anchors()[-1].tolist() == [6.5 / 7, 6.5 / 7]
    assert anchors()[2].tolist() == [1.5 / 28, 0.5 / 28]  # x goes first


@pytest.mark.parametrize("turns", range(4))
def test_what_is_found_in_a_turned_frame_is_put_back_where_it_was(turns: int) -> None:
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[10, 50] = 255
    y, x = np.argwhere(np.rot90(frame, turns)[..., 0])[0]
    back = turn_back(np.array([[x + 0.5, y + 0.5]]), turns, 64, 48)
    np.testing.assert_allclose(back, [[50.5, 10.5]])


def test_a_letterboxed_point_comes_back() -> None:
    frame = np.zeros((240, 640, 3), np.uint8)
    frame[100:110, 500:510] = 255
    picture, scale, shift = detector_picture(frame)
    assert picture.shape == (224, 224, 3)
    assert (picture.min(), picture.max(), picture.dtype) == (0, 255, np.uint8)
    rows, columns = np.nonzero(picture[..., 0] > 127)
    np.testing.assert_allclose(np.array([columns.mean(), rows.mean()]) * scale - shift, (505, 105), atol=3)


@pytest.mark.parametrize("rim", [(0, -10), (10, 0), (0, 10), (-10, 0), (3, -4)])
def test_a_region_stands_as_the_person_does(rim: tuple[int, int]) -> None:
    centre = np.array([100.0, 50.0])
    region = region_between(centre, centre + rim)
    length = np.linalg.norm(rim)
    assert region.side == pytest.approx(2.5 * length)
    np.testing.assert_allclose(region.matrix @ [CROP_SIZE / 2, CROP_SIZE / 2, 1], centre)
    above = region.matrix @ [CROP_SIZE / 2, 0, 1] - centre  # the top of the crop is where the head is
    np.testing.assert_allclose(above, np.array(rim) * 1.25, atol=1e-9)
    beside = region.matrix @ [CROP_SIZE, CROP_SIZE / 2, 1] - centre
    np.testing.assert_allclose(beside, np.array([-rim[1], rim[0]]) * 1.25, atol=1e-9)


def test_a_region_forgets_the_last_bits() -> None:
    one, other = (region_between(np.array([10.3 + d, 20.3 - d]), np.array([11.3, 2.3 + d])) for d in (0, 1e-6))
    np.testing.assert_array_equal(one.matrix, other.matrix)


def test_the_largest_and_most_central_person_comes_first_but_who_was_followed_before_all() -> None:
    small, large, aside = (
        RotatedRoi(np.array(centre, float), np.array([0, -side / 2.5]))
        for centre, side in (((320, 240), 60), ((330, 250), 400), ((40, 40), 400))
    )
    scores = np.array([0.9, 0.8, 0.7])
    assert rank_detections([small, aside], scores[:2], None, 640, 480)[0] is aside
    assert rank_detections([aside, large], scores[:2], None, 640, 480)[0] is large
    assert rank_detections([aside, large], scores[:2], aside, 640, 480)[0] is aside
