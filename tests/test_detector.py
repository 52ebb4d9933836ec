"""The simulated BlazePose keeps its word: layout, seeds, viewing ray, gaps and anchors, what it may learn from."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from tiny import bones, cameras, swaying, tiny_clipset

from blaze2cap.body.kinematics import bone_offsets, forward_kinematics, global_to_local, mirror_pose, mirror_positions
from blaze2cap.body.landmark import (
    LANDMARKS,
    MIRROR,
    RAW_SCREEN_Z,
    RAW_TRACKED,
    RAW_WORLD,
    SCREEN,
    TRACKED,
    VISIBILITY,
    WORLD,
    indices,
)
from blaze2cap.body.rotation import geodesic_angle, rotation_vector_to_matrix
from blaze2cap.data.detector.bootstrap import BootstrapDetector
from blaze2cap.data.detector.figures import NOISE
from blaze2cap.data.detector.noise import matern, ornstein_uhlenbeck
from blaze2cap.data.detector.observation import crop_view, ray_view
from blaze2cap.data.detector.parametric import (
    Noise,
    ParametricDetector,
    SubjectBias,
    clock,
    draw_noise,
    draw_subjects,
    observed,
)
from blaze2cap.data.detector.raw import simulate_raw
from blaze2cap.data.detector.tracking import TrackingFigures, track
from blaze2cap.data.detector.view import random_views
from blaze2cap.data.sources.sample.room import make_cameras
from blaze2cap.errors import UserError


def _windows(batch: int = 4, frames: int = 20):
    local, way = swaying(batch * frames, seed=3)
    camera = cameras()["1"]
    in_view = torch.cat((camera.rotation @ local[:, :1], local[:, 1:]), dim=1)
    position, rotation = forward_kinematics(in_view, bones(), camera.to_camera(way))
    intrinsics = camera.intrinsics.expand(batch, 4)
    return position.unflatten(0, (batch, frames)), rotation.unflatten(0, (batch, frames)), intrinsics, torch.ones(batch)


def _erring_clipset():
    """Detections that are off by a slow wave."""
    clipset = tiny_clipset()
    frame = np.arange(len(clipset.landmarks))[:, None]
    wave = 0.1 * np.sin(frame / 15 + np.arange(25)) * (clipset.landmarks[:, :, WORLD] != 0).any(-1)
    wave[:, indices("left_hip", "right_hip")] = 0
    clipset.landmarks[:, :, WORLD.start] += wave
    clipset.landmarks[:, :, SCREEN.start] += 0.1 * wave
    return clipset


@pytest.fixture(scope="module", params=["parametric", "bootstrap"])
def detector(request):
    if request.param == "parametric":
        return ParametricDetector()
    return BootstrapDetector.fit(_erring_clipset(), ["S1/freestyle1"])


@pytest.mark.parametrize(("batch", "frames"), [(3, 20), (1, 1), (2, 400)])
def test_landmarks_keep_the_layout(detector, batch, frames):
    """Any window length, also longer than the clips that errors are borrowed from; all tracked, hips in the middle."""
    position, rotation, intrinsics, dt = _windows(batch, frames)
    seen = detector.simulate(position, rotation, intrinsics, dt, torch.Generator().manual_seed(0))
    assert seen.shape == (batch, frames, 25, 7)
    assert torch.isfinite(seen).all()
    assert (seen[..., TRACKED] == 1).all()
    assert ((seen[..., VISIBILITY] >= 0) & (seen[..., VISIBILITY] <= 1)).all()
    assert seen[..., indices("left_hip", "right_hip"), WORLD].mean(-2).abs().max() < 1e-4


def test_same_generator_state_gives_the_same_landmarks(detector):
    first, again, other = (detector.simulate(*_windows(), torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_coarser_frames_bring_larger_changes(detector):
    """At stride 3 errors have three times as long to change: dt is heard."""
    position, rotation, intrinsics, dt = _windows(16, 20)
    still = position[:, :1].expand_as(position), rotation[:, :1].expand_as(rotation), intrinsics
    change = [
        detector.simulate(*still, dt * k, torch.Generator().manual_seed(0))[..., WORLD].diff(dim=1).norm(dim=-1).mean()
        for k in (1, 3)
    ]
    assert change[1] > change[0]


def test_world_landmarks_follow_the_viewing_ray():
    """Somebody who stands further to the right is seen turned: by the angle between the two rays, nothing else."""
    position, rotation, *_ = _windows(1, 1)
    position = position - position[..., :1, :] + torch.tensor([0.0, 0.0, 4.0])
    aside = position + torch.tensor([2.0, 0.0, 0.0])
    ahead, beside = ray_view(position, rotation), ray_view(aside, rotation)
    turn = geodesic_angle(ahead.turn, beside.turn)
    hips = [view.place[..., indices("left_hip", "right_hip"), :].mean(-2).flatten() for view in (ahead, beside)]
    angle = math.acos(torch.nn.functional.cosine_similarity(*hips, dim=0).item())
    assert turn.item() == pytest.approx(angle, abs=1e-4)
    torch.testing.assert_close(ahead.truth @ ahead.turn.mT, beside.truth @ beside.turn.mT, atol=1e-5, rtol=0)
    # Yaw about the vertical: what is seen of a person on the right has turned to the left.
    assert beside.truth[0, 0, 0, 2] != pytest.approx(ahead.truth[0, 0, 0, 2].item(), abs=1e-3)


def test_left_and_right_err_alike_up_to_the_asymmetry():
    """The mean error of a mirrored person is the mirrored mean error, but for the detector's own asymmetry."""
    position, rotation, intrinsics, dt = _windows(1, 1)
    position = position - position[..., :1, :] + torch.tensor([0.0, 0.3, 4.0])
    nobody = SubjectBias(torch.zeros(2000), torch.zeros(2000, len(LANDMARKS)))

    def mean_error(position, rotation):
        seen = ParametricDetector().observe(
            position.expand(2000, -1, -1, -1), rotation.expand(2000, -1, -1, -1, -1), intrinsics.expand(2000, -1),
            dt.expand(2000), nobody, torch.Generator().manual_seed(0),
        )  # fmt: skip
        return (seen[..., WORLD] - ray_view(position, rotation).truth).mean((0, 1))

    plain = mean_error(position, rotation)
    back = mean_error(mirror_positions(position), mirror_pose(rotation))[list(MIRROR)] * torch.tensor([-1.0, 1, 1])
    assert plain.norm(dim=-1).max() > 0.15
    assert (plain - back).norm(dim=-1).max() < 0.12


