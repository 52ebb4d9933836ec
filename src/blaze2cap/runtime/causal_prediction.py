"""From landmarks to a person's motion as a stream would give it live: frame by frame, nothing seen ahead."""

import itertools

import numpy as np
from jaxtyping import Float64, Int

from blaze2cap.body.landmark import CHANNELS, LANDMARKS, TRACKED
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.finishing.chain import RAW, Finishing, FinishingParams
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.network import Network
from blaze2cap.runtime.rotation import matrix_to_rotation_vector, rotation_vector_to_matrix
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.world_pose import WorldPose


def predict_causally(
    network: Network,
    footage: Footage,
    *,
    field_of_view_deg: float | None = None,
    camera_tilt_deg: float | None = None,
    subject_height_m: float | None = None,
    params: FinishingParams = RAW,
) -> Animation:
    """Motion of every frame of the footage, in a world with a floor, by what was seen up to it.

    Each frame goes through `Streamer`, `CausalWorld` and `Finishing`, as in a live session. The answers of a network
    that is late are put where they belong; frames that no answer is for (`Streamer` passes over some above 60 frames
    per second) lie on the shortest way between those around. Bones are those of the end: the way of the first seconds
    is sized by them, too.
    """
    intrinsics = footage.intrinsics(field_of_view_deg)
    streamer = Streamer(network, intrinsics, fps=footage.fps)
    world = CausalWorld(camera_tilt_deg=camera_tilt_deg, subject_height_m=subject_height_m)
    finishing = Finishing(world.offset, params)
    poses: list[WorldPose] = []
    anew: list[bool] = []
    sizes: list[float] = []
    frames, nobody = len(footage.landmarks), np.zeros((len(LANDMARKS), CHANNELS), np.float32)
    for frame in itertools.count():
        # After the last frame, nobody, until it is answered.
        answer = streamer.push(footage.landmarks[frame] if frame < frames else nobody, frame / footage.fps)
        if answer.time_s >= 0 and not (poses and answer.time_s == poses[-1].time_s):
            pose = world.place(answer)
            finishing.resize(world.offset)
            poses.append(finishing.step(pose))
            anew.append(not answer.valid or not bool(answer.landmarks[0, TRACKED]))
            sizes.append(world.size)
        if poses and poses[-1].time_s >= (frames - 1) / footage.fps:
            break
    place = np.stack([pose.root_position for pose in poses]) * (world.size / np.array(sizes))[:, None]
    rotation, valid = np.stack([pose.rotation for pose in poses]), np.array([pose.valid for pose in poses])
    before, share = _between(np.array([pose.time_s for pose in poses]), np.arange(frames) / footage.fps)
    following = np.minimum(before + 1, len(poses) - 1)
    share = np.where(np.array(anew)[following] | ~valid[before], 0.0, share)
    turn = matrix_to_rotation_vector(rotation[before].mT @ rotation[following]) * share[:, None, None]
    return Animation(
        fps=footage.fps,
        rotation=rotation[before] @ rotation_vector_to_matrix(turn),
        root_position=place[before] + share[:, None] * (place[following] - place[before]),
        offset=world.offset,
        end=world.end,
        valid=valid[before],
        deviation=np.stack([pose.deviation for pose in poses])[before],
        camera_tilt_deg=world.camera_tilt_deg,
    )


def _between(
    answered_s: Float64[np.ndarray, "answers"], asked_s: Float64[np.ndarray, "frames"]
) -> tuple[Int[np.ndarray, "frames"], Float64[np.ndarray, "frames"]]:
    """The last answer at or before each time, or the first of all, and the share of the way on to the next one."""
    before = np.clip(np.searchsorted(answered_s, asked_s, side="right") - 1, 0, None)
    after = np.minimum(before + 1, len(answered_s) - 1)
    way = np.where(after > before, answered_s[after] - answered_s[before], 1.0)
    share = np.clip((asked_s - answered_s[before]) / way, 0, 1)
    return before, share
