"""Motion without landmarks as training data: windows that a random camera's detector would have seen."""

import numpy as np
import pytest
import torch
from tiny import tiny_clipset

from blaze2cap.body import landmark, skeleton
from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import LIMB_LANDMARKS, SCREEN, TRACKED
from blaze2cap.data.generated_motion import GeneratedParams
from blaze2cap.data.simulated import SimulatedWindows
from blaze2cap.data.windows import Batch
from blaze2cap.errors import UserError

CLIPSET = tiny_clipset()
TAKES = list(CLIPSET.takes.index)


def draw(windows: SimulatedWindows, count: int = 40, seed: int = 0, stride_share: float = 0.5) -> Batch:
    return windows.draw(count, stride_share, np.random.default_rng(seed), torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def windows() -> SimulatedWindows:
    return SimulatedWindows.of_takes(CLIPSET, TAKES, 16, "parametric", [1, 2, 3], GeneratedParams())


def test_the_simulated_image_shows_the_true_joints_where_they_are(windows: SimulatedWindows) -> None:
    batch = draw(windows)
    position, _ = forward_kinematics(batch.rotation, batch.offset[:, None], batch.root_position)
    joints = skeleton.indices(*map(skeleton.joint_of_landmark, LIMB_LANDMARKS))
    seen = position[:, :, joints]
    fx_fy, centre = batch.intrinsics[:, None, None, :2], batch.intrinsics[:, None, None, 2:]
    projected = seen[..., :2] / seen[..., 2:] * fx_fy + centre
    found = batch.landmarks[:, :, landmark.indices(*LIMB_LANDMARKS), SCREEN]
    off_px = ((found - projected) * torch.tensor([1920.0, 1080.0])).norm(dim=-1)[batch.inside]
    assert off_px.median() < 40  # recorded detections: 8-30 px
    assert (seen[..., 2] > 0.5).all()


def test_windows_at_an_anchor_have_nothing_before_it_and_say_so(windows: SimulatedWindows) -> None:
    batch = draw(windows, count=300)
    starts = ~batch.inside[:, 0]
    assert 10 < starts.sum() < 60
    assert (batch.landmarks[starts, 0] == 0).all()
    assert (batch.landmarks[starts, 1, :, TRACKED] == 0).all()
    assert (batch.landmarks[~starts, 1, :, TRACKED] == 1).all()
    assert batch.inside[:, 1:].all()
    assert (batch.landmarks[:, 2:, :, TRACKED] == 1).all()


def test_strides_are_drawn_in_the_share_that_is_asked(windows: SimulatedWindows) -> None:
    assert set(draw(windows).dt.tolist()) == {1.0, 2.0, 3.0}
    assert set(draw(windows, stride_share=0.0).dt.tolist()) == {1.0}


def test_a_draw_is_a_function_of_its_generators_alone(windows: SimulatedWindows) -> None:
    first, again, other = draw(windows), draw(windows), draw(windows, seed=1)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.landmarks, other.landmarks)


def test_each_motion_has_its_share_of_a_batch_however_it_is_cut() -> None:
    generated = GeneratedParams(share=0.01, takes=1, seconds=6.0)
    windows = SimulatedWindows.of_takes(CLIPSET, TAKES, 16, "parametric", [1], generated)
    assert windows.counts(32) == [32, 0]
    assert windows.counts(256) == [253, 3]
    recorded = [float(person.norm()) for person in torch.from_numpy(CLIPSET.offset)]
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    bones = torch.cat([windows.draw(32, 0.0, rng, generator, before).offset for before in range(0, 256, 32)])
    made_up = [window for window in bones if min(abs(float(window.norm()) - one) for one in recorded) > 1e-4]
    assert len(made_up) == 3


def test_takes_shorter_than_a_window_are_told() -> None:
    with pytest.raises(UserError, match=r"longer than train.window = 200 frames"):
        SimulatedWindows.of_takes(CLIPSET, TAKES, 200, "parametric", [1], GeneratedParams())
