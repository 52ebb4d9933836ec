"""Laws of an animation in the viewer: everything stands where the animation says, and is said where it is not known."""

import math
from dataclasses import replace

import numpy as np

from blaze2cap.body.skeleton import JOINT_INDEX, JOINTS
from blaze2cap.runtime.animation import END_JOINTS, Animation
from blaze2cap.runtime.animation_scene import NOBODY, NOBODY_YET, POINTS, scene_of_animation
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.joint_graphs import rotation_error_graph, rotation_graph
from blaze2cap.runtime.rotation import rotation_vector_to_matrix
from blaze2cap.runtime.viewer import viewer_page

FRAMES = 8


def animation(deviation: float = 0.1) -> Animation:
    """A right elbow that bends by a tenth of a radian a frame about a turned body; nobody is seen in frames 4 and 5."""
    rotation = np.tile(np.eye(3), (FRAMES, len(JOINTS), 1, 1))
    bend = np.zeros((FRAMES, 3))
    bend[:, 1] = 0.1 * np.arange(FRAMES)
    rotation[:, JOINT_INDEX["RightForeArm"]] = rotation_vector_to_matrix(bend)
    rotation[:, 0] = rotation_vector_to_matrix(np.array([0.0, math.pi / 2, 0.0]) + bend)
    rng = np.random.default_rng(0)
    offset, end = 0.2 * rng.normal(size=(len(JOINTS), 3)), 0.1 * rng.normal(size=(len(END_JOINTS), 3))
    valid = np.ones(FRAMES, bool)
    valid[4:6] = False
    return Animation(
        fps=30.0,
        rotation=rotation,
        root_position=rng.normal(size=(FRAMES, 3)),
        offset=offset,
        end=end,
        valid=valid,
        deviation=np.full((FRAMES, len(JOINTS)), deviation),
        camera_tilt_deg=10.0,
    )


def footage() -> Footage:
    landmarks = np.random.default_rng(0).random((FRAMES, 25, 7), np.float32)
    landmarks[4:6] = 0
    return Footage(landmarks=landmarks, width=640, height=360, fps=30.0)


def test_joints_and_ends_of_bones_are_where_the_animation_has_them() -> None:
    shown = animation()
    figure = scene_of_animation(shown, "a").figures[0]
    position = figure.position
    np.testing.assert_allclose(position[:, : len(JOINTS)], shown.joint_positions(), atol=1e-6)
    for place, name in enumerate(END_JOINTS):
        length = np.linalg.norm((position[:, POINTS.index(f"{name}End")] - position[:, JOINT_INDEX[name]]), axis=-1)
        np.testing.assert_allclose(length, np.linalg.norm(shown.end[place]), rtol=1e-5)
    ended = {figure.points[end].removesuffix("End") for _, end in figure.lines if figure.points[end].endswith("End")}
    assert ended == set(END_JOINTS)
    assert len(figure.lines) == len(figure.right) == len(figure.radii_m) == len(POINTS) - 1


def test_before_anybody_is_seen_no_last_pose_is_spoken_of() -> None:
    shown = animation()
    notes = scene_of_animation(replace(shown, valid=np.arange(len(shown.valid)) % 4 > 1), "a").notes
    assert notes == (NOBODY_YET, NOBODY_YET, "", "", NOBODY, NOBODY, "", "")


def test_frames_with_nobody_have_a_note_and_gaps_in_the_graphs() -> None:
    scene = scene_of_animation(animation(), "a")
    assert [frame for frame, note in enumerate(scene.notes) if note == NOBODY] == [4, 5]
    turn, expected = scene.figures[0].graphs
    assert (turn.name, expected.name) == ("rotation", "error to expect")
    for graph in (turn, expected):
        assert np.flatnonzero(np.isnan(graph.value).all(1)).tolist() == [4, 5]
    seen = [0, 1, 2, 3, 6, 7]
    elbow = turn.value[:, JOINT_INDEX["RightForeArm"]]
    np.testing.assert_allclose(elbow[seen], np.degrees(0.1 * np.array(seen)), atol=1e-3)
    np.testing.assert_allclose(expected.value[seen], math.degrees(0.1), atol=1e-4)


def test_the_root_turns_from_its_first_pose_and_errors_are_angles_to_the_truth() -> None:
    shown = animation()
    root = rotation_graph(shown.rotation, shown.valid).value[:, 0]
    np.testing.assert_allclose(root[:4], np.degrees([0, 0.1, 0.2, 0.3]), atol=1e-3)
    still = np.broadcast_to(shown.rotation[:1], shown.rotation.shape)
    error = rotation_error_graph(shown.rotation, still, shown.valid).value
    np.testing.assert_allclose(error[3, JOINT_INDEX["RightForeArm"]], np.degrees(0.3), atol=1e-3)
    assert error[3, JOINT_INDEX["LeftForeArm"]] == 0


def test_an_error_to_expect_that_nobody_knows_is_not_drawn() -> None:
    (turn,) = scene_of_animation(animation(math.nan), "a").figures[0].graphs
    assert turn.name == "rotation"


def test_the_footage_shows_its_landmarks_and_the_image() -> None:
    known = footage()
    scene = scene_of_animation(animation(), "a", known)
    body, landmarks = scene.figures
    assert body.pixel is not None
    assert body.pixel.shape == (FRAMES, len(POINTS), 2)
    assert landmarks.pixel is not None
    assert scene.image == (640, 360)
    np.testing.assert_allclose(landmarks.pixel[0, 3], known.landmarks[0, 3, 3:5] * np.array([640, 360]), rtol=1e-5)
    assert np.isnan(landmarks.pixel[4:6]).all()
    assert np.isnan(landmarks.position[4:6]).all()
    assert "landmarks" in viewer_page(scene)


def test_it_is_first_seen_from_where_the_camera_stood() -> None:
    assert scene_of_animation(animation(), "a").view == (0.0, math.radians(10))
