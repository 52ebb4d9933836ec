"""BlazePose: pictures to raw landmarks, with the graph of mediapipe's classic Pose solution.

The graph finds the most prominent person, follows that one from picture to picture (one forward pass of the landmark
model each), and searches again after a loss. It is run by mediapipe's public framework classes rather than by
`solutions.pose.Pose`, for two things that Pose has no parameter for:

- Pose looks for the lite and the heavy model inside its own package and downloads them into it. Here the graph is
  expanded first, and the path of the model, a constant in it, replaced.
- Pose smooths landmarks over time as if every video had 30 frames/s. The recordings that training learns from are of
  60 frames/s, so their time ran at half speed. Here time stamps are the true ones at that speed, whatever the rate:
  at 60 frames/s rows equal Pose's own, and at others they are smoothed over the same span. (Every second frame of
  balance_beam_cam01, `full`: 12 mm from the rows of all frames at the same moments; with Pose's stamps, 16 mm.)
"""

import warnings
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from jaxtyping import Float32, UInt8
from mediapipe import python as framework
from mediapipe.calculators.core.constant_side_packet_calculator_pb2 import ConstantSidePacketCalculatorOptions
from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig

from blaze2cap.body.landmark import (
    RAW_CHANNELS,
    RAW_LANDMARKS,
    RAW_SCREEN,
    RAW_SCREEN_VISIBILITY,
    RAW_SCREEN_Z,
    RAW_TRACKED,
    RAW_TRACKED_COPY,
    RAW_WORLD,
    RAW_WORLD_VISIBILITY,
)
from blaze2cap.runtime.pose_model import PoseModel

BACKEND = "mediapipe classic Pose solution"
BACKEND_VERSION: str = mediapipe.__version__

_ROOT = Path(mediapipe.__file__).parents[1]
_GRAPH = "mediapipe/modules/pose_landmark/pose_landmark_cpu.binarypb"
_SCREEN, _WORLD = "pose_landmarks", "pose_world_landmarks"
# Pose counts 33,333 us for each frame, whatever the rate, and frames of the recordings were 1/60 s apart.
_FRAME_US = 33_333
_GRAPH_US_PER_S = 60 * _FRAME_US


class PoseDetector:
    """Raw landmarks of one picture after another, of one person; a context manager."""

    def __init__(self, model: PoseModel) -> None:
        # Said by protobuf of how mediapipe calls it, once a process.
        warnings.filterwarnings("ignore", r"SymbolDatabase\.GetPrototype", UserWarning)
        self._packets: dict[str, Any] = {}
        create = framework.packet_creator
        self._options = {
            "model_complexity": create.create_int(1),
            "smooth_landmarks": create.create_bool(True),
            "enable_segmentation": create.create_bool(False),
            "smooth_segmentation": create.create_bool(False),
            "use_prev_landmarks": create.create_bool(True),
        }
        self._tracking = False
        self._stamp = 0
        self._graph = framework.CalculatorGraph(graph_config=_graph_with(model.path))
        for name in (_SCREEN, _WORLD):
            self._graph.observe_output_stream(name, self._packets.__setitem__, False)
        self._graph.start_run(self._options)

    def detect(self, image: UInt8[np.ndarray, "H W 3"], time_s: float) -> Float32[np.ndarray, "33 10"]:
        """Landmarks in the raw layout of an RGB picture taken at a time later than the last one's [s].

        All zeros where nobody is seen. The tracking flag is 0 where the person was not followed from the last picture.
        """
        # Not from 0, which the graph's filters take for no time at all; and never the same twice, which it refuses.
        self._stamp = max(self._stamp + 1, _FRAME_US + round(time_s * _GRAPH_US_PER_S))
        self._packets.clear()
        packet = framework.packet_creator.create_image_frame(
            image_format=framework.ImageFormat.SRGB, data=np.ascontiguousarray(image)
        )
        self._graph.add_packet_to_input_stream(stream="image", packet=packet.at(self._stamp))
        self._graph.wait_until_idle()
        row = np.zeros((len(RAW_LANDMARKS), RAW_CHANNELS), np.float32)
        found = _SCREEN in self._packets and _WORLD in self._packets
        if found:
            world, screen = self._read(_WORLD), self._read(_SCREEN)
            row[:, RAW_WORLD], row[:, RAW_WORLD_VISIBILITY] = world[:, :3], world[:, 3]
            row[:, RAW_SCREEN], row[:, RAW_SCREEN_Z] = screen[:, :2], screen[:, 2]
            row[:, RAW_SCREEN_VISIBILITY] = screen[:, 3]
            row[:, [RAW_TRACKED, RAW_TRACKED_COPY]] = self._tracking
        self._tracking = found
        return row

    def reset(self) -> None:
        """Forget the person: the next picture is searched anew, as after a cut, and is an anchor."""
        self._graph.close()
        self._graph.start_run(self._options)
        self._tracking = False

    def close(self) -> None:
        """End the graph and its threads."""
        self._graph.close()

    def __enter__(self) -> "PoseDetector":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, stream: str) -> Float32[np.ndarray, "33 4"]:
        points = framework.packet_getter.get_proto(self._packets[stream]).landmark
        return np.array([(point.x, point.y, point.z, point.visibility) for point in points], np.float32)


def _graph_with(model: Path) -> CalculatorGraphConfig:
    """The classic Pose graph, expanded, with the landmark model of any complexity read from one file."""
    framework.resource_util.set_resource_dir(str(_ROOT))
    validated = framework.ValidatedGraphConfig()
    validated.initialize(binary_graph_path=str(_ROOT / _GRAPH))
    graph = CalculatorGraphConfig.FromString(validated.binary_config)
    for node in graph.node:
        for packet in node.options.Extensions[ConstantSidePacketCalculatorOptions.ext].packet:
            if packet.string_value.endswith(".tflite"):
                packet.string_value = str(model)
    return graph
