"""Section `preprocess.faults` of params.yaml: from where on something counts as a fault."""

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class FaultParams:
    """Thresholds; each is the last value that still passes."""

    max_bone_difference_mm: float = 5.0
    max_bone_ratio: float = 2.0
    max_calibration_deg: float = 30.0
    max_tilt_deg: float = 45.0
    max_hand_deg: float = 130.0
    hand_margin_frames: int = 6
    max_third_difference_km_per_s3: float = 1.0
    min_lag_frames: float = -1.5
    max_lag_frames: float = 4.0
    min_correlation: float = 0.25
    swap_margin_px: float = 20.0
    max_swapped_share: float = 0.1
    max_explained_px: float = 100.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise ValueError(f"{field.name} is {value}, expected a number")
            if field.name.startswith("max_") and value <= 0:
                raise ValueError(f"{field.name} is {value}, expected a number above 0")
        if self.max_bone_ratio <= 1:
            raise ValueError(f"max_bone_ratio is {self.max_bone_ratio}, expected a number above 1")
        if self.hand_margin_frames < 0:
            raise ValueError(f"hand_margin_frames is {self.hand_margin_frames}, expected 0 or more frames")
        if self.min_lag_frames >= self.max_lag_frames:
            raise ValueError(f"min_lag_frames is {self.min_lag_frames}, expected less than max_lag_frames")
        if not -1 <= self.min_correlation <= 1:
            raise ValueError(f"min_correlation is {self.min_correlation}, expected -1 to 1")
        if self.swap_margin_px < 0:
            raise ValueError(f"swap_margin_px is {self.swap_margin_px}, expected 0 or more pixels")
