"""The VMC protocol (protocol.vmc.info), as a Performer sends it: a person's motion for avatars in VRM and Unity.

Unity's axes are left-handed: y up, z forward, so x is to the *right* of whoever faces +z, as an avatar at rest does.
The file's (`animation`) have x to the left. So x changes its sign, and everything else keeps its meaning: right stays
the person's right. Of a rotation, which is seen in the mirror x = 0 then, the parts y and z of the quaternion do.

The root lies on the floor under the person and does not turn, and all else is told by bones: names of Unity's
HumanBodyBones, place and rotation in the parent's frame, the hips' height in that of the Hips. At rest, all rotations
zero, a VRM avatar stands in a T-pose that faces +z, as ours does.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from blaze2cap.body.skeleton import MIRROR
from blaze2cap.runtime.live_rest import RestBlend
from blaze2cap.runtime.osc import Message, OscSender
from blaze2cap.runtime.rotation import matrix_to_quaternion
from blaze2cap.runtime.skeleton_map import SKELETON_MAPS, mapped_offsets, mapped_rotations
from blaze2cap.runtime.world_pose import WorldPose

_VRM = SKELETON_MAPS["vrm"]
BONES = tuple(name[0].upper() + name[1:] for name in _VRM.names)
"""Names as Unity's HumanBodyBones, in the order in which they are sent."""
HEARTBEAT_S = 1.0
"""Without pictures, receivers are told this often that we are still here."""

_TRANSFORM = "sfffffff"
# Of a place, seen in the mirror x = 0.
_MIRROR = np.array([-1.0, 1.0, 1.0])
_LOADED, _CALIBRATED, _NORMAL_MODE = 1, 3, 0


def unity_position(position: Float[np.ndarray, "*batch 3"]) -> Float[np.ndarray, "*batch 3"]:
    """A place or way in the file's axes, in Unity's [m]."""
    return position * _MIRROR


def unity_quaternion(rotation: Float[np.ndarray, "*batch 3 3"]) -> Float[np.ndarray, "*batch 4"]:
    """A rotation in the file's axes, as a quaternion x y z w in Unity's."""
    return matrix_to_quaternion(rotation) * [1.0, -1.0, -1.0, 1.0]


def available(valid: bool) -> Message:
    """Bones are sent, the sender is calibrated, and whether it sees somebody (protocol 2.7)."""
    return Message("/VMC/Ext/OK", "iiii", (_LOADED, _CALIBRATED, _NORMAL_MODE, int(valid)))


def sent_at(seconds: float) -> Message:
    """The sender's own time."""
    return Message("/VMC/Ext/T", "f", (seconds,))


def transforms(pose: WorldPose, offset: Float[np.ndarray, "21 3"], mirror: bool = False) -> list[Message]:
    """The root and all bones; with `mirror` the avatar does what a mirror shows, and its left is the person's right."""
    rotation, root = pose.rotation, pose.root_position
    if mirror:
        rotation = _MIRROR[:, None] * rotation[MIRROR, :, :] * _MIRROR
        offset, root = unity_position(offset[MIRROR, :]), unity_position(root)
    turn = unity_quaternion(mapped_rotations(rotation, _VRM))
    place = unity_position(mapped_offsets(offset, _VRM))
    x, y, z = unity_position(root).tolist()
    place[0] = [0.0, y, 0.0]
    numbers = np.concatenate((place, turn), axis=-1).tolist()
    return [
        Message("/VMC/Ext/Root/Pos", _TRANSFORM, ("root", x, 0.0, z, 0.0, 0.0, 0.0, 1.0)),
        *(Message("/VMC/Ext/Bone/Pos", _TRANSFORM, (name, *row)) for name, row in zip(BONES, numbers, strict=True)),
    ]


class VmcOutput:
    """Every frame as one bundle; with nobody in view the avatar goes to rest (`RestBlend`), and heartbeats go on."""

    def __init__(self, sender: OscSender, *, mirror: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._sender, self._mirror, self._clock = sender, mirror, clock
        self._rest = RestBlend()
        self._began_s = self._sent_s = clock()
        self._valid = False

    def send(self, pose: WorldPose, offset: Float[np.ndarray, "21 3"]) -> None:
        """Send a frame of a person with these bones."""
        self._valid = pose.valid
        self._bundle(transforms(self._rest.step(pose, offset), offset, self._mirror))

    def idle(self) -> None:
        """No picture has come for a while: a heartbeat, once a second."""
        if self._clock() - self._sent_s >= HEARTBEAT_S:
            self._bundle([])

    def close(self) -> None:
        """Give the socket back."""
        self._sender.close()

    def _bundle(self, messages: Sequence[Message]) -> None:
        self._sent_s = self._clock()
        self._sender.send([available(self._valid), sent_at(self._sent_s - self._began_s), *messages])
