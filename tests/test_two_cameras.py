"""Laws of the comparison of two cameras: what a camera's own place gives is no disagreement, all else is."""

import importlib
import math
from types import ModuleType

import pytest
import torch
from import_graph import ROOT
from test_checkpoint import checkpoint
from test_predict import seen_by_upright_camera, walker

from blaze2cap.body.rotation import rotation_vector_to_matrix
from blaze2cap.errors import UserError


@pytest.fixture
def two_cameras(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, by its name."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("two_cameras")


def test_a_constant_turn_of_the_root_is_no_disagreement_and_others_are(two_cameras: ModuleType) -> None:
    rotation, _ = walker(60)
    both = torch.ones(60, dtype=torch.bool)
    turned = rotation.clone()
    turned[:, 0] = rotation_vector_to_matrix(torch.tensor([0.3, -1.2, 0.1])) @ rotation[:, 0]
    found = two_cameras.compared(rotation, turned, both)
    assert found.local_deg == pytest.approx(0, abs=0.1)
    assert found.root_deg == pytest.approx(0, abs=0.1)
    turned[:, 5:7] = turned[:, 5:7] @ rotation_vector_to_matrix(torch.tensor([0.0, math.radians(20), 0.0]))
    turned[::2, 0] = rotation_vector_to_matrix(torch.tensor([math.radians(10), 0.0, 0.0])) @ turned[::2, 0]
    found = two_cameras.compared(rotation, turned, both)
    assert found.local_deg == pytest.approx(20 * 2 / 20, abs=0.1)
    # Half of the frames are off by 10 degrees: the mean rotation between the cameras lies in the middle.
    assert found.root_deg == pytest.approx(5, abs=0.2)


def test_frames_that_one_camera_does_not_see_do_not_count(two_cameras: ModuleType) -> None:
    pair = [seen_by_upright_camera(*walker(60)) for _ in range(2)]
    pair[1].landmarks[20:30] = 0
    for name, system in two_cameras.systems(checkpoint()).items():
        found = two_cameras.agreement(pair, system)
        assert found.frames == 50, name
    assert two_cameras.agreement([pair[0], pair[0]], two_cameras.analytic).local_deg == pytest.approx(0, abs=0.1)
    pair[1].landmarks[:] = 0
    with pytest.raises(UserError, match="in no frame"):
        two_cameras.agreement(pair, two_cameras.analytic)
