"""A simulated BlazePose: landmarks as the detector would give them, from motion whose truth is known.

Two error models behind one protocol (`observation.SimulatedDetector`): `parametric`, whose figures stand in the code,
and `bootstrap`, which borrows the real errors of training clips. `raw` turns the first into whole raw clips.
"""
