"""The simulated BlazePose errs like the real one (figures of recordings), on real motion and on the sample's."""

import numpy as np
import pytest
import torch
from detection_statistics import (
    PARTS,
    Detections,
    acceleration_error_mm,
    autocorrelation_z,
    error_by_visibility_mm,
    excess_kurtosis,
    jitter,
    mpjpe_12_mm,
    pa_mpjpe_12_mm,
    size_ratios,
    standard_deviations_mm,
    velocity_error_medians_mm,
    visibility_by_part,
)

from blaze2cap.body.inverse_kinematics import analytic_pose
from blaze2cap.body.kinematics import global_to_local
from blaze2cap.body.landmark import (
    KEPT_FROM_RAW,
    KEPT_RAW_CHANNELS,
    VISIBILITY,
    WORLD,
)
from blaze2cap.body.rotation import geodesic_angle, quaternion_to_matrix
from blaze2cap.data.calibration import read_calibration
from blaze2cap.data.detector.parametric import ParametricDetector, draw_subjects
from blaze2cap.data.raw import ClipName
from blaze2cap.data.sources.sample.room import make_cameras
from blaze2cap.data.sources.sample.script import perform
from blaze2cap.data.sources.sample.subject import make_subject
from blaze2cap.data.vicon import read_vicon

# Measured on recordings: standard deviation x y z [mm], autocorrelation of z at lags 1 and 10.
REAL_STD = {
    "shoulder": (86, 64, 83), "elbow": (93, 61, 123), "wrist": (108, 75, 183),
    "hip": (30, 14, 31), "knee": (68, 50, 84), "ankle": (111, 57, 123),
}  # fmt: skip
REAL_AUTOCORRELATION = {
    "shoulder": (0.99, 0.81), "elbow": (0.99, 0.75), "wrist": (0.97, 0.70),
    "hip": (1.0, 0.90), "knee": (0.98, 0.70), "ankle": (0.98, 0.70),
}  # fmt: skip
REAL_BY_VISIBILITY = (192, 169, 155, 122)
REAL_VELOCITY = (2.1, 1.5, 3.9)
# Measured on recordings, mean of S1 and S2: left, right.
REAL_RATIO = {"upper arm": (0.815, 1.095), "forearm": (1.11, 1.045), "thigh": (1.035, 0.895), "shin": (0.99, 1.125)}


def _observe(position, rotation, camera, seed, subject_seed) -> Detections:
    generator = torch.Generator().manual_seed(seed)
    subject = draw_subjects(1, torch.Generator().manual_seed(subject_seed))
    intrinsics = camera.intrinsics.float()
    seen = ParametricDetector().observe(
        position[None], rotation[None], intrinsics[None], torch.ones(1), subject, generator
    )
    return Detections(seen[0], position, intrinsics)


@pytest.fixture(scope="module")
def real_takes(totalcapture_root):
    """True motion of the four takes with eight cameras, every other camera, in the camera's frame."""
    views = read_calibration(totalcapture_root / "calibration.cal")
    takes = []
    for take in ("S1/freestyle1", "S1/freestyle2", "S2/freestyle1", "S2/freestyle2"):
        vicon = read_vicon(totalcapture_root / "vicon" / take)
        world = torch.from_numpy(vicon.position).float()
        rotation = quaternion_to_matrix(torch.from_numpy(vicon.quaternion)).float()
        for name in ("1", "2", "4", "6"):
            camera = views[name]
            takes.append((f"{take}/cam{name}", camera, camera.to_camera(world), camera.rotation.float() @ rotation))
    return takes


@pytest.fixture(scope="module")
def on_real_motion(real_takes) -> list[Detections]:
    """Simulated detections of real motion; every clip another subject, so that no one person's bias decides."""
    return [_observe(p, r, camera, k, 100 + k) for k, (_, camera, p, r) in enumerate(real_takes)]


@pytest.fixture(scope="module")
def on_sample_motion() -> list[Detections]:
    """Simulated detections of the sample's motion by the sample's cameras."""
    clips = []
    for number, action in enumerate(("walking1", "freestyle1", "acting1", "freestyle3")):
        take = perform(make_subject(f"S{1 + number % 3}", 42), action, 15.0, 42)
        for camera in make_cameras(4, 42).values():
            position = camera.to_camera(take.position).float()
            rotation = (camera.rotation.to(take.rotation) @ take.rotation).float()
            clips.append(_observe(position, rotation, camera, len(clips), 200 + len(clips)))
    return clips


@pytest.fixture(params=["on_real_motion", "on_sample_motion"])
def detections(request) -> list[Detections]:
    return request.getfixturevalue(request.param)


