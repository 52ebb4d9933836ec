"""Laws of finishing: causal, without a memory beyond a reset, bones constant, no pops, feet that keep their place."""

import dataclasses
import math
import pickle

import numpy as np
import pytest
import torch
from moving import tumbling

from blaze2cap.body import rotation as torch_rotation
from blaze2cap.body.kinematics import global_to_local
from blaze2cap.body.skeleton import PARENTS, indices
from blaze2cap.data.sources.sample.script import perform
from blaze2cap.data.sources.sample.subject import make_subject
from blaze2cap.errors import UserError
from blaze2cap.learning.one_euro import one_euro
from blaze2cap.runtime.animation import Animation, bone_ends, bones, size_of, sole, world_rotation
from blaze2cap.runtime.finishing.chain import RAW, Finishing, FinishingParams, finish, poses
from blaze2cap.runtime.finishing.contact import Contact
from blaze2cap.runtime.finishing.leg import FEET, SHINS, THIGHS, Legs
from blaze2cap.runtime.finishing.low_pass import LowPass
from blaze2cap.runtime.finishing.turning import applied, between, turn_about, turn_between, unit
from blaze2cap.runtime.kinematics import forward_kinematics
from blaze2cap.runtime.rotation import (
    geodesic_angle,
    matrix_to_rotation_vector,
    rotation_vector_to_matrix,
)
from blaze2cap.runtime.world_pose import WorldPose

CHOICES = {
    "default": FinishingParams(),
    "return": FinishingParams(planted_feet=False),
    "low-pass": FinishingParams(smooth_return=False, low_pass=True, planted_feet=False),
    "feet": FinishingParams(smooth_return=False),
    "all": FinishingParams(low_pass=True),
}
EACH = pytest.mark.parametrize("params", CHOICES.values(), ids=CHOICES)


def walking(frames: int = 300, noise_rad: float = 0.02, noise_m: float = 0.004, seed: int = 0) -> Animation:
    """A take of the sample as a network would have it: it trembles, drifts and hangs in the air a little."""
    take = perform(make_subject("S1", 3), "walking1", 3 + frames / 60, 3)
    local, way = global_to_local(take.rotation)[-frames:].numpy(), take.position[-frames:, 0].numpy()
    rng = torch.Generator().manual_seed(seed)
    tremble = noise_rad * torch.randn(frames, 21, 3, generator=rng).numpy()
    rotation = world_rotation(local, np.eye(3)) @ rotation_vector_to_matrix(tremble)
    wander, jitter = torch.randn(2, frames, 3, generator=rng).numpy()
    drift = noise_m * (0.5 * wander.cumsum(0) + jitter)
    return Animation(
        fps=60.0,
        rotation=rotation,
        root_position=way + drift + np.array([0.0, 0.02, 0.0]),
        offset=bones(1.0),
        end=bone_ends(1.0),
        valid=np.ones(frames, bool),
        deviation=np.full((frames, 21), np.nan),
        camera_tilt_deg=0.0,
    )


def standing(frames: int = 240, seed: int = 0) -> Animation:
    """Somebody who stands still on both feet, seen by a network whose hips wander by centimetres."""
    rng = torch.Generator().manual_seed(seed)
    wander = 0.002 * torch.randn(frames, 3, generator=rng).cumsum(0).clamp(-10, 10).numpy()
    animation = walking(frames, noise_rad=0.0, noise_m=0.0)
    rotation = np.tile(np.eye(3), (frames, 21, 1, 1))
    bent = rotation_vector_to_matrix(np.array([[-0.2, 0.0, 0.0], [0.4, 0.0, 0.0], [-0.2, 0.0, 0.0]]))
    for joints, turn in zip((THIGHS, SHINS, FEET), bent, strict=True):
        rotation[:, joints] = turn
    still = dataclasses.replace(animation, rotation=rotation, root_position=np.zeros((frames, 3)))
    height = -soles(still)[..., 1].min()
    return dataclasses.replace(still, root_position=wander + np.stack((height * 0, height, height * 0)))


