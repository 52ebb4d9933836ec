"""BlazePose: pictures to raw landmarks, with the graph of mediapipe's classic Pose solution.

The graph finds a person, follows that one from picture to picture (one forward pass of the landmark model each), and
searches again after a loss. It is run by mediapipe's public framework classes rather than by `solutions.pose.Pose`, for
three things that Pose has no parameter for:

- Pose looks for the lite and the heavy model inside its own package and downloads them into it. Here the graph is
  expanded first, and the path of the model, a constant in it, replaced.
- Pose smooths landmarks over time as if every video had 30 frames/s. The recordings that training learns from are of
  60 frames/s, so their time ran at half speed. Here time stamps are the true ones at that speed, whatever the rate:
  at 60 frames/s rows equal Pose's own, and at others they are smoothed over the same span. (Every second frame of
  balance_beam_cam01, `full`: 12 mm from the rows of all frames at the same moments; with Pose's stamps, 16 mm.)
- Pose follows whoever its person detector is most certain of. Here that detector is a graph of its own, and of those it
  finds `PersonChoice` takes one. It also looks around now and then while somebody is followed, to know of others.
"""

import math
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mediapipe
import numpy as np
from jaxtyping import Float32, UInt8
from mediapipe import python as framework
from mediapipe.calculators.core.constant_side_packet_calculator_pb2 import ConstantSidePacketCalculatorOptions
from mediapipe.framework.calculator_pb2 import CalculatorGraphConfig
from mediapipe.framework.formats.detection_pb2 import Detection

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
from blaze2cap.runtime.person_choice import Found, PersonChoice
from blaze2cap.runtime.pose_model import PoseModel

BACKEND = "mediapipe classic Pose solution"
BACKEND_VERSION: str = mediapipe.__version__

_ROOT = Path(mediapipe.__file__).parents[1]
_GRAPH = "mediapipe/modules/pose_landmark/pose_landmark_cpu.binarypb"
_SCREEN, _WORLD, _PLACE = "pose_landmarks", "pose_world_landmarks", "pose_rect_from_landmarks"
# The streams at which the graph is parted, and what the landmarks' part is given instead.
_SEARCHED, _FOUND, _CHOSEN = "image_for_pose_detection", "pose_detections", "pose_detection"
_GIVEN, _BEGIN = "given_detection", "begin"
# Pose counts 33,333 us for each frame, whatever the rate, and frames of the recordings were 1/60 s apart.
_FRAME_US = 33_333
_GRAPH_US_PER_S = 60 * _FRAME_US
# The region that the landmark model sees spans this many times the circle around the person's hips, across.
_REGION = 2.5
# Keypoints of a find: the middle of the hips, and a point on the circle around it that holds the whole person.
_HIPS, _CIRCLE = 0, 1


