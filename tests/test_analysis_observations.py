"""Facts about the paper's own numbers, against arithmetic by hand."""

import pytest

from analysis import published
from analysis.observations import OBSERVATIONS, dense
from analysis.sides import Fact


def fact(words: str) -> Fact:
    [claim] = [claim for claim in OBSERVATIONS if words in claim.text]
    found = claim.sides(None)
    assert isinstance(found, Fact)
    return found


def test_parameters_of_dense_layers_by_hand() -> None:
    """Swimmer: 9 inputs and a bias to 30 units, these and a bias to 2 means, 2 deviations."""
    assert dense(9, [30], 2) == 10 * 30 + 31 * 2 + 2 == 364
    assert dense(3, [5, 7], 2) == 4 * 5 + 6 * 7 + 8 * 2 + 2


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("Walker's single paths", "10M, not 1M"),
        ("Swimmer's vine", "100K or 41K, not 50K"),
        ("Swimmer's parameters", "9 inputs of 10"),
        ("Hopper's parameters", "it fits 92 or 41 inputs"),
        ("Walker's parameters", "it fits no number of inputs"),
        ("Atari's parameters", "33,500 of 33,500"),
        ("Cart-pole and swimmer", "50 of 200"),
    ],
)
def test_counts_of_tables_2_and_3(words: str, shown: str) -> None:
    assert fact(words) == Fact(True, shown)


def test_walkers_natural_gradient_is_hoppers_and_no_other_curve_is() -> None:
    read = published.figure4()
    own = read[read.method == "natural_gradient"].pivot(
        index="iteration", columns="env", values="reward_per_step"
    )
    both = own[["hopper", "walker2d"]].dropna()
    assert len(both) > 100
    assert (both.hopper - both.walker2d).abs().max() < 0.005
    assert fact("natural gradient's curve on walker").holds


def test_a_fact_about_other_numbers_would_not_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    table = published.table2()
    table.loc["single_path_paths", "walker"] = 1000
    table.loc["policy_params", "swimmer"] = 394  # ten inputs
    monkeypatch.setattr(published, "table2", lambda: table)
    assert not fact("Walker's single paths").holds
    assert not fact("Swimmer's parameters").holds