def with_gap(animation: Animation, first: int, last: int, way: tuple[float, float, float]) -> Animation:
    """Nobody in frames `first` to `last`, the pose before is held; who returns is somewhere else and turned about."""
    valid = animation.valid.copy()
    valid[first:last] = False
    shown = np.where(np.arange(len(valid)) < last, np.minimum(np.arange(len(valid)), first - 1), -1)
    shown = np.where(shown < 0, np.arange(len(valid)), shown)
    rotation, root = animation.rotation[shown].copy(), animation.root_position[shown].copy()
    rotation[last:, 0] = rotation_vector_to_matrix(np.array([0.0, 2.0, 0.0])) @ rotation[last:, 0]
    root[last:] += np.array(way)
    return dataclasses.replace(animation, rotation=rotation, root_position=root, valid=valid)


def soles(animation: Animation) -> np.ndarray:
    """Heels and toes [N, 2, 2, 3]."""
    joint, turn = forward_kinematics(animation.rotation, animation.offset, animation.root_position)
    points = (turn[:, FEET, None] @ sole(size_of(animation.offset))[..., None])[..., 0]
    return joint[:, FEET, None] + points


def steps(position: np.ndarray, order: int = 1) -> np.ndarray:
    """Lengths of the differences from frame to frame, or of higher ones."""
    return np.linalg.norm(np.diff(position, order, axis=0), axis=-1)


def apart(a: Animation, b: Animation, frames: slice = slice(None)) -> float:
    """Greatest difference of any number [radians or metres, near enough]."""
    turn = np.abs(a.rotation[frames] - b.rotation[frames]).max()
    return float(np.maximum(turn, np.abs(a.root_position[frames] - b.root_position[frames]).max()))


@EACH
@pytest.mark.parametrize("before", [1, 16, 70])  # on the way, in the gap, after it
def test_after_a_reset_nothing_is_remembered(params: FinishingParams, before: int) -> None:
    animation = with_gap(walking(90), 12, 20, (0.5, 0.0, 0.3))
    other = with_gap(walking(90, seed=1), 12, 20, (0.0, 0.0, 2.0))
    finishing, fresh = Finishing(animation.offset, params), Finishing(animation.offset, params)
    for pose in list(poses(other))[:before]:
        finishing.step(pose)
    finishing.reset()
    for pose in poses(animation):
        again, expected = finishing.step(pose), fresh.step(pose)
        assert np.array_equal(again.rotation, expected.rotation)
        assert np.array_equal(again.root_position, expected.root_position)


@EACH
def test_no_frame_depends_on_later_ones(params: FinishingParams) -> None:
    animation = with_gap(walking(120), 50, 60, (0.5, 0.0, 0.3))
    rotation, root = animation.rotation.copy(), animation.root_position.copy()
    rotation[80:] = np.eye(3)
    root[80:] += 1
    other = finish(dataclasses.replace(animation, rotation=rotation, root_position=root), params)
    assert apart(other, finish(animation, params), slice(None, 80)) == 0


@EACH
def test_bones_keep_their_lengths_and_rotations_are_rotations(params: FinishingParams) -> None:
    for animation in (with_gap(walking(120), 50, 60, (1.0, 0.0, 0.0)), tumbling(120, 1)):
        done = finish(animation, params)
        joint = done.joint_positions()
        length = np.linalg.norm((joint[:, 1:] - joint[:, PARENTS[1:]]), axis=-1)
        assert np.abs(length - np.linalg.norm(animation.offset[1:], axis=-1)).max() < 1e-5
        gram = done.rotation.mT @ done.rotation
        assert np.abs(gram - np.eye(3)).max() < 1e-5
        assert (np.linalg.det(done.rotation) > 0).all()
        assert (done.valid == animation.valid).all()


def test_with_every_step_off_nothing_changes() -> None:
    animation = with_gap(walking(60), 20, 30, (1.0, 0.0, 0.0))
    assert apart(finish(animation, RAW), animation) == 0


@EACH
def test_a_gap_holds_the_last_pose_and_is_not_valid(params: FinishingParams) -> None:
    done = finish(with_gap(walking(90), 40, 60, (1.0, 0.0, 0.0)), params)
    for number in range(40, 60):
        assert np.array_equal(done.rotation[number], done.rotation[39])
        assert np.array_equal(done.root_position[number], done.root_position[39])


