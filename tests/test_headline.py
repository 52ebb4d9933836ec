"""Laws of the headline: few figures, the same as in the full report, under the same keys."""

import pytest

from blaze2cap.data import schema
from blaze2cap.learning.headline import HEADLINE, headline, system_table

FIGURES = {key: 0.5 + number / 10 for number, key in enumerate(HEADLINE)}
LESS = {key: value / 10 for key, value in FIGURES.items()}
REPORT = {
    "val": {
        **FIGURES,
        "pa_mpjpe_mm": 9.0,
        "frames": 100,
        "interval": {"method": "bootstrap over 7 takes", "mpjpe_mm": [0.5, 1.5]},
        "by_subject": {"S2": FIGURES},
        "by_pose": {"upright": FIGURES, "bent": FIGURES | {"mpjpe_mm": 7.0, "frames": 30}},
        "baseline": {
            "one_euro_ik": FIGURES | {"by_pose": {"upright": FIGURES, "bent": FIGURES | {"mpjpe_mm": 8.0}}},
            "constant_pose": FIGURES,
            "raw": {"mpjpe_12_mm": 3.0},
        },
    },
    "train": {**LESS, "by_subject": {"S1": LESS}, "baseline": {"one_euro_ik": LESS, "raw": {"mpjpe_12_mm": 2.0}}},
}


def test_the_headline_is_a_part_of_the_report_and_fits_a_screen() -> None:
    short = headline(REPORT)
    assert short == {
        "val": {
            **FIGURES,
            "by_pose": {"bent": {"mpjpe_mm": 7.0}},
            "baseline": {"one_euro_ik": FIGURES | {"by_pose": {"bent": {"mpjpe_mm": 8.0}}}},
        },
        "train": {**LESS, "baseline": {"one_euro_ik": LESS}},
    }


def test_a_figure_that_no_frame_speaks_for_is_left_out_as_in_the_report() -> None:
    without = {key: value for key, value in FIGURES.items() if key != "mare_rad"}
    report = {"test": {**without, "baseline": {"one_euro_ik": FIGURES}}}
    assert "mare_rad" not in headline(report)["test"]
    assert system_table(report).mare_rad.isna().tolist() == [True, False]


def test_the_table_of_systems_keeps_its_contract_and_leaves_out_what_has_no_skeleton() -> None:
    table = schema.check(system_table(REPORT), "systems", "systems.csv")
    systems = list(zip(table.part, table.system, strict=True))
    assert systems == [
        ("val", "model"),
        ("val", "one_euro_ik"),
        ("val", "constant_pose"),
        ("train", "model"),
        ("train", "one_euro_ik"),
    ]
    assert table.loc[3, list(HEADLINE)].to_dict() == pytest.approx(LESS)
