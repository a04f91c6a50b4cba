"""What a figure shows is what was measured: data, colours, labels and axes, against literals."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_runs import SEEN_AS_5, runs_frame, variance_frame, write_theory
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex
from seen import axes, bands, drawn, legend, lines

from analysis import kinds, load, published

TRPO, NATURAL, CEM = ("trpo_single_path", 0.01), ("natural_gradient", 4.0), ("cem", np.nan)
BLUE, ORANGE, PURPLE = "#0072B2", "#D55E00", "#AA3377"
HALF = 12.706205  # t of one degree of freedom, for two runs that differ by 2


def test_figure4_shows_reward_over_updates_and_the_papers_curves_behind() -> None:
    cells = {TRPO: [[1.0, 4.0, 6.0], [3.0, 6.0, 8.0]], CEM: [[0.0, 1.0, 2.0]]}
    frame = runs_frame(cells, experiment="figure4_swimmer", env="swimmer")
    frame.loc[frame.method == "cem", "status"] = "running"
    frame["return_100"] = -1.0
    _, figure, panels = drawn(frame, "figure4__demo")
    panel = panels[1]
    ran = "policy iterations (the paper ran 50)"
    assert axes(panel) == ("Swimmer (1–2 runs, 1 unfinished)", ran, "reward per time step")
    assert lines(panel) == {BLUE: [[0, 2], [1, 5], [2, 7]], PURPLE: [[0, 0], [1, 1], [2, 2]]}
    alphas = {to_hex(line.get_color()).upper(): line.get_alpha()
              for line in panel.get_lines() if line.get_linestyle() == "-"}  # fmt: skip
    assert alphas == {BLUE: 1.0, PURPLE: 0.35}
    low, high = (np.array([2, 5, 7]) + sign * HALF for sign in (-1, 1))
    corners = np.array(bands(panel)[BLUE])
    assert np.allclose(sorted(set(np.round(corners[:, 1], 4))), sorted([*low, *high]), atol=1e-4)
    paper = published.figure4().query("env == 'swimmer' and method == 'trpo_single_path'")
    theirs = paper[paper.iteration <= 2][["iteration", "reward_per_step"]].to_numpy().tolist()
    assert lines(panel, "--")[BLUE] == theirs
    assert panel.get_xlim() == (0, 2)
    assert legend(figure)["TRPO, single path"] == BLUE
    assert legend(figure)["CEM"] == PURPLE
    assert lines(panels[0]) == {}
    assert [panel.get_title().split(" (")[0] for panel in panels] == [
        *("Cart-pole", "Swimmer", "Hopper", "Walker"),
    ]


def test_learning_curves_show_return_over_steps_a_panel_a_task() -> None:
    frame = runs_frame({TRPO: [[1.0, 3.0], [3.0, 5.0]], NATURAL: [[0.0, 1.0]]})
    other = runs_frame({TRPO: [[7.0, 7.0]]}, env="ant").assign(run_id="other")
    frame = pd.concat([frame, other]).assign(reward_per_step=-1.0, return_mean=-2.0)
    _, figure, [hopper, ant] = drawn(frame, "modern__demo")
    assert axes(hopper) == ("Hopper (1–2 runs)", "environment steps", "return, last 100 episodes")
    assert ant.get_title() == "Ant (1 run)"
    assert set(lines(hopper)) == {BLUE, ORANGE}
    points = np.array(lines(hopper)[BLUE])
    assert np.allclose(points[:, 0], np.linspace(100, 200, 100))
    assert np.allclose(points[:, 1], np.linspace(2, 4, 100))
    assert set(np.array(lines(ant)[BLUE])[:, 1]) == {7.0}
    assert legend(figure) == {"TRPO, single path": BLUE, "natural gradient": ORANGE}


def _points(panel: Axes) -> list[list[list[float]]]:
    """The scattered runs of a panel: those that finished, and those that failed."""
    scattered = [c for c in panel.collections if isinstance(c, PathCollection)]
    return [points for c in scattered if (points := c.get_offsets().tolist())]


def test_tuning_shows_every_penalty_with_its_runs_and_rings_the_chosen() -> None:
    cells = {("natural_gradient", 1.0): [[5.0], [1.0]], ("natural_gradient", 3.0): [[4.0], [4.0]]}
    frame = runs_frame(cells, experiment="tuning_swimmer", env="swimmer")
    _, figure, [panel] = drawn(frame, "tuning__demo")
    assert axes(panel) == ("Swimmer (2 runs a point)", "penalty λ", "final reward per time step")
    assert lines(panel)[ORANGE] == [[1, 3], [3, 4]]
    [ring] = [line for line in panel.get_lines() if line.get_markersize() == 11]
    assert np.transpose(ring.get_data()).tolist() == [[3, 4]]
    assert _points(panel) == [[[1, 5], [1, 1], [3, 4], [3, 4]]]
    assert panel.get_xscale() == "log"
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["1", "3"]
    assert list(legend(figure)) == ["final mean, 95 % interval", "one run", "failed run", "chosen"]


def test_step_rules_show_return_over_the_length_of_the_step() -> None:
    cells = {NATURAL: [[2.0, 6.0, 3.0]], ("natural_gradient", 2.0): [[2.0, 1.0]],
             TRPO: [[2.0, 9.0]]}  # fmt: skip
    frame = runs_frame(cells, experiment="step_rules", env="inverted_pendulum")
    frame.loc[frame.step_size == 2.0, "status"] = "failed"
    _, figure, [trpo, natural] = drawn(frame, "step_rules__demo")
    assert axes(trpo)[:2] == ("TRPO, single path (1 run a point)", "step size δ (nats of KL)")
    assert axes(natural)[:2] == ("natural gradient (1 run a point)", "step size 1/λ")
    assert lines(natural)[ORANGE] == [[0.25, 3], [0.5, 1]]
    assert lines(natural, "--")[ORANGE] == [[0.25, 6], [0.5, 2]]
    assert lines(natural)[BLUE] == [[0, 9], [1, 9]]
    assert lines(natural, ":") == {"#444444": [[0, 2], [1, 2]]}
    assert _points(natural) == [[[0.25, 3]], [[0.5, 1]]]
    assert natural.get_xscale() == "log"
    assert "InvertedPendulum" in figure.get_suptitle()
    assert list(legend(figure))[:3] == [
        *("final mean, 95 % interval", "best on the way", "one run"),
    ]


def test_variance_shows_noise_over_samples_and_over_steps() -> None:
    _, figure, panels = drawn(variance_frame(seeds=1), "variance__demo")
    assert axes(panels[0]) == ("Hopper, before training", "Q samples in the batch",
                               "tr Cov(ĝ) / ‖E ĝ‖²")  # fmt: skip
    assert axes(panels[3])[:2] == ("Hopper, after 15 iterations of TRPO",
                                   "simulator steps that the batch takes")  # fmt: skip
    single, vine = BLUE, "#56B4E9"
    for samples, steps in (panels[:2], panels[2:]):
        assert np.allclose(lines(samples)[single], [[100, 5], [400, 1.25]])
        assert np.allclose(lines(samples)[vine], [[100, 0.5], [400, 0.125]])
        assert np.allclose(lines(samples, "--")[vine], [[100, 2], [400, 0.5]])
        assert np.allclose(lines(steps)[single], [[100, 5], [400, 1.25]])
        assert np.allclose(lines(steps)[vine], [[500, 0.5], [2000, 0.125]])
        assert (steps.get_xscale(), steps.get_yscale()) == ("log", "log")
    assert legend(figure) == {
        **{"single path": single, "vine": vine, "vine without common random numbers": vine}
    }


@pytest.fixture
def theory(tmp_path: Path) -> pd.DataFrame:
    write_theory(tmp_path)
    return kinds.marked(load.runs(tmp_path).runs)


def test_the_line_shows_eta_l_and_m_over_the_position(theory: pd.DataFrame) -> None:
    _, figure, [near, _] = drawn(theory, "theory_line__demo")
    eta = [[-1, -1], [0, 0], [1, 1], [2, 2]]
    joined = lines(near)
    assert joined["#000000"] == eta
    assert lines(near, "--") == {BLUE: eta}
    assert joined["#AA4499"] == [[-1, -1.5], [0, 0], [1, 0.5], [2, 0]]
    marked = {str(line.get_marker()): np.transpose(line.get_data()).tolist()
              for line in near.get_lines() if line.get_linestyle() == "None"}  # fmt: skip
    assert marked == {"o": [[0, 0]], "^": [[1, 0.5]]}
    assert {text.get_text(): text.xy for text in near.texts}["maximum of M"] == (1, 0.5)
    assert near.get_xlabel() == "position, in lengths of Algorithm 1's step"
    assert legend(figure) == {"η": "#000000", "L": BLUE, "M = L − C · max KL": "#AA4499"}


def test_bounds_show_their_slack_over_the_distance_of_the_pairs(theory: pd.DataFrame) -> None:
    """In iteration i the k-th bound has quantiles k i times 1 to 6; KL is 0.02 in all of them."""
    theory["kl_max"] = 0.1 * theory.iteration
    theory = theory[theory.seed == 0]
    _, figure, panels = drawn(theory, "theory_bounds__demo")
    assert panels[3].get_title() == "Eq. 8, Theorem 1\nless 4εγα² / (1−γ)²"
    for k, panel in enumerate(panels, start=1):
        assert np.allclose(lines(panel)[BLUE], [[0.1 * i, 4 * k * i] for i in range(1, 5)])
        [dots] = [line for line in panel.get_lines() if line.get_marker() == "."]
        assert np.allclose(np.transpose(dots.get_data()), [[0.1 * i, k * i] for i in range(1, 5)])
        edges = {round(y / k, 6) for _, y in bands(panel)[BLUE]}
        assert edges == {2.0, 4.0, 6.0, 8.0, 12.0, 18.0, 24.0}
        assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
    assert legend(figure) == {SEEN_AS_5: BLUE}


def test_steps_show_regret_what_fell_and_the_kl_over_iterations(theory: pd.DataFrame) -> None:
    _, figure, [regret, share, kl] = drawn(theory, "theory_steps__demo")
    greedy, natural = "#4D4D4D", ORANGE
    over = [1, 2, 3, 4]
    assert np.allclose(lines(regret)[natural], [[i, 1 / i] for i in over])
    assert lines(share)[greedy] == [[i, 0.1] for i in over]
    assert lines(share)[natural] == [[i, 0.0] for i in over]
    assert lines(kl)[greedy] == [[i, 0.009] for i in over]
    assert [panel.get_ylabel() for panel in (regret, share, kl)] == [
        *("regret, rewards a step", "share of MDPs whose η fell", "mean KL of the step, nats"),
    ]
    assert regret.get_title() == SEEN_AS_5
    assert legend(figure)["policy iteration (greedy)"] == greedy


def test_every_figure_is_looked_at_here() -> None:
    from analysis.chapters.all import CHAPTERS

    here = Path(__file__).parent.glob("test_analysis_*.py")
    source = "".join(path.read_text() for path in here)
    assert all(f'"{chapter.name}__demo"' in source for chapter in CHAPTERS)