def test_poses_before_anybody_is_seen_are_handed_on_by_a_stream() -> None:
    animation = walking(40)
    finishing = Finishing(animation.offset)
    for pose in list(poses(dataclasses.replace(animation, valid=np.arange(40) >= 10)))[:10]:
        assert finishing.step(pose) is pose


def test_a_return_is_smooth_ends_in_time_and_leaves_nothing() -> None:
    animation = with_gap(walking(120, 0, 0), 40, 60, (0.6, 0.0, 0.3))
    done = finish(animation, CHOICES["return"])
    joint = animation.joint_positions()
    way = np.linalg.norm((joint[60] - joint[59]), axis=-1).max()
    assert fastest(animation, slice(59, 90)) == pytest.approx(float(way) * 60)
    # Eased motion is at its fastest half as fast again as even motion, and arcs are longer than chords.
    assert fastest(done, slice(59, 90)) < 1.5 * float(way) / 0.3 * np.pi / 2
    assert fastest(done, slice(59, 90)) < 0.2 * fastest(animation, slice(59, 90))
    assert apart(done, animation, slice(60 + 18, None)) == 0
    assert apart(done, animation, slice(None, 40)) == 0


def test_a_jump_without_a_gap_fades_as_well_and_fast_motion_is_no_jump() -> None:
    animation = with_gap(walking(120, 0, 0), 40, 40, (0.6, 0.0, 0.3))
    assert fastest(animation, slice(35, 60)) > 30
    assert fastest(finish(animation, CHOICES["return"]), slice(35, 60)) < 0.2 * fastest(animation, slice(35, 60))
    fast = walking(120)
    assert apart(finish(fast, CHOICES["return"]), fast) == 0


def fast(fps: float, frames: int, spin: bool = False) -> Animation:
    """From a stand to a run of 8 m/s with swinging legs and back; or to turns of all joints by 9 rad/s and back."""
    time = np.arange(frames) / fps
    speed = np.interp(time, np.array([0.2, 0.5, 0.8, 1.0]) * time[-1], [0.0, 1.0, 1.0, 0.0])
    way = speed.cumsum() / fps
    vector, root = np.zeros((frames, 21, 3)), np.tile([0.0, 1.0, 0.0], (frames, 1))
    if spin:
        vector[:, :, 1] = 9 * way[:, None]
    else:
        root[:, 0] = 8 * way
        vector[:, THIGHS, 0] = 0.7 * np.sin(4 * np.pi * time)[:, None] * [1, -1]
    animation = walking(frames)
    return dataclasses.replace(animation, fps=fps, rotation=rotation_vector_to_matrix(vector), root_position=root)


@pytest.mark.parametrize("spin", [False, True], ids=["run", "spin"])
@pytest.mark.parametrize("fps", [20.0, 30.0, 60.0, 240.0])
def test_what_goes_on_as_fast_as_before_is_no_jump(fps: float, spin: bool) -> None:
    animation = fast(fps, round(5 * fps), spin)
    assert apart(finish(animation, CHOICES["return"]), animation) == 0


@pytest.mark.parametrize("wrong", [1, 60])
def test_a_jump_in_the_midst_of_a_run_fades_as_well_and_so_does_a_wrong_frame(wrong: int) -> None:
    animation = fast(60.0, 300)
    animation.root_position[180 : 180 + wrong, 2] += 1.0
    assert fastest(animation, slice(170, 230)) > 60
    done = finish(animation, CHOICES["return"])
    assert fastest(done, slice(170, 230)) < 20
    assert apart(done, animation, slice(120, 180)) == 0
    assert apart(done, animation, slice(180 + wrong + 20, None)) == 0