def test_statistics_reproduce_the_measured_figures(totalcapture_root, real_takes):
    """The ruler first: on real detections the definitions give the figures that the simulator is held to."""
    clips = []
    for name, camera, position, _ in real_takes:
        subject, action, view = name.split("/")
        file = totalcapture_root / ClipName(subject, action, view.removeprefix("cam")).landmark_file
        raw = torch.from_numpy(np.load(file))[: len(position)]
        landmarks = raw[:, list(KEPT_FROM_RAW)][..., list(KEPT_RAW_CHANNELS)]
        clips.append(Detections(landmarks, position[: len(raw)], camera.intrinsics.float()))
    assert mpjpe_12_mm(clips) == pytest.approx(138.5, abs=8)
    assert pa_mpjpe_12_mm(clips) == pytest.approx(84.6, abs=5)
    assert acceleration_error_mm(clips) == pytest.approx(16.7, abs=1.5)
    for part, std in standard_deviations_mm(clips).items():
        assert std.tolist() == pytest.approx(REAL_STD[part], rel=0.15), part
    assert error_by_visibility_mm(clips) == pytest.approx(REAL_BY_VISIBILITY, rel=0.1)
    assert velocity_error_medians_mm(clips).tolist() == pytest.approx(REAL_VELOCITY, rel=0.15)


def test_errors_are_as_large_as_the_real_ones(detections):
    assert 125 < mpjpe_12_mm(detections) < 155
    assert 75 < pa_mpjpe_12_mm(detections) < 95


def test_errors_change_as_fast_as_the_real_ones(detections):
    assert 14 < acceleration_error_mm(detections) < 20
    assert jitter(detections) == pytest.approx(6.3, rel=0.25)
    assert velocity_error_medians_mm(detections).tolist() == pytest.approx(REAL_VELOCITY, rel=0.25)


def test_errors_spread_over_parts_and_axes_as_the_real_ones(detections):
    std = standard_deviations_mm(detections)
    for part in PARTS:
        assert std[part].tolist() == pytest.approx(REAL_STD[part], rel=0.25), part


def test_errors_are_as_slow_as_the_real_ones(detections):
    for lag, column in ((1, 0), (10, 1)):
        measured = autocorrelation_z(detections, lag)
        for part in PARTS:
            assert measured[part] == pytest.approx(REAL_AUTOCORRELATION[part][column], abs=0.1), (part, lag)


def test_errors_have_heavy_tails_across_the_view(detections):
    kurtosis = excess_kurtosis(detections)
    assert kurtosis["wrist"][1] > 1
    assert kurtosis["wrist"][1] > kurtosis["wrist"][2]


def test_visibility_predicts_error(detections):
    assert error_by_visibility_mm(detections) == pytest.approx(REAL_BY_VISIBILITY, rel=0.15)


def test_trunk_is_always_visible_and_arms_are_not(detections):
    visibility = visibility_by_part(detections)
    assert visibility["shoulder"].mean() > 0.99
    assert visibility["hip"].mean() > 0.99
    for part in ("elbow", "wrist"):
        assert visibility[part].mean() == pytest.approx(0.72, abs=0.08)
        assert (visibility[part] < 0.1).float().mean() == pytest.approx(0.09, abs=0.05)


def test_left_and_right_bones_differ_as_the_real_ones(detections):
    for bone, ratio in size_ratios(detections).items():
        assert ratio == pytest.approx(REAL_RATIO[bone], abs=0.12), bone


def test_image_errors_are_smaller_than_world_errors(detections):
    medians = [float(clip.screen_error_px.median()) for clip in detections]
    assert min(medians) > 8
    assert max(medians) < 30


def test_analytic_pose_errs_on_simulated_as_on_real_detections(real_takes, totalcapture_root):
    """What matters downstream: rotations by inverse kinematics, MARE within 20 % of that on the real detections."""
    mare: dict[str, list] = {"real": [], "simulated": []}
    for number, (name, camera, position, rotation) in enumerate(real_takes[::2]):
        subject, action, view = name.split("/")
        file = totalcapture_root / ClipName(subject, action, view.removeprefix("cam")).landmark_file
        raw = torch.from_numpy(np.load(file))[: len(position)]
        real = raw[:, list(KEPT_FROM_RAW)][..., list(KEPT_RAW_CHANNELS)]
        frames = torch.nonzero((real != 0).flatten(1).any(1))[::10, 0]
        simulated = _observe(position, rotation, camera, number, number).landmarks
        true = global_to_local(rotation[frames])[:, 1:]
        for kind, landmarks in (("real", real[frames]), ("simulated", simulated[frames])):
            pose = analytic_pose(landmarks[..., WORLD], landmarks[..., VISIBILITY])[:, 1:]
            mare[kind].append(geodesic_angle(pose, true).mean(1))
    real, simulated = (float(torch.cat(mare[kind]).mean()) for kind in ("real", "simulated"))
    assert simulated == pytest.approx(real, rel=0.2)
