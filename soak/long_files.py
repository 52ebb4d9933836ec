"""Landmark files that are longer, or more broken up, than anybody's: through `blaze2cap predict`.

A clip of one frame; a hundred thousand segments of one frame; and files of up to ten hours at 30 frames a second, each
four times as long as the one before, as far as there is time. Held: all of them are answered, rows are as many as
frames, all numbers are finite, and ten hours would take less than 16 GB at what a frame takes.
"""

import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from soak.forked import forked
from soak.outcome import Outcome, command, say
from soak.study import environment, import_everything, landmark_file, looped_landmarks, run_stage_alone

FPS = 30
TEN_HOURS = 10 * 3600 * FPS
MOST_GB = 16.0
_TRACKED = [4, 9]  # both copies of the raw layout's flag


def run(seed: int, seconds: float) -> Outcome:
    """The fixed cases, then longer and longer files; the seed changes nothing."""
    end = time.monotonic() + seconds
    failures: list[str] = []
    counts = {"files": 0, "frames": 0, "segments of one frame": 0}
    worst: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="blaze2cap-long-files-") as scratch:
        import_everything()
        study = run_stage_alone(Path(scratch) / "study", "download")
        clip = looped_landmarks(study)
        say(f"clips like {landmark_file(study).name}")
        _predicted(Path(scratch), clip[:1], "one frame", failures)
        counts["files"] += 1
        broken = clip[np.arange(100_000) % len(clip)]
        broken[:, :, _TRACKED] = 0
        _predicted(Path(scratch), broken, "a hundred thousand segments of one frame", failures)
        counts["files"] += 1
        counts["segments of one frame"] = len(broken)
        frames, spent, before = TEN_HOURS // 64, 0.0, 0.0
        while frames <= TEN_HOURS and time.monotonic() + 4 * spent < end:
            start = time.monotonic()
            hours = frames / FPS / 3600
            peak = _predicted(Path(scratch), clip[np.arange(frames) % len(clip)], f"{hours:.2g} hours", failures)
            spent = time.monotonic() - start
            counts["files"] += 1
            counts["frames"] += frames
            worst |= {"longest file [h]": hours, "peak memory [GB]": peak}
            say(f"{hours:.2g} hours: {peak:.2f} GB, {spent:.0f} s")
            # Of three quarters of these frames; below, the network's share is not yet at its largest.
            whole = peak + (peak - before) / (0.75 * frames) * (TEN_HOURS - frames)
            if before:
                worst["ten hours would take [GB]"] = whole
            if before and whole > MOST_GB:
                failures.append(f"{hours:.2g} hours take {peak:.2f} GB, ten would take {whole:.0f}")
                break
            frames, before = 4 * frames, peak
    return Outcome(counts, worst, failures)


def _predicted(folder: Path, landmarks: np.ndarray, what: str, failures: list[str]) -> float:
    """Predict a file of these landmarks; peak memory of the process that did [GB]."""
    source, target, told = (folder / name for name in ("landmarks.npy", "motion.npz", "peak"))
    np.save(source, landmarks)
    frames = len(landmarks)
    del landmarks
    source.with_suffix(".json").write_text(json.dumps({"width": 1920, "height": 1080, "fps": FPS}))

    def work() -> None:
        from blaze2cap.cli.predict import predict

        predict(source, [target])
        told.write_text(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20))

    child = forked(work, folder, folder / "predict.log", environment(folder))
    if code := child.wait():
        failures.append(f"{what}: exit code {code}: {child.log.read_text()[-300:]}")
        return 0.0
    with np.load(target) as arrays:
        for name in ("local_quaternion", "root_position"):
            if len(arrays[name]) != frames or not np.isfinite(arrays[name]).all():
                failures.append(f"{what}: {name} has {len(arrays[name])} rows, or numbers that are not finite")
    target.unlink()
    return float(told.read_text())


if __name__ == "__main__":
    command(run)
