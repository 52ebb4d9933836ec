"""The generated sample moves as people do: laws of its motion, its files and its statistics."""

import numpy as np
import pytest
import torch

from blaze2cap.body.kinematics import bone_offsets, forward_kinematics, global_to_local
from blaze2cap.body.rotation import geodesic_angle, matrix_to_rotation_vector, quaternion_to_matrix
from blaze2cap.body.skeleton import BODY_JOINTS, JOINT_INDEX, MIRROR, indices
from blaze2cap.body.t_pose import t_pose_frames
from blaze2cap.data.calibration import read_calibration
from blaze2cap.data.raw import RAW_CHANNELS, RAW_LANDMARKS, read_landmarks, scan
from blaze2cap.data.sources.sample import SampleParams, write_sample
from blaze2cap.data.sources.sample.curve import FPS, Track, smooth_noise
from blaze2cap.data.sources.sample.embodiment import Take
from blaze2cap.data.sources.sample.room import make_cameras
from blaze2cap.data.sources.sample.script import perform
from blaze2cap.data.sources.sample.subject import SUBJECTS, make_subject
from blaze2cap.data.sources.sample.write import MOTION_ONLY_ACTIONS, SAMPLE_TAKES
from blaze2cap.data.split import TEST_ACTIONS, TEST_SUBJECTS, TRAIN_ACTIONS, TRAIN_SUBJECTS, standard_part
from blaze2cap.data.vicon import read_vicon

SEED = 5
SECONDS = 12.0
FEET = indices("RightFoot", "LeftFoot")


@pytest.fixture(scope="module")
def takes() -> dict[str, Take]:
    """Every take of the sample, shortened."""
    people = {name: make_subject(name, SEED) for name in SUBJECTS}
    return {
        take: perform(people[subject], action, SECONDS, SEED)
        for take in SAMPLE_TAKES
        for subject, action in [take.split("/")]
    }


def _kind(take: str) -> str:
    return take.split("/")[1].rstrip("123")


def test_standard_split_puts_every_take_into_train_or_test() -> None:
    expected = {f"{s}/{a}" for s in TRAIN_SUBJECTS for a in TRAIN_ACTIONS}
    expected |= {f"{s}/{a}" for s in TEST_SUBJECTS for a in TEST_ACTIONS}
    assert set(SAMPLE_TAKES) == expected
    assert len(SAMPLE_TAKES) == len(expected)
    assert all(standard_part(f"S1/{action}") == "train" for action in MOTION_ONLY_ACTIONS)


def test_same_seed_gives_same_bytes_on_any_number_of_threads_and_another_seed_does_not(tmp_path) -> None:
    some = ("S2/walking1", "S5/acting3", "S1/rom2")
    for name, seed, threads in (("one", 1, 1), ("again", 1, 2), ("other", 2, 1)):
        torch.set_num_threads(threads)
        write_sample(tmp_path / name, SampleParams(seed=seed, seconds=4.0, cameras=2), some, workers=1)
    torch.set_num_threads(1)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 1 + 3 * 2 + 2 * 2
    for file in files:
        one, again, other = ((tmp_path / name / file).read_bytes() for name in ("one", "again", "other"))
        assert one == again, file
        assert one != other, file


def test_files_follow_the_raw_layout(tmp_path) -> None:
    write_sample(tmp_path, SampleParams(seed=SEED, seconds=4.0, cameras=3), ("S1/rom3", "S3/freestyle1"), workers=1)
    names, clips, faults = scan(tmp_path)
    assert (names, faults) == (["S1/rom3", "S3/freestyle1"], [])
    assert [str(clip) for clip in clips] == [f"S3/freestyle1/cam{camera}" for camera in (1, 2, 3)]
    landmarks = read_landmarks(tmp_path / clips[0].landmark_file)
    assert landmarks.shape == (240, len(RAW_LANDMARKS), RAW_CHANNELS)
    written, made = read_calibration(tmp_path / "calibration.cal"), make_cameras(3, SEED)
    assert list(written) == list(made) == ["1", "2", "3"]
    for name in made:
        torch.testing.assert_close(written[name].intrinsics, made[name].intrinsics, atol=1e-5, rtol=0)
        torch.testing.assert_close(written[name].rotation, made[name].rotation.float(), atol=1e-5, rtol=0)


