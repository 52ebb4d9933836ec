"""The network: landmarks of one camera in, motion in the camera's frame out, causally, whole clips and streams alike.

viewing ray -> analytic pose -> features in the body's frame -> causal backbone -> corrections of the analytic pose ->
smoother. Everything that one frame hands to the next is in `State`, tensors of fixed size.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.functional import pad

from blaze2cap.body.landmark import CHANNELS, LANDMARKS
from blaze2cap.body.motion import Motion
from blaze2cap.body.rotation import identity_6d, matrix_to_rotation_6d, rotation_6d_to_matrix
from blaze2cap.body.skeleton import JOINTS
from blaze2cap.learning.backbone import Memory, make_backbone
from blaze2cap.learning.base_pose import BasePose
from blaze2cap.learning.features import FEATURES, anchor_frames, landmark_features
from blaze2cap.learning.model_params import ModelParams
from blaze2cap.learning.recurrence import gated_cascade
from blaze2cap.learning.window_refiner import WindowMemory, WindowRefiner

_JOINTS = len(JOINTS)
_INPUTS = len(LANDMARKS) * FEATURES
# Beside the landmarks: view and up direction, root's analytic way, time since the frame before, analytic local 6D.
_CONTEXT = 3 + 3 + 3 + 1 + 6 * (_JOINTS - 1)
# What a smoother smooths: 6D of the rotations and the root's position.
_POSE = 6 * _JOINTS + 3
# Heads start near zero, so that an untrained network returns the analytic pose; the scales are those of one frame.
_HEAD_GAIN = 0.05
_WAY_SCALE = 0.02
_CHANGE_SCALE = 0.05
_DEPTH_SCALE = 0.1
# What an untrained network says of its own error [rad].
_DEVIATION = 0.3
# Inputs further from the mean count as this many standard deviations: a landmark that jumps across the room must not
# swamp the rest, nor a pose unlike all recorded ones drive corrections that training never asked for.
_FARTHEST_INPUT = 2.5


class _Level(NamedTuple):
    """The smoothed pose of every stage: 6D of the 21 rotations, not yet orthonormal, and the root's place [m]; camera
    frame. The last stage is what is answered."""

    turns: Float[Tensor, "*batch stages 21 6"]
    place: Float[Tensor, "*batch stages 3"]


class State(NamedTuple):
    """What a frame hands to the next.

    landmarks  the last 1 + delay_frames frames
    memory     what the backbone keeps
    level      the smoothed pose
    window     what the window refiner keeps, if it is the smoother
    fresh      nothing is known of the level yet
    motion     the last valid motion, held through gaps
    """

    landmarks: Float[Tensor, "B kept 25 7"]
    memory: Memory
    level: "_Level"
    window: Memory
    fresh: Bool[Tensor, "B"]
    motion: Motion


class PoseModel(nn.Module):
    """Landmarks [B, S, 25, 7], intrinsics [B, 4], time since the frame before [B, S] -> Motion [B, S, ...]."""

    feature_mean: Tensor
    feature_scale: Tensor
    deviation_scale: Tensor

    def __init__(self, params: ModelParams) -> None:
        super().__init__()
        self.params = params
        self.backbone = make_backbone(_INPUTS + _CONTEXT, params)
        self.register_buffer("feature_mean", torch.zeros(_INPUTS + _CONTEXT))
        self.register_buffer("feature_scale", torch.ones(_INPUTS + _CONTEXT))
        self.register_buffer("deviation_scale", torch.ones(()))
        self.root_head = nn.Linear(params.width, 2 * 6)
        self.absolute_root_head = nn.Linear(params.width, 6)
        self.body_head = nn.Linear(params.width, (_JOINTS - 1) * 6)
        self.deviation_head = nn.Linear(params.width, _JOINTS)
        heads = [self.root_head, self.absolute_root_head, self.body_head, self.deviation_head]
        if params.smoother == "gated":
            self.change_head = nn.Linear(params.width, (_JOINTS - 1) * 6)
            # A gate for every joint and one for the root's place.
            self.gate_head = nn.Linear(params.width, params.smoother_stages * (_JOINTS + 1))
            heads += [self.change_head, self.gate_head]
        for head in heads:
            with torch.no_grad():
                head.weight *= _HEAD_GAIN
                head.bias.zero_()
        self.refiner = WindowRefiner(params.look_back) if params.smoother == "window" else None
        self.autocast: torch.dtype | None = None

    def receptive_field(self) -> int | None:
        """Frames that an answer sees, its own included, but for what recurrences keep; None where there is no other."""
        reach = self.backbone.receptive_field()
        return reach if self.refiner is None else (reach or 1) + self.refiner.past

    def start(self, batch: int, before: Float[Tensor, "B 25 7"] | None = None) -> State:
        """State of a stream that begins, or of a window whose frame `before` is known."""
        device = self.feature_mean.device
        landmarks = torch.zeros(batch, 1 + self.params.delay_frames, len(LANDMARKS), CHANNELS, device=device)
        if before is not None:
            landmarks[:, -1] = before
        identity = torch.eye(3, device=device)
        rest = Motion(
            identity.expand(batch, _JOINTS, 3, 3),
            torch.zeros(batch, 3, device=device),
            identity.expand(batch, 3, 3),
            torch.zeros(batch, dtype=torch.bool, device=device),
            torch.full((batch, _JOINTS), math.pi, device=device),
        )
        stages = self.params.smoother_stages if self.params.smoother == "gated" else 1
        level = _Level(
            identity_6d(landmarks).expand(batch, stages, _JOINTS, 6), torch.zeros(batch, stages, 3, device=device)
        )
        fresh = torch.ones(batch, dtype=torch.bool, device=device)
        window = self.refiner.start(batch, _POSE) if self.refiner else ()
        return State(landmarks, self.backbone.start(batch), level, window, fresh, rest)

    def forward(
        self,
        landmarks: Float[Tensor, "B S 25 7"],
        intrinsics: Float[Tensor, "B 4"],
        dt: Float[Tensor, "B S"],
        state: State | None = None,
    ) -> tuple[Motion, State]:
        """Motion of every frame, `delay_frames` late, and the state after the last one.

        Frames with nobody in them hold the last pose and are not `valid`; an anchor forgets all before it.
        """
        motion, state, _ = self.solve(landmarks, intrinsics, dt, state)
        return motion, state

    def solve(
        self,
        landmarks: Float[Tensor, "B S 25 7"],
        intrinsics: Float[Tensor, "B 4"],
        dt: Float[Tensor, "B S"],
        state: State | None = None,
    ) -> tuple[Motion, State, BasePose]:
        """As `forward`, and what is known without learning of the frames that are answered."""
        state = state or self.start(landmarks.shape[0])
        frames = landmarks.shape[1]
        delay = self.params.delay_frames
        known = torch.cat((state.landmarks, landmarks), dim=1)
        detected, anchor = anchor_frames(known)

        base = BasePose.of(known, intrinsics, self.params)
        found = detected[:, delay:], anchor[:, delay:]
        inputs = self._inputs(known[:, delay:], base.at(slice(delay, None)), intrinsics, dt, *found)
        device_type = inputs.device.type
        with torch.autocast(device_type, dtype=self.autocast, enabled=self.autocast is not None):
            hidden, memory = self.backbone(inputs, dt, *found, state.memory)
        # The frames answered now are `delay` older than those just seen.
        answered = base.at(slice(1, 1 + frames))
        motion, level, window = self._correct(hidden.float(), answered, detected[:, :frames], anchor[:, :frames], state)
        motion = _hold(motion, state.motion)
        last = motion.at(slice(None), -1)
        level = _Level(*(part[:, -1] for part in level))
        after = State(known[:, frames:], memory, level, window, torch.zeros_like(state.fresh), last)
        return motion, after, answered

    def step(
        self,
        landmarks: Float[Tensor, "B 25 7"],
        intrinsics: Float[Tensor, "B 4"],
        dt: Float[Tensor, "B"],
        state: State,
    ) -> tuple[Motion, State]:
        """One frame of a stream: the same as a window of one frame."""
        motion, state = self(landmarks[:, None], intrinsics, dt[:, None], state)
        return motion.at(slice(None), 0), state

    def inputs(
        self, landmarks: Float[Tensor, "B S 25 7"], before: Float[Tensor, "B 25 7"], intrinsics: Tensor, dt: Tensor
    ) -> Float[Tensor, "B S inputs"]:
        """What the backbone is given, before normalisation: 25 x 18 features, then the context of each frame."""
        known = torch.cat((before[:, None], landmarks), dim=1)
        base = BasePose.of(known, intrinsics, self.params)
        return self._raw_inputs(known, base, intrinsics, dt, *anchor_frames(known))

    def normalise_by(self, inputs: Float[Tensor, "N inputs"]) -> None:
        """Take mean and spread of the inputs from a sample of them."""
        self.feature_mean.copy_(inputs.mean(0))
        self.feature_scale.copy_(inputs.std(0).clamp_min(1e-3))

    def _inputs(self, known: Tensor, base: BasePose, *frames: Tensor) -> Tensor:
        raw = self._raw_inputs(known, base, *frames)
        return ((raw - self.feature_mean) / self.feature_scale).clamp(-_FARTHEST_INPUT, _FARTHEST_INPUT)

    def _raw_inputs(
        self, known: Tensor, base: BasePose, intrinsics: Tensor, dt: Tensor, detected: Tensor, anchor: Tensor
    ) -> Tensor:
        tracked = detected & ~anchor
        frame = base.body[:, 1:]
        features = landmark_features(known, intrinsics, frame, tracked)
        view = frame[..., 2, :]
        turned = base.ray[:, 1:] @ frame
        way = (base.position[:, 1:] - base.position[:, :-1]) * tracked[..., None]
        way = (way[..., None, :] @ turned).squeeze(-2)
        local = matrix_to_rotation_6d(base.pose[:, 1:, 1:]).flatten(-2)
        inputs = torch.cat((features.flatten(-2), view, -turned[..., 1, :], way, dt[..., None], local), dim=-1)
        return inputs * detected[..., None]

    def _correct(
        self, hidden: Tensor, base: BasePose, detected: Tensor, anchor: Tensor, state: State
    ) -> tuple[Motion, "_Level", Memory]:
        root_way, turn = self.root_head(hidden).chunk(2, dim=-1)
        # Of the root, of the other joints, and of the root since the frame before: all at once.
        six = torch.cat((self.absolute_root_head(hidden), self.body_head(hidden), _CHANGE_SCALE * turn), dim=-1)
        correction = rotation_6d_to_matrix(identity_6d(hidden) + six.unflatten(-1, (_JOINTS + 1, 6)))
        turn = correction[..., _JOINTS, :, :]
        frame = base.ray @ base.pose[..., 0, :, :]
        uncorrected = torch.cat((frame[..., None, :, :], base.pose[..., 1:, :, :]), dim=-3)
        rotation = uncorrected @ correction[..., :_JOINTS, :, :]
        root = rotation[..., 0, :, :]
        way = (base.ray @ base.body @ (_WAY_SCALE * root_way[..., :3, None])).squeeze(-1)
        # A position slot has three numbers; the fourth serves as depth along the ray.
        position = base.position * torch.exp(_DEPTH_SCALE * root_way[..., 3:4])

        afresh = torch.cat((anchor[:, :1] | state.fresh[:, None], anchor[:, 1:]), dim=1)
        seen = matrix_to_rotation_6d(rotation)
        level, window = _Level(seen[:, :, None], position[:, :, None]), state.window
        if self.params.smoother == "gated":
            turned = seen[..., :1, :] - matrix_to_rotation_6d(root @ turn.mT)[..., None, :]
            change = _CHANGE_SCALE * self.change_head(hidden).unflatten(-1, (_JOINTS - 1, 6))
            # An anchor starts afresh; a gap leaves the level alone.
            gate = torch.sigmoid(self.gate_head(hidden)) * detected[..., None]
            gate = torch.where(afresh[..., None], 1.0, gate).unflatten(-1, (-1, _JOINTS + 1))
            # The root's place goes along as one more row of six, the last three unused.
            moved = _with_place(torch.cat((turned, change), dim=-2), way) * detected[..., None, None]
            cascade = gated_cascade(
                _with_place(seen, position), moved, gate, _with_place(state.level.turns, state.level.place)
            )
            level = _Level(cascade[..., :_JOINTS, :], cascade[..., _JOINTS, :3])
        elif self.refiner:
            pose = torch.cat((seen.flatten(-2), position), dim=-1)
            pose, window = self.refiner(pose, detected, anchor, WindowMemory(*state.window))
            level = _Level(pose[..., None, :-3].unflatten(-1, (_JOINTS, 6)), pose[..., None, -3:])
        if self.params.smoother != "none":
            turns = torch.cat((state.level.turns[:, None, -1], level.turns[:, :, -1]), dim=1)
            place = torch.cat((state.level.place[:, None, -1], level.place[:, :, -1]), dim=1)
            known = rotation_6d_to_matrix(turns)
            rotation = known[:, 1:]
            # Deltas are those of what was said before; only where nothing was, the heads' own.
            turn = torch.where(afresh[..., None, None], turn, known[:, :-1, 0].mT @ rotation[..., 0, :, :])
            way = torch.where(afresh[..., None], way, place[:, 1:] - place[:, :-1])

        moving = (detected & ~anchor)[..., None]
        turn = torch.where(moving[..., None], turn, torch.eye(3, dtype=turn.dtype, device=turn.device))
        # Detached: what is learned of the error teaches nothing else, though it counts in validation and in the norm.
        deviation = _DEVIATION * torch.exp(self.deviation_head(hidden.detach())) * self.deviation_scale
        return Motion(rotation, way * moving, turn, detected, deviation.clamp_max(math.pi)), level, window


def _with_place(turns: Float[Tensor, "*batch 21 6"], place: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 22 6"]:
    return torch.cat((turns, pad(place, (0, 3))[..., None, :]), dim=-2)


def _hold(motion: Motion, before: Motion) -> Motion:
    """Where not valid, the last valid pose, standing still; before the first, that of `before`."""
    frames = motion.valid.shape[1]

    def held(now: Tensor, last: Tensor) -> Tensor:
        valid = motion.valid.unflatten(1, (frames, *(1,) * (now.ndim - 2)))
        if frames == 1:
            return torch.where(valid, now, last[:, None])
        index = torch.arange(1, frames + 1, device=now.device).view(1, *valid.shape[1:]) * valid
        return torch.cat((last[:, None], now), dim=1).gather(1, index.cummax(1).values.expand_as(now))

    deviation = None
    if motion.deviation is not None and before.deviation is not None:
        deviation = held(motion.deviation, before.deviation)
    return motion._replace(rotation=held(motion.rotation, before.rotation), deviation=deviation)