@pytest.mark.parametrize("fps", [20.0, 25.0, 30.0, 60.0])
def test_single_lost_frames_slow_no_swing_and_gaps_begin_returns(fps: float) -> None:
    animation = fast(fps, round(5 * fps))
    number = np.arange(len(animation.valid))

    def lost(valid: np.ndarray) -> Animation:
        shown = np.maximum.accumulate(np.where(valid, number, 0))
        rotation, root = animation.rotation[shown], animation.root_position[shown]
        return dataclasses.replace(animation, valid=valid, rotation=rotation, root_position=root)

    seldom = lost(number % 6 != 5)
    assert apart(finish(seldom, CHOICES["return"]), seldom) == 0
    end = len(number) * 2 // 3
    gap = lost((number < end - math.ceil(0.15 * fps)) | (number >= end))
    done = finish(gap, CHOICES["return"])
    assert apart(done, gap, slice(None, end)) == 0
    assert apart(done, gap, slice(end, end + 1)) > 0.3


def fastest(animation: Animation, frames: slice) -> float:
    """Greatest speed of any joint [m/s]."""
    return float(steps(animation.joint_positions()[frames]).max() * animation.fps)


def test_the_low_pass_of_the_hips_is_the_one_euro_filter_of_landmarks() -> None:
    animation = walking(100)
    done = finish(animation, FinishingParams(smooth_return=False, low_pass=True, planted_feet=False, min_cutoff_hz=2.0))
    point = torch.from_numpy(animation.root_position)[None, :, None]
    expected = one_euro(point, torch.zeros(1, 100, dtype=torch.bool), 1.0, 2.0, 12.0)[0, :, 0].numpy()
    assert np.abs(done.root_position - expected).max() < 1e-5


def test_the_low_pass_of_a_turn_about_one_axis_is_that_of_its_angle() -> None:
    angle = np.sin(np.arange(80) / 10) + 0.02 * np.random.default_rng(0).normal(size=80)
    vector = angle[:, None, None] * np.tile([0.6, 0.0, 0.8], (80, 21, 1))
    step = LowPass(min_cutoff_hz=2.0, per_rad_per_s=1.5)
    still, unknown = np.zeros(3), np.full((21,), np.nan)
    done = [
        step.step(WorldPose(number / 60, turn, still, True, unknown))
        for number, turn in enumerate(rotation_vector_to_matrix(vector))
    ]
    expected = one_euro(
        torch.from_numpy(angle)[None, :, None, None], torch.zeros(1, 80, dtype=torch.bool), 1.0, 2.0, 1.5
    )
    found = matrix_to_rotation_vector(done[-1].rotation)[:, 2] / 0.8
    assert np.abs(found - float(expected[0, -1, 0, 0])).max() < 1e-4


def test_the_low_pass_stills_what_trembles() -> None:
    animation = walking(200)
    third = [steps(motion.joint_positions(), 3).mean() for motion in (animation, finish_low(200))]
    assert third[1] < 0.5 * third[0]


def finish_low(frames: int) -> Animation:
    return finish(walking(frames), CHOICES["low-pass"])


def test_feet_that_stand_neither_slide_nor_sink() -> None:
    animation = standing()
    done = finish(animation, CHOICES["feet"])
    before, after = (soles(motion)[30:] for motion in (animation, done))
    assert steps(before).mean() > 0.002, "the hips wander, and the feet with them"
    assert steps(after).mean() < 0.0004
    assert before[..., 1].min() < -0.005
    assert after[..., 1].min() > -0.002


def test_feet_of_a_walk_slide_less_while_they_stand_and_step_as_far() -> None:
    animation, truth = walking(400, noise_rad=0.01), walking(400, 0.0, 0.0)
    done = finish(animation, CHOICES["feet"])
    true_foot = truth.joint_positions()[:, FEET]
    stands = steps(true_foot) * 60 < 0.15
    slide = [
        np.linalg.norm(np.diff(motion.joint_positions()[:, FEET], axis=0), axis=-1) for motion in (animation, done)
    ]
    assert stands.mean() > 0.2
    assert slide[1][stands].mean() < 0.6 * slide[0][stands].mean()
    assert np.linalg.norm((done.joint_positions()[:, FEET] - animation.joint_positions()[:, FEET]), axis=-1).max() < 0.3
    assert np.abs(done.root_position - animation.root_position).max() <= 0.15


