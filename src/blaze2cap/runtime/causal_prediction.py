"""From landmarks to a person's motion as a stream would give it live: frame by frame, nothing seen ahead."""

import itertools

import numpy as np
from jaxtyping import Bool, Float, Float64, Int

from blaze2cap.body.landmark import CHANNELS, LANDMARKS, TRACKED
from blaze2cap.runtime.animation import Animation
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.finishing.chain import RAW, Finishing, FinishingParams
from blaze2cap.runtime.footage import Footage
from blaze2cap.runtime.network import Network
from blaze2cap.runtime.retiming import tracked_on
from blaze2cap.runtime.rotation import matrix_to_rotation_vector, rotation_vector_to_matrix
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.tracking import detected_frames
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
    per second) lie on the shortest way between those around, or on from the last two. Two things are known at the end
    only: bones are those of then, which size the way of the first seconds, too, and frames before anybody is seen have
    the first pose.
    """
    intrinsics = footage.intrinsics(field_of_view_deg)
    streamer = Streamer(network, intrinsics, fps=footage.fps)
    world = CausalWorld(camera_tilt_deg=camera_tilt_deg, subject_height_m=subject_height_m)
    finishing = Finishing(world.offset, params)
    poses: list[WorldPose] = []
    goes_on: list[bool] = []
    sizes: list[float] = []
    frames, nobody = len(footage.landmarks), np.zeros((len(LANDMARKS), CHANNELS), np.float32)
    for frame in itertools.count():
        # After the last frame, nobody, until it is answered.
        answer = streamer.push(footage.landmarks[frame] if frame < frames else nobody, frame / footage.fps)
        if answer.time_s >= 0 and not (poses and answer.time_s == poses[-1].time_s):
            pose = world.place(answer)
            finishing.resize(world.offset)
            followed = answer.valid and bool(answer.landmarks[0, TRACKED])
            goes_on.append(followed and bool(poses) and poses[-1].valid)
            poses.append(finishing.step(pose))
            sizes.append(world.size)
        if poses and poses[-1].time_s >= (frames - 1) / footage.fps:
            break
    answered_s, asked_s = np.array([pose.time_s for pose in poses]), np.arange(frames) / footage.fps
    place = np.stack([pose.root_position for pose in poses]) * (world.size / np.array(sizes))[:, None]
    rotation, valid = np.stack([pose.rotation for pose in poses]), np.array([pose.valid for pose in poses])
    latest = np.clip(np.searchsorted(answered_s, asked_s, side="right") - 1, 0, None)
    before, share = _between(answered_s, asked_s, latest, np.array(goes_on), footage.landmarks)
    following = np.minimum(before + 1, len(poses) - 1)
    turn = matrix_to_rotation_vector(rotation[before].mT @ rotation[following]) * share[:, None, None]
    return Animation(
        fps=footage.fps,
        rotation=rotation[before] @ rotation_vector_to_matrix(turn),
        root_position=place[before] + share[:, None] * (place[following] - place[before]),
        offset=world.offset,
        end=world.end,
        # Answers may be of frames before; nobody is in view where nobody is detected.
        valid=valid[latest] & detected_frames(footage.landmarks),
        deviation=np.stack([pose.deviation for pose in poses])[latest],
        camera_tilt_deg=world.camera_tilt_deg,
        camera_tilt_known=world.camera_tilt_known,
    ).held_at_first()


def _between(
    answered_s: Float64[np.ndarray, "answers"],
    asked_s: Float64[np.ndarray, "frames"],
    latest: Int[np.ndarray, "frames"],
    goes_on: Bool[np.ndarray, "answers"],
    landmarks: Float[np.ndarray, "frames 25 7"],
) -> tuple[Int[np.ndarray, "frames"], Float64[np.ndarray, "frames"]]:
    """From which answer to the next one the way of each frame leads, and the share of it that it has gone.

    That is the latest answer; after the last one of all frames the way before it goes on while somebody is tracked. The
    share is 0 where the next answer does not go on from this one.
    """
    before, after = latest.copy(), np.minimum(latest + 1, len(answered_s) - 1)
    way_s = np.where(after > before, answered_s[after] - answered_s[before], 1.0)
    share = np.where(goes_on[after], np.clip((asked_s - answered_s[before]) / way_s, 0, 1), 0.0)
    last = int(latest[-1])
    if last > 0 and goes_on[last]:
        unanswered = np.flatnonzero(asked_s > answered_s[last])
        onward = unanswered[tracked_on(landmarks[unanswered])]
        before[onward] = last - 1
        share[onward] = (asked_s[onward] - answered_s[last - 1]) / (answered_s[last] - answered_s[last - 1])
    return before, share