def test_a_landmarks_clock_runs_with_its_own_speed():
    """1 at rest, and (1 + v) to a power where it moves by v mm in a sixtieth of a second, whatever the frame rate."""
    position, rotation, _, _ = _windows(2, 5)
    view = ray_view(position, rotation)
    still = view.truth[:, :1].expand_as(view.truth)
    way = torch.zeros_like(still)
    way[:, :, 3, 0] = -0.006 * torch.arange(5)
    runs = clock(view._replace(truth=still + way), torch.tensor([1.0, 3.0]))
    moving = torch.tensor([7.0, 3.0]) ** NOISE.clock_speed
    torch.testing.assert_close(runs[..., 3], moving[:, None].expand(2, 5), rtol=1e-3, atol=0)
    torch.testing.assert_close(runs[..., [0, 1, 2, 4]], torch.ones(2, 5, 4))
    alone = ray_view(position[:, :1], rotation[:, :1])
    torch.testing.assert_close(clock(alone, torch.ones(2)), torch.ones(2, 1, 25))


def test_own_errors_have_unit_variance_and_change_as_their_clocks_run():
    """A tenth of it stays for a clip, whoever moves; at rest much of the remainder stays for most of a second, too."""
    batch, frames = 60, 40
    speed = torch.ones(batch, frames, 25)
    speed[batch // 2 :] = 200.0
    noise = draw_noise(speed, torch.ones(batch), torch.Generator().manual_seed(0))
    for part, unit in ((noise.own, 1.0), (noise.visibility, 1.0), (noise.screen, 1e-3 * NOISE.screen_own_mm)):
        assert part[:, 0].std() == pytest.approx(unit, rel=0.1)
        assert part[:, -1].std() == pytest.approx(unit, rel=0.1)
    resting, moving = ((part[:, 0] * part[:, -1]).mean() for part in noise.own.split(batch // 2))
    assert resting > 0.4
    assert moving == pytest.approx(NOISE.constant, abs=0.08)


def test_errors_of_the_image_alone_move_landmarks_in_the_image_alone():
    """By as much as they are, at the person's distance; in the same direction all of them where that is common."""
    position, rotation, intrinsics, dt = _windows(2, 3)
    view = ray_view(position, rotation)
    quiet = Noise(*(torch.zeros_like(part) for part in draw_noise(clock(view, dt[:2]), dt[:2], torch.Generator())))
    nobody = SubjectBias(torch.zeros(2), torch.zeros(2, len(LANDMARKS)))

    def seen(**changes):
        return observed(view, intrinsics[:2], nobody, quiet._replace(**changes))

    own = 0.02 * torch.randn(quiet.screen.shape, generator=torch.Generator().manual_seed(0))
    common = torch.tensor([0.05, -0.03]).expand_as(quiet.screen_common)
    plain, apart, twice, together = seen(), seen(screen=own), seen(screen=2 * own), seen(screen_common=common)
    for other in (apart, twice, together):
        torch.testing.assert_close(other[..., WORLD], plain[..., WORLD])
    focal, depth = intrinsics[:2, None, None, :2], view.place[..., 2:]
    moved = (together - plain)[..., SCREEN] * depth / focal
    torch.testing.assert_close(moved, common[:, :, None].expand_as(moved), atol=1e-4, rtol=0)
    moved, further = ((each - plain)[..., SCREEN] * depth / focal for each in (apart, twice))
    torch.testing.assert_close(further, 2 * moved, atol=1e-4, rtol=0)
    size = (moved / own).flatten(-2)
    assert (size > 0.5).all(), "where badly seen, larger"
    hips = indices("left_hip", "right_hip")
    torch.testing.assert_close((moved / own)[..., hips, :], torch.ones(2, 3, 2, 2), atol=0.1, rtol=0)


def test_a_persons_bones_are_too_long_by_a_factor_of_their_own_the_same_in_every_frame():
    subjects = draw_subjects(4000, torch.Generator().manual_seed(0))
    left, right = (subjects.stretch[:, indices(f"{side}_elbow")[0]] for side in ("left", "right"))
    assert left.std() == pytest.approx(0.05, rel=0.1)
    assert right.std() == pytest.approx(0.05, rel=0.1)
    assert torch.corrcoef(torch.stack((left, right)))[0, 1] == pytest.approx(0.5, abs=0.05)
    assert subjects.trunk.std() == pytest.approx(1e-3 * NOISE.trunk_mm, rel=0.05)
    assert abs(subjects.trunk.mean()) < 0.003


@pytest.mark.parametrize("process", [ornstein_uhlenbeck, matern])
def test_processes_are_stationary_from_the_first_frame(process):
    shape = (2, 40, 20000) if process is matern else (40, 20000)
    value = process(torch.randn(shape, generator=torch.Generator().manual_seed(0)), torch.full((1, 1), 0.1))
    torch.testing.assert_close(value.var(1), torch.ones(40), atol=0.06, rtol=0)
    time = 0.1 * torch.arange(40)
    expected = torch.exp(-time) * (1 + time if process is matern else 1)
    torch.testing.assert_close((value * value[0]).mean(1), expected, atol=0.05, rtol=0)


@pytest.mark.parametrize("frames", [1, 30])
def test_paths_are_what_their_recurrence_says_frame_by_frame(frames):
    """With a step of its own for each frame: x' = phi x + e, and (value, rate)' = F (value, rate) + L e."""
    generator = torch.Generator().manual_seed(1)
    step = torch.rand(frames, 5, generator=generator, dtype=torch.float64)
    noise = torch.randn(2, frames, 5, generator=generator, dtype=torch.float64)
    given = noise.clone()
    rough, smooth = ornstein_uhlenbeck(noise[0], step), matern(noise, step)
    assert torch.equal(noise, given)
    x, state = noise[0, 0], noise[:, 0]
    for t in range(1, frames):
        keep = torch.exp(-step[t])
        x = keep * x + (1 - keep**2).sqrt() * noise[0, t]
        turn = torch.stack(
            [torch.linalg.matrix_exp(torch.tensor([[0.0, 1.0], [-1.0, -2.0]]).double() * s) for s in step[t]]
        )
        fresh = torch.linalg.cholesky(torch.eye(2) - turn @ turn.mT) @ noise[:, t].T[..., None]
        state = (turn @ state.T[..., None] + fresh)[..., 0].T
        torch.testing.assert_close(rough[t], x)
        torch.testing.assert_close(smooth[t], state[0])
    torch.testing.assert_close(torch.stack((rough[-1], smooth[-1])), torch.stack((x, state[0])))


@pytest.fixture(scope="module")
def raw_clip():
    """Ten seconds of somebody who walks out of the image and back."""
    local, way = swaying(600, seed=5)
    way = way + 4.0 * torch.sin(torch.linspace(0, 9, 600))[:, None] * torch.tensor([1.0, 0.0, 0.0])
    camera = cameras()["1"]
    in_view = torch.cat((camera.rotation @ local[:, :1], local[:, 1:]), dim=1)
    position, rotation = forward_kinematics(in_view, bones(), camera.to_camera(way))

    def make(**keys) -> np.ndarray:
        return next(
            simulate_raw(position[None], rotation[None], [camera], **({"seeds": [7], "subject_seed": 1} | keys))
        )

    return position, camera, make


def test_gaps_are_zero_and_anchors_follow_them(raw_clip):
    _, _, make = raw_clip
    clip = make()
    assert clip.dtype == np.float32
    assert clip.shape == (600, 33, 10)
    assert np.isfinite(clip).all()
    detected = clip.any((1, 2))
    assert 0.3 < detected.mean() < 1
    flag = clip[:, :, RAW_TRACKED]
    assert (flag == flag[:, :1]).all()
    first = detected & ~np.concatenate(([False], detected[:-1]))
    np.testing.assert_array_equal(detected & (flag[:, 0] == 0), first)
    np.testing.assert_array_equal(clip[..., 9], clip[..., 4])


def test_relative_depth_on_the_screen_is_the_landmarks_own_over_the_distance(raw_clip):
    position, _, make = raw_clip
    clip = make(tracking=TrackingFigures(stranger=0.0))
    seen = clip.any((1, 2))
    depth = clip[seen, :, RAW_WORLD.stop - 1] / position[seen, :1, 2].numpy()
    ratio = clip[seen, :, RAW_SCREEN_Z][np.abs(depth) > 0.01] / depth[np.abs(depth) > 0.01]
    np.testing.assert_allclose(ratio, 2.3, rtol=1e-3)


def test_raw_clips_repeat_by_seed_and_share_the_subject(raw_clip):
    _, _, make = raw_clip
    np.testing.assert_array_equal(make(), make())
    assert not np.array_equal(make(), make(seeds=[8]))
    assert not np.array_equal(make(), make(subject_seed=2))


def test_a_raw_clip_is_the_same_whatever_clips_are_made_with_it(raw_clip):
    """To the last digit: the sample's bytes must not depend on how many cameras look on."""
    position, camera, _ = raw_clip
    rotation = torch.eye(3).expand(2, 600, 21, 3, 3)
    pair = position.expand(2, -1, -1, -1), rotation, [camera, camera]
    together = list(simulate_raw(*pair, seeds=[7, 8], subject_seed=1))
    for index, clip in enumerate(together):
        alone = (part[index : index + 1] for part in pair)
        np.testing.assert_array_equal(clip, next(simulate_raw(*alone, seeds=[7 + index], subject_seed=1)))
    assert not np.array_equal(*together)


@pytest.mark.parametrize(("aside", "down"), [(-3.7, 0.0), (3.7, 0.0), (0.0, -3.0), (0.0, 3.0)])
def test_nobody_is_detected_just_beside_the_image_on_any_side(raw_clip, aside, down):
    position, camera, _ = raw_clip
    position = position[:300] - position[:300, :1] + torch.tensor([aside, down, 4.0])
    rotation = torch.eye(3).expand(1, 300, 21, 3, 3)
    clip = next(simulate_raw(position[None], rotation, [camera], seeds=[7], subject_seed=1))
    assert clip[150:].any((1, 2)).mean() < 0.2


def test_a_stranger_stands_far_from_the_subject(raw_clip):
    position, camera, make = raw_clip
    clip = torch.from_numpy(make(tracking=TrackingFigures(stranger=1.0)))
    anchors = torch.nonzero((clip[:, 0, RAW_TRACKED] == 0) & (clip != 0).flatten(1).any(1))[:, 0].tolist()
    assert len(anchors) > 1
    hips = clip[:, 23:25, 5:7].mean(1) * torch.tensor([camera.width, camera.height])
    margin = hips[anchors[1] : anchors[1] + 60, 0] / camera.width
    assert torch.minimum(margin, 1 - margin).median() == pytest.approx(0.04, abs=0.02), "just inside the image"
    distance = (hips - camera.project(position[:, 0])).norm(dim=-1)
    assert distance[anchors[0] : anchors[0] + 30].median() < 100
    assert distance[anchors[1] : anchors[1] + 60].median() > 400


@pytest.mark.parametrize("inside", [True, False])
def test_who_is_in_clear_view_in_the_first_frame_is_tracked_from_it_on(inside):
    outside = np.full(300, 1.0 if inside else 0.0)
    outside[0] = 1.0 - outside[1]
    starts = [
        [segment.start for segment in track(outside, np.zeros(300), TrackingFigures(), np.random.default_rng(seed))]
        for seed in range(20)
    ]
    assert all((0 in some) == inside for some in starts)


def test_tracking_is_lost_outside_the_image_and_found_inside():
    outside = np.concatenate([np.zeros(500), np.ones(500), np.zeros(500)])
    rng = np.random.default_rng(0)
    detected = np.zeros(1500)
    for _ in range(40):
        for segment in track(outside, np.zeros(1500), TrackingFigures(), rng):
            detected[segment.start : segment.stop] += 1 / 40
    assert detected[:500].mean() > 0.95
    assert detected[700:1000].mean() < 0.05
    assert detected[1010:].mean() > 0.95


def test_random_views_keep_the_motion_and_change_the_view():
    """A rigid motion of the whole window: distances stay, the trunk stays upright within the tilts, yaw is anything."""
    local, way = swaying(600, seed=1)
    position, rotation = forward_kinematics(local, bones(), way)
    position, rotation = position.unflatten(0, (60, 10)), rotation.unflatten(0, (60, 10))
    lenses = list(make_cameras(4, 42).values())
    seen, turned, intrinsics = random_views(position, rotation, lenses, torch.Generator().manual_seed(0))
    way, true_way = (place[:, :, 0].diff(dim=1).norm(dim=-1) for place in (seen, position))
    torch.testing.assert_close(way, true_way, atol=1e-4, rtol=0)
    pose, true_pose = (global_to_local(turns)[:, :, 1:] for turns in (turned, rotation))
    torch.testing.assert_close(pose, true_pose, atol=1e-5, rtol=0)
    offset, residual = bone_offsets(seen[0], turned[0])
    assert residual < 1e-4
    torch.testing.assert_close(offset, bones(), atol=1e-4, rtol=0)
    forward = -turned[:, 0, 0, :, 1]
    assert forward[:, 2].min() < -0.7
    assert forward[:, 2].max() > 0.7
    assert (seen[:, :, 0, 2] > 0.5).all()
    fov = torch.rad2deg(2 * torch.atan(0.5 / intrinsics[:, 0]))
    assert 64 < fov.min() < 69 < 76 < fov.max() < 82


def test_before_a_single_camera_the_room_is_four_metres_away():
    camera = dataclasses.replace(cameras()["1"], translation=torch.tensor([0.5, 0.0, 9.0]))
    position, _ = forward_kinematics(torch.eye(3).expand(400, 1, 21, 3, 3), bones())
    rotation = torch.eye(3).expand(400, 1, 21, 3, 3)
    seen, _, _ = random_views(position, rotation, [camera], torch.Generator().manual_seed(0))
    assert seen[:, 0, 0, 2].mean() == pytest.approx(4.0, abs=0.2)
    assert seen[:, 0, 0, 0].mean() == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("aside_deg", [-1.0, 0.0, 0.5])
def test_before_cameras_side_by_side_the_room_is_where_people_can_be(aside_deg):
    """Where their optical axes meet lies far away, behind them, or nowhere."""
    turned = [math.radians(side * aside_deg) for side in (1, -1)]
    rotations = [rotation_vector_to_matrix(torch.tensor([0.0, turn, 0.0])) @ cameras()["1"].rotation for turn in turned]
    pair = [
        dataclasses.replace(cameras()["1"], rotation=rotation, translation=torch.tensor([side * 0.5, 0.0, 9.0]))
        for rotation, side in zip(rotations, (1, -1), strict=True)
    ]
    position, _ = forward_kinematics(torch.eye(3).expand(400, 1, 21, 3, 3), bones())
    rotation = torch.eye(3).expand(400, 1, 21, 3, 3)
    seen, _, _ = random_views(position, rotation, pair, torch.Generator().manual_seed(0))
    assert 2 < seen[:, 0, 0, 2].min() < seen[:, 0, 0, 2].max() < 6


def test_bootstrap_borrows_nothing_from_perfect_detections():
    """Learned from detections without error, it makes detections without error."""
    clipset = tiny_clipset(frames=300)
    learned = BootstrapDetector.fit(clipset, ["S1/freestyle1"])
    truth = clipset.clip_truth("S1/freestyle1/cam1")
    position, rotation = forward_kinematics(truth.rotation, truth.offset, truth.root_position)
    seen = learned.simulate(
        position[None, :65], rotation[None, :65], cameras()["1"].intrinsics[None], torch.ones(1),
        torch.Generator().manual_seed(0),
    )  # fmt: skip
    view = ray_view(position[:65], rotation[:65])
    torch.testing.assert_close(seen[0, ..., WORLD], view.truth, atol=1e-4, rtol=0)
    expected = clipset.clip_landmarks("S1/freestyle1/cam1")[:65, :, SCREEN]
    torch.testing.assert_close(seen[0, ..., SCREEN], expected, atol=1e-3, rtol=0)


def test_bootstrap_errs_alike_however_a_person_is_tilted_in_the_image():
    """Its crop is turned until the trunk is upright: on the optical axis people may lie, or stand on their head."""
    learned = BootstrapDetector.fit(_erring_clipset(), ["S1/freestyle1"])
    position, rotation, intrinsics, dt = _windows()
    view = ray_view(position, rotation)
    # To the optical axis, facing as along the ray.
    ahead = torch.tensor([0.0, 0.0, 4.0])
    hips = view.place[..., indices("left_hip", "right_hip"), :].mean(-2, keepdim=True)
    joints, axes = (position - hips) @ view.turn, view.turn.mT[..., None, :, :] @ rotation

    def seen(degrees: float) -> tuple[torch.Tensor, torch.Tensor]:
        """World landmarks, and image landmarks about the centre in focal lengths, turned back."""
        roll = rotation_vector_to_matrix(torch.tensor([0.0, 0.0, math.radians(degrees)]))
        generator = torch.Generator().manual_seed(0)
        landmarks = learned.simulate(joints @ roll.mT + ahead, roll @ axes, intrinsics, dt, generator)
        focal, centre = intrinsics[:, None, None, :2], intrinsics[:, None, None, 2:]
        return landmarks[..., WORLD] @ roll, (landmarks[..., SCREEN] - centre) / focal @ roll[:2, :2]

    for degrees in (90.0, 180.0):
        for turned, expected in zip(seen(degrees), seen(0.0), strict=True):
            torch.testing.assert_close(turned, expected, atol=2e-4, rtol=0)


def test_bootstrap_keeps_its_errors_in_bounds_in_poses_that_no_clip_shows():
    """Pitched far towards the camera, which tilts no crop, the errors stay of the size known."""
    clipset = _erring_clipset()
    learned = BootstrapDetector.fit(clipset, ["S1/freestyle1"])
    position, rotation, intrinsics, dt = _windows()
    pitch = rotation_vector_to_matrix(torch.tensor([math.radians(100.0), 0.0, 0.0]))
    root = position[:, :, :1]
    strange = (position - root) @ pitch.mT + root, pitch @ rotation
    error = [
        learned.simulate(*pose, intrinsics, dt, torch.Generator().manual_seed(0))[..., WORLD] - ray_view(*pose).truth
        for pose in ((position, rotation), strange)
    ]
    known, far = (each.norm(dim=-1).mean() for each in error)
    assert far < 4 * known


def test_bootstrap_sees_only_the_takes_it_is_given():
    """Another take's detections may be anything: what was fitted on this one stays the same."""
    clipset = tiny_clipset()
    before = BootstrapDetector.fit(clipset, ["S1/freestyle1"])
    rows = clipset.clips.loc[clipset.clips["take"] != "S1/freestyle1"]
    for first, frames in zip(rows.first_row, rows.frames, strict=True):
        clipset.landmarks[first : first + frames, :, WORLD] += 1
    after = BootstrapDetector.fit(clipset, ["S1/freestyle1"])
    assert torch.equal(before.error, after.error)


def test_of_more_frames_than_it_keeps_the_bootstrap_borrows_from_all_cameras(monkeypatch):
    """Runs come one of camera 1 and two of camera 2, over and over: every third is of one camera."""
    clipset = tiny_clipset(tuple(f"S1/rom{number}" for number in range(1, 10)), frames=100)
    for first, frames, camera in zip(clipset.clips.first_row, clipset.clips.frames, clipset.clips.camera, strict=True):
        clipset.landmarks[first : first + frames, :, VISIBILITY] = 0.25 * int(camera)
    takes = list(clipset.takes.index)
    whole = BootstrapDetector.fit(clipset, takes)
    monkeypatch.setattr("blaze2cap.data.detector.bootstrap.MOST_FRAMES", 600)
    assert (whole.error[:, 0, VISIBILITY] == 0.25).sum() == 900
    thinned = BootstrapDetector.fit(clipset, takes)
    assert 600 <= len(thinned.error) < 600 + 100
    assert thinned.error[:, 0, VISIBILITY].unique().tolist() == [0.25, 0.5]
    assert torch.equal(thinned.line.weight, whole.line.weight)
    assert torch.equal(BootstrapDetector.fit(clipset, takes).error, thinned.error)
    assert not torch.equal(BootstrapDetector.fit(clipset, takes, seed=1).moment[:600], thinned.moment[:600])


def test_bootstrap_without_detections_says_so():
    with pytest.raises(UserError, match="S9/rom1"):
        BootstrapDetector.fit(tiny_clipset(), ["S9/rom1"])


@pytest.mark.parametrize("dt", [1.0, 3.0])
def test_borrowed_errors_go_to_and_fro_along_a_run_and_never_leave_it(dt):
    """Two runs whose visibility tells the frame: 0.1 to 0.4 and 0.5 to 0.9."""
    fitted = BootstrapDetector.fit(_erring_clipset(), ["S1/freestyle1"])
    ends = torch.tensor([[0, 299]] * 300 + [[300, 699]] * 400)
    error = torch.zeros(700, 25, 6)
    error[:, :, VISIBILITY] = 0.1 + torch.arange(700)[:, None] / 1000
    moment = fitted.moment[torch.arange(700) % len(fitted.moment)]
    detector = BootstrapDetector(fitted.line, moment, error, *ends.T)
    position, rotation, intrinsics, one = _windows(4, 1500)
    seen = detector.simulate(position, rotation, intrinsics, dt * one, torch.Generator().manual_seed(0))
    frame = 1000 * (seen[:, :, 0, VISIBILITY] - 0.1)
    assert frame.diff(dim=1).abs().max() < dt + 0.01
    for way in frame:
        first, last = (0, 299) if way[0] < 299.5 else (300, 699)
        assert (way.min().round(), way.max().round()) == pytest.approx((first, last), abs=dt)


def test_a_trunk_along_the_ray_leaves_the_crop_as_the_image():
    position, rotation, *_ = _windows(1, 1)
    view = ray_view(position, rotation)
    truth = view.truth.clone()
    truth[..., indices("left_shoulder", "right_shoulder"), :2] = 0
    along = view._replace(truth=truth)
    seen, roll = crop_view(along)
    torch.testing.assert_close(roll, torch.eye(3).expand_as(roll))
    torch.testing.assert_close(seen.truth, truth)
