"""Laws of motion: root deltas, their integration, and the 22 x 6 form."""

import torch

from blaze2cap.body.motion import (
    BODY_SLOTS,
    ROOT_POSITION_SLOT,
    ROOT_ROTATION_SLOT,
    SLOTS,
    Motion,
    integrate_rotation,
    motion_to_slots,
    root_deltas,
    slots_to_motion,
)
from blaze2cap.body.rotation import IDENTITY_6D, quaternion_to_matrix


def random_motion(frames: int = 40, seed: int = 0) -> tuple[Motion, torch.Tensor, torch.Tensor]:
    """A motion with anchors at 0, 11 and 12, its anchors, and its root positions [m]."""
    generator = torch.Generator().manual_seed(seed)
    rotation = quaternion_to_matrix(torch.randn(frames, 21, 4, generator=generator, dtype=torch.float64))
    position = torch.randn(frames, 3, generator=generator, dtype=torch.float64)
    anchor = torch.zeros(frames, dtype=torch.bool)
    anchor[[0, 11, 12]] = True
    valid = torch.ones(frames, dtype=torch.bool)
    return Motion(rotation, *root_deltas(position, rotation[:, 0], anchor), valid), anchor, position


def test_deltas_are_no_motion_at_anchors_and_in_the_first_frame() -> None:
    motion, anchor, _ = random_motion()
    assert torch.equal(motion.delta_position[anchor], torch.zeros(3, 3, dtype=torch.float64))
    assert torch.equal(motion.delta_rotation[anchor], torch.eye(3, dtype=torch.float64).expand(3, 3, 3))


def test_a_first_frame_is_still_even_where_no_anchor_says_so() -> None:
    motion, anchor, position = random_motion()
    unmarked = torch.zeros_like(anchor)
    delta_position, delta_rotation = root_deltas(position, motion.rotation[:, 0], unmarked)
    assert not delta_position[0].any()
    assert torch.equal(delta_rotation[0], torch.eye(3, dtype=torch.float64))


def test_deltas_lead_from_each_frame_to_the_next() -> None:
    """p[t-1] + dp = p[t] and R[t-1] dR = R[t] within a segment."""
    motion, anchor, position = random_motion()
    inside = ~anchor[1:]
    torch.testing.assert_close((position[:-1] + motion.delta_position[1:])[inside], position[1:][inside])
    root = motion.rotation[:, 0]
    torch.testing.assert_close((root[:-1] @ motion.delta_rotation[1:])[inside], root[1:][inside])


def test_integrated_deltas_give_the_root_back() -> None:
    motion, anchor, _ = random_motion()
    root = motion.rotation[:, 0]
    torch.testing.assert_close(integrate_rotation(motion.delta_rotation, anchor, root), root)


def test_slots_and_back_is_the_same_motion() -> None:
    motion, _, _ = random_motion()
    slots, root = motion_to_slots(motion)
    assert slots.shape == (40, SLOTS, 6)
    for found, expected in zip(slots_to_motion(slots, root, motion.valid), motion, strict=True):
        torch.testing.assert_close(found, expected)


def test_slots_hold_position_then_turn_then_joints() -> None:
    """Slot 0 is [dx dy dz 0 0 0]; slots 2-21 are the first two columns of the joints' local rotations."""
    motion, anchor, _ = random_motion()
    slots, root = motion_to_slots(motion)
    assert torch.equal(slots[:, ROOT_POSITION_SLOT, :3], motion.delta_position)
    assert not slots[:, ROOT_POSITION_SLOT, 3:].any()
    assert torch.equal(slots[:, BODY_SLOTS, :3], motion.rotation[:, 1:, :, 0])
    assert torch.equal(root[:, 3:], motion.rotation[:, 0, :, 1])
    assert slots[anchor, ROOT_ROTATION_SLOT].tolist() == [list(IDENTITY_6D)] * 3


def test_six_zeros_for_the_turn_at_an_anchor_are_the_identity() -> None:
    """As some published files hold it."""
    motion, anchor, _ = random_motion()
    slots, root = motion_to_slots(motion)
    slots[anchor, ROOT_ROTATION_SLOT] = 0
    torch.testing.assert_close(slots_to_motion(slots, root, motion.valid).delta_rotation, motion.delta_rotation)
