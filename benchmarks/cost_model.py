"""From hours of footage to processor hours, space and training time: measured constants, multiplied.

    python benchmarks/cost_model.py

Footage is one camera's, at 60 frames a second. Where each constant comes from stands beside it; docs/scale.md has the
commands. What a GPU does is computed where `GPU_STEPS_PER_S` does not have it.
"""

FRAMES_PER_HOUR = 60 * 3600
PUBLISHED_HOURS = 1_869_096 / FRAMES_PER_HOUR
"""Of the data set of the published size (published_size.py)."""
TRAINING_FRAMES = 964_374
"""Of these, those of the training part without validation and rejected views."""
SCALES = (1, 10, 100, 10_000)

EXTRACTION_MS = {"lite": 18.6, "full": 22.4, "heavy": 43.4}
"""Processor time of a frame (extraction_cost.py)."""
DOWNLOAD_CPU_S, PREPROCESS_CPU_S, EVALUATE_CPU_S = 121.0, 29.0, 380.0
"""Of that data set: fetched and checked; packed; training, validation and test part scored (full_size.py)."""

RAW_BYTES = 33 * 10 * 4
PUBLISHED_BYTES = 3 * (25 * 7 + 22 * 6) * 4
PACKED_LANDMARK_BYTES, PACKED_TRUTH_BYTES = 25 * 7 * 4, 21 * 6 * 4 + 3 * 4 + 21
"""Of a frame: float32 landmarks 33 x 10; the published form at three strides; packed clips, whose truth the cameras of
a take share, unless they come from the published form (docs/data.md)."""

BATCH, WINDOW, STRIDES = 64, 64, 3
"""Of the default recipe; a pass goes over the frames of every stride."""
STEP_CPU_S, FEEDING_CPU_S, STEP_FLOP, STEP_KERNELS = 0.65, 0.04, 56e9, 3699
"""Of a step of 64 windows (step_cost.py): all of it, making the batch alone, arithmetic, kernels."""
RECIPE_BATCH, LOADERS = 512, 8
"""The published recipe's, on a GPU."""
KERNEL_S = 27e-6
"""To start one from Python: a step of whatever size took 0.1 s beside an H100 (gpu.py)."""
PEAK_FLOPS = {"L4": 121e12, "H100": 989e12, "H200": 989e12}
"""Of 16-bit matrix products without sparsity, by the maker's data sheets (L4; SXM)."""
ATTAINED = 0.3
"""Share of that which networks of this kind reach: assumed."""
GPU_STEPS_PER_S: dict[str, float] = {"H200": 7.0}
"""By machine, steps of 512 windows with eight processes that make batches (gpu.py)."""


def gpu_bounds(windows: int, gpu: str) -> dict[str, float]:
    """Steps a second that arithmetic, starting kernels and feeding each allow on one GPU."""
    return {
        "arithmetic": ATTAINED * PEAK_FLOPS[gpu] / (STEP_FLOP * windows / BATCH),
        "kernels": 1 / (STEP_KERNELS * KERNEL_S),
        "feeding": LOADERS / (FEEDING_CPU_S * windows / BATCH),
    }


def main() -> None:
    """Print the tables, two significant digits."""
    frames = PUBLISHED_HOURS * FRAMES_PER_HOUR
    _row("", *(f"{scale:,} x" for scale in SCALES))
    _row(*["---"] * (1 + len(SCALES)))

    def scaled(what: str, at_published_size: float) -> None:
        _row(what, *(_short(scale * at_published_size) for scale in SCALES))

    scaled("footage [h]", PUBLISHED_HOURS)
    for model, cost in EXTRACTION_MS.items():
        scaled(f"extraction, `{model}` [processor h]", frames * cost / 3.6e6)
    scaled("published form fetched and checked [processor h]", DOWNLOAD_CPU_S / 3600)
    scaled("packed from it [processor h]", PREPROCESS_CPU_S / 3600)
    scaled("scored [processor h]", EVALUATE_CPU_S / 3600)
    for what, size in (
        ("raw landmarks", RAW_BYTES),
        ("published form", PUBLISHED_BYTES),
        ("packed, from the published form", PACKED_LANDMARK_BYTES + PACKED_TRUTH_BYTES),
        ("packed, eight cameras a take", PACKED_LANDMARK_BYTES + PACKED_TRUTH_BYTES / 8),
    ):
        scaled(f"{what} [GB]", frames * size / 1e9)
    steps = STRIDES * TRAINING_FRAMES / (BATCH * WINDOW)
    scaled("a pass over the training part, steps of 64 windows", steps)
    scaled("the same on one core [h]", steps * STEP_CPU_S / 3600)

    print()
    _row("", "windows a step", "arithmetic", "kernels", "feeding", "steps an hour", "windows an hour [10^6]")
    _row(*["---"] * 7)
    rate = 3600 / STEP_CPU_S
    _row("one core, measured", BATCH, "", "", "", _short(rate), _short(rate * BATCH / 1e6))
    for machine, gpu, count in (("L4", "L4", 1), ("H100", "H100", 1), ("H200", "H200", 1), ("8 x H100", "H100", 8)):
        bounds = gpu_bounds(RECIPE_BATCH, gpu)
        rate = 3600 * GPU_STEPS_PER_S.get(machine, min(bounds.values()))
        label = f"{machine}, {'measured' if machine in GPU_STEPS_PER_S else 'computed'}"
        cells = [*map(_short, bounds.values()), _short(rate), _short(rate * count * RECIPE_BATCH / 1e6)]
        _row(label, f"{count} x {RECIPE_BATCH}", *cells)


def _short(value: float) -> str:
    return f"{float(f'{value:.2g}'):,.10g}"


def _row(*cells: object) -> None:
    print("|", " | ".join(map(str, cells)), "|")


if __name__ == "__main__":
    main()