def test_forward_kinematics_of_the_written_text_reproduces_its_positions(tmp_path) -> None:
    write_sample(tmp_path, SampleParams(seed=SEED, seconds=6.0, cameras=1), ("S4/freestyle3",), workers=1)
    position, quaternion = (torch.from_numpy(a) for a in read_vicon(tmp_path / "vicon/S4/freestyle3"))
    rotation = quaternion_to_matrix(quaternion)
    offset, residual = bone_offsets(position, rotation)
    again, _ = forward_kinematics(global_to_local(rotation), offset, position[:, 0])
    assert residual < 5e-5
    assert (again - position).norm(dim=-1).max() < 5e-5
    torch.testing.assert_close(offset, make_subject("S4", SEED).offset, atol=2e-5, rtol=0)


def test_skeletons_are_symmetric_and_differ_between_people() -> None:
    offsets = [make_subject(name, SEED).offset for name in SUBJECTS]
    for offset in offsets:
        torch.testing.assert_close(offset[list(MIRROR)] * torch.tensor([-1.0, 1.0, 1.0]), offset)
    legs = {round(make_subject(name, SEED).leg, 4) for name in SUBJECTS}
    assert len(legs) == len(SUBJECTS)
    assert all(0.68 < leg < 0.86 for leg in legs)


def test_every_take_opens_in_a_t_pose(takes: dict[str, Take]) -> None:
    for name, take in takes.items():
        frames = t_pose_frames(take.position, float(FPS))
        assert frames[:30].all(), name
        assert not frames[2 * FPS :].any(), name


def test_planted_feet_do_not_slide(takes: dict[str, Take]) -> None:
    for name, take in takes.items():
        speed = (take.position[1:, FEET] - take.position[:-1, FEET]).norm(dim=-1) * FPS
        planted = take.planted[1:] & take.planted[:-1]
        assert planted.any(0).all(), name
        assert torch.quantile(speed[planted], 0.99) < 0.03, name  # [m/s]


def test_walkers_always_have_a_foot_on_the_floor_and_the_feet_take_turns(takes: dict[str, Take]) -> None:
    for name, take in takes.items():
        if _kind(name) != "walking":
            continue
        height = take.position[:, FEET, 1]
        lifted = height - height.amin(0)
        assert lifted.amin(1).max() < 0.09, name  # the heel of the foot that leaves is up when the other one lands
        right, left = (lifted > 0.1).T
        assert not (right & left).any(), name
        assert right.any(), name
        assert left.any(), name


def test_nothing_goes_through_the_floor(takes: dict[str, Take]) -> None:
    for name, take in takes.items():
        assert take.position[..., 1].min() > -0.05, name


def test_joints_stay_within_their_limits(takes: dict[str, Take]) -> None:
    """Knees and elbows are hinges that bend one way; other joints stay within what recorded people show [deg]."""
    most = {"Spine2": 60, "Neck": 60, "Head": 80, "Shoulder": 110, "Arm": 178, "Hand": 125, "UpLeg": 135, "Foot": 90}
    for name, take in takes.items():
        degrees = torch.rad2deg(matrix_to_rotation_vector(global_to_local(take.rotation)))
        for side, sign in (("Right", -1), ("Left", 1)):
            knee, elbow = degrees[:, JOINT_INDEX[f"{side}Leg"]], degrees[:, JOINT_INDEX[f"{side}ForeArm"]]
            assert knee[:, 1:].abs().max() < 1e-3, name
            assert elbow[:, :2].abs().max() < 1e-3, name
            assert -knee[:, 0].max() > 0, name
            assert -knee[:, 0].min() < 150, name
            assert (sign * elbow[:, 2]).min() > 0, name
            assert (sign * elbow[:, 2]).max() < 151, name
        for joint in BODY_JOINTS:
            part = joint.removeprefix("Right").removeprefix("Left")
            if part in most:
                assert degrees[:, JOINT_INDEX[joint]].norm(dim=-1).max() < most[part], (name, joint)


def _third_difference(position: torch.Tensor) -> torch.Tensor:
    return position[3:] - 3 * position[2:-1] + 3 * position[1:-2] - position[:-3]


def test_smoothness_is_that_of_recorded_people(takes: dict[str, Take]) -> None:
    """Recorded means by kind of action, defective takes left out: jitter and acceleration of hips-relative joints."""
    recorded = {"rom": (0.065, 0.34), "walking": (0.11, 0.85), "freestyle": (0.12, 0.91), "acting": (0.11, 0.83)}
    for kind, (jitter, acceleration) in recorded.items():
        relative = [t.position - t.position[:, :1] for name, t in takes.items() if _kind(name) == kind]
        jerk = np.mean([_third_difference(p).norm(dim=-1).mean() for p in relative]) * FPS**3 / 1000
        change = np.mean([(p[2:] - 2 * p[1:-1] + p[:-2]).norm(dim=-1).mean() for p in relative]) * 1000
        assert 0.6 * jitter < jerk < 1.4 * jitter, kind  # [km/s^3]
        assert 0.6 * acceleration < change < 1.4 * acceleration, kind  # [mm/frame^2]