def test_knees_of_finished_legs_bend_forward() -> None:
    done = finish(standing(), CHOICES["feet"])
    joint = done.joint_positions()
    hip, knee, ankle = (joint[:, joints] for joints in (THIGHS, SHINS, FEET))
    assert ((knee - (hip + ankle) / 2)[..., 2] > 0).all()


def test_legs_reach_where_they_are_told_feet_as_they_are_told() -> None:
    rng = np.random.default_rng(0)
    animation = walking(40, 0.05)
    offset = animation.offset
    leg_length = np.linalg.norm(offset[SHINS], axis=-1) + np.linalg.norm(offset[FEET], axis=-1)
    reached = 0
    for rotation, root in zip(animation.rotation, animation.root_position, strict=True):
        legs = Legs(rotation, root, offset)
        ankle = legs.hip + (legs.ankle - legs.hip) * rng.uniform(0.5, 0.97, (2, 1)) + rng.normal(0, 0.03, (2, 3))
        ankle = legs.hip + (ankle - legs.hip) * np.minimum(
            1, np.linalg.norm(legs.ankle - legs.hip, axis=-1) / np.linalg.norm(ankle - legs.hip, axis=-1)
        ).reshape(2, 1)
        foot = turn_about(np.array([[0.0, 1.0, 0.0]] * 2), rng.normal(0, 0.3, 2)) @ legs.foot_turn
        changed = rotation.copy()
        for joints, turn in zip((THIGHS, SHINS, FEET), legs.reached(ankle, foot), strict=True):
            changed[joints] = turn
        there = Legs(changed, root, offset)
        # A knee that hardly bends says little of the plane it bends in, and its joint's axis is not quite that one's.
        straight = np.linalg.norm(legs.ankle - legs.hip, axis=-1) > 0.98 * leg_length
        apart = np.linalg.norm(there.ankle - ankle, axis=-1)
        assert (apart < np.where(straight, 1.5e-2, 5e-4)).all()
        reached += (~straight).sum()
        assert np.abs(there.foot_turn - foot).max() < 1e-6
        bend = [np.sum((leg.knee - leg.hip) * (leg.ankle - leg.knee), -1) for leg in (legs, there)]
        assert (bend[1] < bend[0] + 1e-3).all(), "a leg that gets shorter bends"
    assert reached > 20


def test_legs_that_are_told_where_they_are_do_not_move_and_those_out_of_reach_stretch() -> None:
    animation = walking(5)
    offset, rotation, root = (x for x in (animation.offset, animation.rotation[0], animation.root_position[0]))
    legs = Legs(rotation, root, offset)
    for joints, turn in zip((THIGHS, SHINS, FEET), legs.reached(legs.ankle, legs.foot_turn), strict=True):
        assert np.abs(turn - rotation[joints]).max() < 1e-6
    far = legs.hip + 3 * (legs.ankle - legs.hip)
    changed = rotation.copy()
    for joints, turn in zip((THIGHS, SHINS, FEET), legs.reached(far, legs.foot_turn), strict=True):
        changed[joints] = turn
    there = Legs(changed, root, offset)
    reach = np.linalg.norm(there.ankle - there.hip, axis=-1)
    assert (reach > np.linalg.norm(legs.ankle - legs.hip, axis=-1)).all()
    assert np.isfinite(changed).all()
    assert np.cross(there.ankle - there.hip, far - there.hip) == pytest.approx(0, abs=1e-6)


def test_contact_holds_on_while_a_foot_trembles_and_lets_go_of_one_that_lifts() -> None:
    contact, rng = Contact(), np.random.default_rng(0)
    place, planted = np.array([[0.1, 0.08, 0.0], [-0.1, 0.08, 0.0]]), []
    for number in range(180):
        lifted = np.array([[0.0, 0.0, 0.0], [0.0, 0.3 * np.sin(max(0, number - 60) / 20), 0.0]])
        ankle = place + (lifted if number < 120 else 0) + rng.normal(0, 0.002, (2, 3))
        planted.append(contact.see(ankle, ankle[:, 1] - 0.08, 1 / 60).copy())
    planted = np.array(planted)
    assert planted[1:, 0].all(), "the foot that stands"
    assert planted[10:60, 1].all()
    assert not planted[75:110, 1].any(), "the foot in the air"
    assert np.count_nonzero(np.diff(planted[:120, 1].astype(int))) == 1


