"""From a picture to a sent VMC bundle: CPU time and elapsed time of each part, one picture at a time.

    python benchmarks/live_latency.py VIDEO [lite|full|heavy]

Pictures are decoded before, at half the rate of a video of 60 frames per second; the first ones, which warm everything
up, are left out. CPU time is that of all threads, and hardly depends on what else the machine does; elapsed time does.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from blaze2cap.data.field_of_view import camera_intrinsics
from blaze2cap.runtime.causal_world import CausalWorld
from blaze2cap.runtime.finishing.chain import Finishing
from blaze2cap.runtime.live import LiveMotion
from blaze2cap.runtime.live_capture import Shot
from blaze2cap.runtime.open_network import open_network
from blaze2cap.runtime.osc import OscSender, find_destination
from blaze2cap.runtime.pose_detector import PoseDetector
from blaze2cap.runtime.pose_model import find_pose_model
from blaze2cap.runtime.side_guard import SideGuard
from blaze2cap.runtime.streamer import Streamer
from blaze2cap.runtime.video import open_video
from blaze2cap.runtime.vmc import VmcOutput

FPS = 30.0
ROUNDS, WARM_UP = 4, 20


def main(video: Path, pose_model: str = "full") -> None:
    """Print a table of medians, and of what 95 % of the pictures stay below [ms]."""
    every = max(1, round(open_video(video).declared_fps / FPS))
    pictures = [frame.image for frame in open_video(video).frames()][::every]
    height, width = pictures[0].shape[:2]
    print(f"{video.name}: {len(pictures)} pictures of {width} x {height}, {ROUNDS} times, {pose_model} model")
    print("                  detector  motion  sending  all  95 %  [ms]")
    for name, clock in (("CPU, all threads", time.process_time), ("elapsed", time.perf_counter)):
        parts = 1e3 * measured(pictures, pose_model, clock)
        total = parts.sum(1)
        row = [*np.median(parts, axis=0), np.median(total), np.percentile(total, 95)]
        print(f"{name:18}{row[0]:8.1f}{row[1]:8.1f}{row[2]:9.1f}{row[3]:5.0f}{row[4]:6.0f}")


def measured(pictures: list[np.ndarray], pose_model: str, clock: Callable[[], float]) -> np.ndarray:
    """Detector, motion and sending of each picture [s]."""
    height, width = pictures[0].shape[:2]
    intrinsics = camera_intrinsics(width, height)
    streamer = Streamer(open_network(None), intrinsics, fps=FPS)
    output = VmcOutput(OscSender(find_destination("127.0.0.1:39539", "--vmc")))
    rows = []
    with PoseDetector(find_pose_model(pose_model)) as detector:
        world = CausalWorld()
        motion = LiveMotion(detector.detect, streamer, world, SideGuard(), Finishing(world.offset), clock)
        for number in range(ROUNDS * len(pictures)):
            # To and fro, so that nothing jumps.
            way = number % (2 * len(pictures))
            picture = pictures[min(way, 2 * len(pictures) - 1 - way)]
            pose, _, spent = motion.solve(Shot(number / FPS, picture, clock()))
            began = clock()
            output.send(pose, motion.world.offset)
            rows.append((spent.detector, spent.motion, clock() - began))
    output.close()
    return np.array(rows[WARM_UP:])


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