class PoseDetector:
    """Raw landmarks of one picture after another, of one person; a context manager.

    `look_around_s` is how often others are looked for while somebody is followed [s], at the cost of one pass of the
    person detector; None: never.
    """

    def __init__(self, model: PoseModel, look_around_s: float | None = 1.0) -> None:
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
        self._choice = PersonChoice()
        self._look_around_s = look_around_s
        self._looked_s = -math.inf
        search, follow = _graphs_with(model.path)
        self._search = framework.CalculatorGraph(graph_config=search)
        self._search.observe_output_stream(_FOUND, self._packets.__setitem__, False)
        self._search.start_run()
        self._graph = framework.CalculatorGraph(graph_config=follow)
        for name in (_SCREEN, _WORLD, _PLACE):
            self._graph.observe_output_stream(name, self._packets.__setitem__, False)
        self._graph.start_run(self._options)

    @property
    def most_others(self) -> int:
        """The most people that were seen beside the followed one at any time."""
        return self._choice.most_others

    def detect(self, image: UInt8[np.ndarray, "H W 3"], time_s: float) -> Float32[np.ndarray, "33 10"]:
        """Landmarks in the raw layout of an RGB picture taken at a time later than the last one's [s].

        All zeros where nobody is seen. The tracking flag is 0 where the person was not followed from the last picture.
        """
        # Not from 0, which the graph's filters take for no time at all; and never the same twice, which it refuses.
        self._stamp = max(self._stamp + 1, _FRAME_US + round(time_s * _GRAPH_US_PER_S))
        self._packets.clear()
        packet = framework.packet_creator.create_image_frame(
            image_format=framework.ImageFormat.SRGB, data=np.ascontiguousarray(image)
        ).at(self._stamp)
        size = image.shape[1], image.shape[0]
        look = self._look_around_s is not None and time_s - self._looked_s >= self._look_around_s
        finds = self._searched(packet) if look or not self._tracking else []
        people = [_as_found(find, size) for find in finds]
        number = None if self._tracking else self._choice.choose(people, time_s)
        self._follow(packet, None if number is None else finds[number])
        row = np.zeros((len(RAW_LANDMARKS), RAW_CHANNELS), np.float32)
        found = _SCREEN in self._packets and _WORLD in self._packets
        if found:
            world, screen = self._read(_WORLD), self._read(_SCREEN)
            row[:, RAW_WORLD], row[:, RAW_WORLD_VISIBILITY] = world[:, :3], world[:, 3]
            row[:, RAW_SCREEN], row[:, RAW_SCREEN_Z] = screen[:, :2], screen[:, 2]
            row[:, RAW_SCREEN_VISIBILITY] = screen[:, 3]
            row[:, [RAW_TRACKED, RAW_TRACKED_COPY]] = self._tracking
            self._choice.followed(self._place(size), time_s)
            if finds:
                self._choice.look_around(people, time_s)
        elif number is not None:
            self._choice.refused()
        self._looked_s = time_s if look else self._looked_s
        self._tracking = found
        return row

    def reset(self) -> None:
        """Forget the person: the next picture is searched anew, as after a cut, and is an anchor."""
        self._graph.close()
        self._graph.start_run(self._options)
        self._tracking = False
        self._choice.reset()
        self._looked_s = -math.inf

    def close(self) -> None:
        """End the graphs and their threads."""
        self._graph.close()
        self._search.close()

    def __enter__(self) -> "PoseDetector":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _searched(self, packet: Any) -> list[Detection]:
        """Everybody whom the person detector finds in a picture, the most certain first."""
        self._search.add_packet_to_input_stream(stream=_SEARCHED, packet=packet)
        self._search.wait_until_idle()
        found = self._packets.get(_FOUND)
        return [] if found is None else framework.packet_getter.get_proto_list(found)

    def _follow(self, packet: Any, chosen: Detection | None) -> None:
        """Run the landmark model on a picture: where it saw the person last, or from a find on."""
        create, stamp = framework.packet_creator, packet.timestamp
        self._graph.add_packet_to_input_stream(stream="image", packet=packet)
        # The graph waits for both streams in every picture, though the gate lets nothing through in most.
        given = create.create_proto(Detection() if chosen is None else chosen)
        self._graph.add_packet_to_input_stream(stream=_GIVEN, packet=given.at(stamp))
        self._graph.add_packet_to_input_stream(stream=_BEGIN, packet=create.create_bool(chosen is not None).at(stamp))
        self._graph.wait_until_idle()

    def _read(self, stream: str) -> Float32[np.ndarray, "33 4"]:
        points = framework.packet_getter.get_proto(self._packets[stream]).landmark
        return np.array([(point.x, point.y, point.z, point.visibility) for point in points], np.float32)

    def _place(self, size: tuple[int, int]) -> Found | None:
        if _PLACE not in self._packets:
            return None
        region = framework.packet_getter.get_proto(self._packets[_PLACE])
        width, height = size
        return Found(region.x_center * width, region.y_center * height, region.width * width / _REGION, 1.0)


def _as_found(detection: Detection, size: tuple[int, int]) -> Found:
    """Place, size [px] and score of a find in a picture of (width, height)."""
    points = detection.location_data.relative_keypoints
    (x, y), (x1, y1) = ((points[n].x * size[0], points[n].y * size[1]) for n in (_HIPS, _CIRCLE))
    return Found(x, y, math.hypot(x1 - x, y1 - y), detection.score[0])


def _graphs_with(model: Path) -> tuple[CalculatorGraphConfig, CalculatorGraphConfig]:
    """The classic Pose graph, expanded, with the landmark model of any complexity read from one file, in two parts.

    The first takes a picture and gives all finds; the second takes every picture, a find and whether to begin from it.
    """
    framework.resource_util.set_resource_dir(str(_ROOT))
    validated = framework.ValidatedGraphConfig()
    validated.initialize(binary_graph_path=str(_ROOT / _GRAPH))
    follow = CalculatorGraphConfig.FromString(validated.binary_config)
    search = CalculatorGraphConfig(input_stream=[_SEARCHED], output_stream=[_FOUND])
    nodes = list(follow.node)
    del follow.node[:]
    for node in nodes:
        for packet in node.options.Extensions[ConstantSidePacketCalculatorOptions.ext].packet:
            if packet.string_value.endswith(".tflite"):
                packet.string_value = str(model)
        if any("posedetectioncpu__" in name for name in (*node.output_stream, *node.output_side_packet)) or (
            _ends(node.output_stream, _FOUND)
        ):
            search.node.append(node)
        elif _ends(node.output_stream, _SEARCHED):
            # The gate that lets pictures through to the search lets the find through instead, when told.
            node.input_stream[:] = [_GIVEN, "image_size", f"ALLOW:{_BEGIN}"]
            node.output_stream[:] = [_CHOSEN, "image_size_for_pose_detection"]
            follow.node.append(node)
        elif not _ends(node.output_stream, _CHOSEN):
            follow.node.append(node)
    follow.input_stream.extend([_GIVEN, _BEGIN])
    return search, follow


def _ends(streams: Iterable[str], name: str) -> bool:
    return any(stream.split(":")[-1] == name for stream in streams)
