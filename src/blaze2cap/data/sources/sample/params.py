"""The section `dataset.sample` of params.yaml."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class SampleParams:
    """Seed, length of each take [s], and number of cameras around the room."""

    seed: int = 42
    seconds: float = 20.0
    cameras: int = 4

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, expected 0 or more")
        if not 4 <= self.seconds <= 600:
            raise ValueError(f"seconds is {self.seconds}, expected 4 to 600")
        if not 1 <= self.cameras <= 8:
            raise ValueError(f"cameras is {self.cameras}, expected 1 to 8")
