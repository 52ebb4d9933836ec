"""Laws of whom to follow: the largest at first, and after a loss the same one; otherwise as the detector has it."""

from pathlib import Path
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest
from video_files import person

from blaze2cap.body.landmark import RAW_SCREEN, RAW_TRACKED
from blaze2cap.runtime.person_choice import PATIENCE_S, Found, PersonChoice
from blaze2cap.runtime.pose_detector import PoseDetector
from blaze2cap.runtime.pose_model import find_pose_model
from blaze2cap.runtime.video import open_video

NEAR, FAR = Found(200, 300, 150, 0.8), Found(900, 300, 100, 0.95)


def after_following(one: Found, others: list[Found]) -> PersonChoice:
    choice = PersonChoice()
    choice.followed(one, 10.0)
    choice.look_around([one, *others], 10.0)
    return choice


def test_the_largest_is_followed_first_and_the_most_certain_of_equals() -> None:
    assert PersonChoice().choose([FAR, NEAR], 0.0) == 1
    assert PersonChoice().choose([NEAR, FAR], 0.0) == 0
    assert PersonChoice().choose([FAR, NEAR._replace(size=110)], 0.0) == 0
    assert PersonChoice().choose([], 0.0) is None


def test_somebody_large_but_doubtful_is_not_preferred() -> None:
    assert PersonChoice().choose([FAR, NEAR._replace(score=0.55)], 0.0) == 0


def test_two_finds_of_one_person_are_the_first_of_them() -> None:
    assert PersonChoice().choose([NEAR, NEAR._replace(x=230, size=300)], 0.0) == 0


def test_after_a_loss_the_same_person_is_found_again_though_another_is_larger() -> None:
    choice = after_following(FAR, [NEAR])
    assert choice.choose([NEAR, FAR._replace(x=930)], 10.2) == 1
    assert choice.choose([NEAR], 10.2) is None
    assert choice.choose([NEAR], 10.1 + PATIENCE_S) == 0


def test_who_was_never_seen_in_company_is_taken_wherever_found() -> None:
    choice = PersonChoice()
    choice.followed(FAR, 10.0)
    choice.look_around([FAR], 10.0)
    assert choice.choose([NEAR], 10.1) == 0
    assert choice.most_others == 0


def test_a_preference_that_is_no_person_gives_way_to_the_detectors_own() -> None:
    choice = PersonChoice()
    assert choice.choose([FAR, NEAR], 0.0) == 1
    choice.refused()
    assert choice.choose([FAR, NEAR], 0.1) == 0
    assert choice.choose([FAR, NEAR], 0.2) == 1


def test_others_are_those_who_are_certain_and_apart() -> None:
    assert after_following(NEAR, [FAR, FAR._replace(x=1400)]).most_others == 2
    assert after_following(NEAR, [FAR, FAR._replace(x=910)]).most_others == 1
    assert after_following(NEAR, [FAR._replace(score=0.6), NEAR._replace(x=260)]).most_others == 0


def test_a_cut_forgets_the_person() -> None:
    choice = after_following(FAR, [NEAR])
    choice.reset()
    assert choice.choose([FAR, NEAR], 10.1) == 1


class Told(PoseDetector):
    """A detector that keeps what its search finds, or is told it."""

    told: ClassVar[list[Any]] = []

    def _searched(self, packet: Any) -> list[Any]:
        self.found = self.told or super()._searched(packet)
        return self.found


def test_the_landmark_model_begins_from_the_find_that_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two photographs of a person side by side, the right one smaller; each is found alone."""
    left, both = person(1)[0], np.full((256, 512, 3), 128, np.uint8)
    both[:, :256], both[128:, 384:] = left, cv2.resize(left, (128, 128), interpolation=cv2.INTER_AREA)
    finds = []
    for hidden in (slice(256, None), slice(None, 256)):
        alone = both.copy()
        alone[:, hidden] = 128
        with Told(find_pose_model("full")) as detector:
            detector.detect(alone, 0.0)
            finds += detector.found
    assert len(finds) == 2
    finds[0].score[0], finds[1].score[0] = 0.75, 0.9
    monkeypatch.setattr(Told, "told", finds[::-1])
    with Told(find_pose_model("full")) as detector:
        rows = np.stack([detector.detect(both, number / 30) for number in range(3)])
        assert detector.most_others == 1
    assert rows.any(axis=(1, 2)).all()
    assert (rows[:, 0, RAW_SCREEN.start] < 0.5).all()
    with Told(find_pose_model("full"), look_around_s=None) as detector:
        detector.detect(both, 0.0)
        detector.detect(both, 0.1)
        assert detector.most_others == 1, "who is seen while somebody is searched counts anyway"
    monkeypatch.setattr(Told, "told", finds[1:])
    with Told(find_pose_model("full")) as detector:
        assert detector.detect(both, 0.0)[0, RAW_SCREEN.start] > 0.5


@pytest.mark.slow
def test_in_a_street_the_acrobat_is_followed_to_the_end(videos_root: Path) -> None:
    """Pose itself jumps to a passer-by and back when it loses the acrobat in the air: faster than anybody moves."""
    rows, size, times = [], np.zeros(2), []
    with PoseDetector(find_pose_model("full")) as detector:
        for time_s, image in open_video(videos_root / "street_people.mp4").frames():
            rows.append(detector.detect(image, time_s))
            times.append(time_s)
            size = np.array(image.shape[1::-1])
    landmarks = np.stack(rows)
    seen = landmarks.any(axis=(1, 2))
    left_hip, right_hip, left_shoulder, right_shoulder = (
        landmarks[seen][:, n, RAW_SCREEN] * size for n in (23, 24, 11, 12)
    )
    hip = (left_hip + right_hip) / 2
    torso = np.median(np.linalg.norm(hip - (left_shoulder + right_shoulder) / 2, axis=-1))
    speed = np.linalg.norm(np.diff(hip, axis=0), axis=-1) / np.diff(np.array(times)[seen]) / torso
    assert speed.max() < 40
    assert detector.most_others == 1
    assert seen.mean() > 0.8
    assert (landmarks[seen][:, 0, RAW_TRACKED] == 0).sum() <= 4
