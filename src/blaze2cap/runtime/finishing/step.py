"""What all steps have in common."""

from typing import Protocol

from blaze2cap.runtime.world_pose import WorldPose


class Step(Protocol):
    """A causal change of one pose after the other, times rising. What it remembers has a fixed size."""

    def step(self, pose: WorldPose) -> WorldPose:
        """The pose as it is handed on; where it is not valid, the one handed on before."""
        ...

    def reset(self) -> None:
        """Forget everything: the next pose is the first."""
        ...


def held(pose: WorldPose, last: WorldPose | None) -> WorldPose:
    """A pose that is not valid, as the last one handed on; before any as it is."""
    if last is None:
        return pose
    return pose._replace(rotation=last.rotation, root_position=last.root_position)
