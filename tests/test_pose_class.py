"""Laws of pose classes: constructed poses fall where their names say, from whichever place they are seen."""

import pytest
import torch
from tiny import bones

from blaze2cap.body.kinematics import forward_kinematics
from blaze2cap.body.landmark import VISIBILITY, indices
from blaze2cap.body.pose_class import POSE_CLASSES, arms_hidden, bent, from_behind, pose_classes
from blaze2cap.body.rotation import rotation_vector_to_matrix

UPRIGHT = rotation_vector_to_matrix(torch.tensor([torch.pi / 2, 0.0, 0.0]))  # the hips' up, -z, to the world's y


def turned(degrees: float, axis: str) -> torch.Tensor:
    """A turn in the world."""
    vector = torch.zeros(3)
    vector["xyz".index(axis)] = torch.tensor(degrees).deg2rad()
    return rotation_vector_to_matrix(vector)


def standing(turn: torch.Tensor, height: float = 0.9) -> tuple[torch.Tensor, torch.Tensor]:
    """Joints [21, 3] and hips [3, 3] of the rest pose, turned as a whole; unturned it faces -z."""
    rotation = torch.eye(3).repeat(21, 1, 1)
    rotation[0] = turn @ UPRIGHT
    position, rotation = forward_kinematics(rotation, bones(), torch.tensor([0.0, height, 0.0]))
    return position, rotation[0]


def seen(*hidden: str) -> torch.Tensor:
    """Landmarks [25, 7], all visible but these."""
    landmarks = torch.ones(25, 7)
    landmarks[indices(*hidden), VISIBILITY] = 0.2
    return landmarks


@pytest.mark.parametrize("axis", ["x", "z"])
@pytest.mark.parametrize(("degrees", "tilted"), [(0, False), (35, False), (-35, False), (60, True), (180, True)])
def test_a_trunk_tilted_to_any_side_or_upside_down_is_bent(axis: str, degrees: float, tilted: bool) -> None:
    # The rest pose's own neck stands forward of the hips, by 8 degrees.
    assert bent(standing(turned(degrees, axis))[0]).item() is tilted


def test_hips_near_the_floor_are_bent_however_upright_the_trunk() -> None:
    assert bent(standing(turned(0, "y"), height=0.55)[0])
    assert not bent(standing(turned(0, "y"), height=0.65)[0])


@pytest.mark.parametrize(("degrees", "behind"), [(180, True), (125, True), (235, True), (115, False), (0, False)])
def test_a_back_is_seen_within_sixty_degrees_whatever_the_height_of_the_camera(degrees: float, behind: bool) -> None:
    position, hips = standing(turned(degrees, "y"))
    for height in (0.0, 1.5, 4.0):
        assert from_behind(position, hips, torch.tensor([0.0, height, -3.0])).item() is behind


def test_the_back_depends_on_where_the_camera_stands_not_on_where_the_world_points() -> None:
    position, hips = standing(turned(0, "y"))
    eyes = torch.tensor([[0.0, 1.0, 3.0], [0.0, 1.0, -3.0], [3.0, 1.0, 0.0]])
    assert from_behind(position.expand(3, -1, -1), hips.expand(3, -1, -1), eyes).tolist() == [True, False, False]


@pytest.mark.parametrize("degrees", [90, -90])
def test_hips_that_face_the_floor_or_the_ceiling_show_no_back(degrees: float) -> None:
    position, hips = standing(turned(degrees, "x"), height=0.2)
    for eye in ([0.0, 1.0, 3.0], [0.0, 1.0, -3.0], [3.0, 1.0, 0.0]):
        assert not from_behind(position, hips, torch.tensor(eye))


@pytest.mark.parametrize(
    ("hidden", "expected"),
    [
        ((), False),
        (("left_wrist",), False),
        (("left_wrist", "right_elbow"), False),
        (("left_wrist", "left_elbow"), True),
        (("right_wrist", "right_elbow", "left_wrist"), True),
        (("left_hip", "right_knee"), False),
    ],
)
def test_an_arm_is_hidden_when_its_elbow_and_its_wrist_are(hidden: tuple[str, ...], expected: bool) -> None:
    assert arms_hidden(seen(*hidden)).item() is expected


def test_upright_and_bent_share_all_frames_and_the_columns_follow_their_names() -> None:
    generator = torch.Generator().manual_seed(0)
    turns = rotation_vector_to_matrix(2 * torch.randn(200, 3, generator=generator))
    people = [standing(turn) for turn in turns]
    position, hips = (torch.stack(parts) for parts in zip(*people, strict=True))
    landmarks = torch.rand(200, 25, 7, generator=generator)
    eye = torch.tensor([1.0, 2.0, 3.0])
    classes = dict(zip(POSE_CLASSES, pose_classes(position, hips, eye, landmarks).unbind(-1), strict=True))
    assert torch.equal(classes["upright"], ~classes["bent"])
    assert torch.equal(classes["bent"], bent(position))
    assert torch.equal(classes["back"], from_behind(position, hips, eye))
    assert torch.equal(classes["arms_hidden"], arms_hidden(landmarks))
    assert all(0 < found.sum() < 200 for found in classes.values())
