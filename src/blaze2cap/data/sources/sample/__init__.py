"""The embedded data set: a miniature TotalCapture made from a seed, written in TotalCapture's own formats.

subject      five people: bones, calibration quirks, style        room        calibrated cameras
curve        minimum-jerk strokes, smooth noise                   performance what one person does, as strokes
gait         ways over the floor and the footsteps that carry them
activity     squatting, sitting, kneeling, floor work             gesture     arms, hands and head
script       what is done in which action                         embodiment  strokes -> positions and rotations
write        the raw files
"""

from blaze2cap.data.sources.sample.params import SampleParams
from blaze2cap.data.sources.sample.write import write_sample

__all__ = ["SampleParams", "write_sample"]
