"""Every method has one look, one rank and one way to write its step size."""

from analysis import published
from analysis.names import METHODS, look, method, rank
from analysis.panels import method_lines
from analysis.words import step_size


def test_a_legend_has_each_method_once() -> None:
    shown = method_lines(["cem", "trpo_vine", "cem", "trpo_single_path"])
    assert [line["label"] for line in shown] == ["TRPO, single path", "TRPO, vine", "CEM"]


def test_every_method_of_the_paper_has_its_own_colour() -> None:
    assert set(published.figure4().method) <= set(METHODS)
    assert len({each.colour for each in METHODS.values()}) == len(METHODS)
    assert look("mine_own").label == "mine own"


def test_a_vine_has_a_look_of_its_own_behind_its_algorithm() -> None:
    vine = look("natural_gradient_vine")
    assert vine.label == "natural gradient, vine"
    assert vine.colour == "#EAAF80"  # halfway from #D55E00 to white
    assert rank("natural_gradient_vine", METHODS) == rank("natural_gradient", METHODS) + 1
    assert step_size("natural_gradient_vine", 3.0) == "λ = 3"
    assert step_size("max_kl_vine", 0.01) == "δ = 0.01"


def test_an_algorithm_that_nobody_knows_is_told_by_its_sampler_where_that_is_a_vine() -> None:
    assert method("my_own", "single_path") == "my_own"
    assert method("my_own", "vine") == "my_own_vine"
    assert method("trpo", "single_path") == "trpo_single_path"