def test_constant_mean_pose_is_as_good_as_on_recorded_people(takes: dict[str, Take]) -> None:
    """0.30-0.50 rad and 80-140 mm: a network has as much to win here as on recordings."""
    local = {name: global_to_local(take.rotation) for name, take in takes.items()}
    parts = {part: [name for name in takes if standard_part(name) == part] for part in ("train", "test")}
    u, _, v = torch.linalg.svd(torch.cat([local[name] for name in parts["train"]]).mean(0))
    sign = torch.ones_like(u[..., 0])
    sign[..., 2] = torch.det(u @ v)
    mean = (u * sign[..., None, :]) @ v
    angle, distance = [], []
    for name in parts["test"]:
        angle.append(geodesic_angle(local[name][:, 1:], mean[1:].expand(len(local[name]), -1, -1, -1)).mean())
        constant = torch.cat((local[name][:, :1], mean[1:].expand(len(local[name]), -1, -1, -1)), dim=1)
        position, _ = forward_kinematics(constant, make_subject(name[:2], SEED).offset)
        truth = takes[name].position - takes[name].position[:, :1]
        distance.append((position - truth).norm(dim=-1).mean() * 1000)
    assert 0.30 <= np.mean(angle) <= 0.50
    assert 80 <= np.mean(distance) <= 140


def test_people_walk_turn_bend_and_work_on_the_floor(takes: dict[str, Take]) -> None:
    hips = {name: take.position[:, 0] for name, take in takes.items()}
    way = [(p[1:, [0, 2]] - p[:-1, [0, 2]]).norm(dim=-1).mean() * FPS for n, p in hips.items() if _kind(n) == "walking"]
    assert 0.6 < np.mean(way) < 1.2  # recorded: 0.88 m/s
    freestyle = [name for name in takes if _kind(name) == "freestyle"]
    trunk = torch.cat([takes[name].position[:, JOINT_INDEX["Neck"]] - hips[name] for name in freestyle])
    tilt = torch.rad2deg(torch.arccos(trunk[:, 1] / trunk.norm(dim=-1)))
    assert 0.03 < (tilt > 45).double().mean() < 0.35
    assert min(p[:, 1].min() for p in hips.values()) < 0.5
    assert np.mean([p[:, 1].mean() for p in hips.values()]) == pytest.approx(0.84, abs=0.06)


def test_cameras_ring_the_room_and_look_down_on_the_middle() -> None:
    for camera in make_cameras(8, SEED).values():
        across = 2 * np.degrees(np.arctan(0.5 * camera.width / camera.fx))
        down = np.degrees(-np.arcsin(camera.rotation[2, 1].item()))
        middle = camera.to_camera(torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64))
        assert 68 <= across <= 78
        assert 16 <= down <= 25
        assert 2.5 < middle[2] < 6.5
        assert (camera.project(middle) - torch.tensor([960.0, 540.0])).abs().max() < 700
        torch.testing.assert_close(camera.rotation @ camera.rotation.T, torch.eye(3, dtype=torch.float64))
        assert torch.det(camera.rotation) > 0


def test_strokes_start_and_end_at_rest_and_reach_their_targets() -> None:
    track = Track({"a": 1.0, "b": 0.0})
    track.move(0.5, 1.0, a=3.0)
    track.move(1.0, 1.0, a=-1.0)
    track.nudge(0.5, 1.0, b=2.0)
    values = track.render(3 * FPS)
    assert np.allclose(values["a"][: FPS // 2 + 1], 1.0)
    assert np.allclose(values["a"][2 * FPS :], -1.0)
    assert np.allclose(values["b"][2 * FPS :], 0.0)
    assert values["b"].max() > 1.5
    assert np.abs(np.diff(values["a"], 2)).max() < 0.02  # no kink: acceleration is continuous


def test_noise_has_the_asked_size_and_pace() -> None:
    noise = smooth_noise(np.random.default_rng(0), 6000, 4, period=0.5)
    assert noise.std() == pytest.approx(1.0, rel=0.1)
    speed = np.diff(noise, axis=1).std() * FPS
    assert speed == pytest.approx(2 * np.pi / 0.5 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize(("key", "value"), [("seed", -1), ("seconds", 0.5), ("cameras", 0), ("cameras", 9)])
def test_bad_parameters_are_refused_by_name(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"^{key} is {value}"):
        SampleParams(**{key: value})