@EACH
def test_the_state_has_a_fixed_size(params: FinishingParams) -> None:
    finishing, animation = Finishing(bones(1.0), params), walking(60)
    sizes = []
    for turn in range(4):
        for pose in poses(animation):
            finishing.step(pose._replace(time_s=pose.time_s + turn))
        sizes.append(len(pickle.dumps(finishing)))
    assert max(sizes[1:]) <= sizes[1] + 64


@EACH
def test_the_time_before_anybody_is_seen_has_the_first_finished_pose(params: FinishingParams) -> None:
    animation = walking(60)
    unseen = np.arange(60) < 10
    late = dataclasses.replace(
        animation,
        valid=~unseen,
        rotation=np.where(unseen[:, None, None, None], np.eye(3), animation.rotation),
        root_position=np.where(unseen[:, None], 9.0, animation.root_position),
        deviation=np.where(unseen[:, None], np.nan, np.full(21, 0.1)),
    )
    done = finish(late, params)
    frames = iter(poses(late))
    finishing = Finishing(late.offset, params)
    alone = [finishing.step(next(frames)) for _ in range(60)]
    assert np.array_equal(done.rotation[10:], [pose.rotation for pose in alone[10:]])
    assert np.array_equal(done.valid, late.valid)
    for frame in range(10):
        assert np.array_equal(done.rotation[frame], done.rotation[10])
        assert np.array_equal(done.root_position[frame], done.root_position[10])
        assert np.array_equal(done.deviation[frame], done.deviation[10])


@EACH
def test_a_pose_that_comes_again_is_handed_on_as_it_was(params: FinishingParams) -> None:
    animation = walking(60)
    once, again = Finishing(animation.offset, params), Finishing(animation.offset, params)
    for pose in poses(animation):
        expected, first = once.step(pose), again.step(pose)
        assert again.step(pose) is first
        assert np.array_equal(first.rotation, expected.rotation)
        assert np.array_equal(first.root_position, expected.root_position)
    once.reset()
    assert once.step(next(poses(animation))).time_s == 0, "another stream, whatever its time"


def test_bones_that_become_known_later_are_those_the_feet_stand_on() -> None:
    animation = standing()
    finishing = Finishing(bones(0.8))
    finishing.resize(animation.offset)
    done = [finishing.step(pose) for pose in poses(animation)]
    assert np.array_equal(done[-1].rotation, finish(animation).rotation[-1])


def test_turns_are_those_of_the_geometry_in_torch() -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.normal(size=(50, 3)) for _ in range(2))
    angle = rng.uniform(0, 3, 50)
    axis = a / np.linalg.norm(a, axis=-1, keepdims=True)
    expected = torch_rotation.rotation_vector_to_matrix(torch.from_numpy(axis * angle[:, None]))
    assert np.abs(turn_about(axis, angle) - expected.numpy()).max() < 1e-6
    cosine = (axis * unit(b)).sum(-1)
    assert np.abs(applied(turn_between(a, b), axis) - unit(b)).max() < 1e-6
    assert np.abs(geodesic_angle(turn_between(a, b), np.tile(np.eye(3), (50, 1, 1))) - np.arccos(cosine)).max() < 1e-6
    start = turn_about(axis, angle)
    end = start @ turn_about(axis, np.full(50, 0.6))
    half = between(start, end, np.full(50, 0.5))
    assert np.abs(geodesic_angle(start, half) - 0.3).max() < 0.02


@pytest.mark.parametrize(("name", "value"), [("return_s", 0.0), ("return_s", float("nan")), ("min_cutoff_hz", 100.0)])
def test_what_cannot_be_is_a_sentence(name: str, value: float) -> None:
    with pytest.raises(UserError, match=f"{name} is .*, expected "):
        FinishingParams(**{name: value})


def test_legs_are_those_of_the_skeleton() -> None:
    assert tuple(indices(f"Right{part}", f"Left{part}") for part in ("UpLeg", "Leg", "Foot")) == (THIGHS, SHINS, FEET)
