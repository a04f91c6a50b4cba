"""The picture of all tasks together, read back."""

import numpy as np
from seen import axes, drawn, legend, lines
from test_analysis_across import two_tasks

from analysis.across import TAUS

BLUE, ORANGE = "#0072B2", "#D55E00"


def test_all_tasks_together_show_profiles_middles_and_who_is_above_trpo() -> None:
    each, figure, [profiles, middles, chances] = drawn(two_tasks(), "aggregate__demo")
    assert axes(profiles)[1:] == ("normalised score τ", "share of runs above τ")
    own = np.array(lines(profiles)[ORANGE])
    assert own[:, 0].tolist() == TAUS.tolist()
    assert own[:, 1].tolist() == [1.0] * 25 + [0.5] * 25 + [0.0] * 11
    assert [tick.get_text() for tick in middles.get_yticklabels()] == [
        *("natural gradient", "TRPO, single path"),
    ]
    dots = [line for line in middles.get_lines() if line.get_marker() == "o"]
    assert [line.get_xydata().tolist() for line in dots] == [[[0.75, 0]], [[0.775, 1]]]
    assert [tick.get_text() for tick in chances.get_yticklabels()] == ["natural gradient"]
    assert chances.get_xlabel() == "chance to score above TRPO"
    assert figure.get_suptitle().startswith("Swimmer, Hopper together")
    assert legend(figure) == {"TRPO, single path": BLUE, "natural gradient": ORANGE}
    assert each.table.words["chance above TRPO"].tolist() == ["–", "0.5"]
