"""The section `dataset.sample` of params.yaml."""

from dataclasses import dataclass

MADE_UP_SEED = 1000
"""Seeds from this one on make the people of training's made-up motion (`data.generated_motion`): nobody is both."""


@dataclass(frozen=True, kw_only=True)
class SampleParams:
    """Seed, length of each take [s], and number of cameras around the room."""

    seed: int = 42
    seconds: float = 20.0
    cameras: int = 4

    def __post_init__(self) -> None:
        if not 0 <= self.seed < MADE_UP_SEED:
            raise ValueError(f"seed is {self.seed}, expected 0 to {MADE_UP_SEED - 1}; more make training's people")
        if not 4 <= self.seconds <= 600:
            raise ValueError(f"seconds is {self.seconds}, expected 4 to 600")
        if not 1 <= self.cameras <= 8:
            raise ValueError(f"cameras is {self.cameras}, expected 1 to 8")
