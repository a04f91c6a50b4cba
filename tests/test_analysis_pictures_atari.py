"""What the figures of the Atari runs show, against literals."""

import numpy as np
import pandas as pd
from analysis_atari import TRPO, VINE, evaluated, game_frame, random_play
from analysis_runs import runs_frame
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from seen import axes, bands, drawn, legend, lines

from analysis import published
from analysis.names import GAMES

BLUE, LIGHT, ORANGE = "#0072B2", "#56B4E9", "#D55E00"


def _dots(panel: Axes) -> list[list[list[float]]]:
    """The paper's scores, method by method."""
    own = [line for line in panel.get_lines() if line.get_marker() == "."]
    return [np.transpose(line.get_data()).tolist() for line in own]


def _frame() -> pd.DataFrame:
    cells = {TRPO: [[float(u) for u in range(8)], [u + 2.0 for u in range(8)]],
             VINE: [[-float(u) for u in range(7)]]}  # fmt: skip
    frame = game_frame("pong", cells)
    steps = frame.iteration * frame.method.map(published.STEPS)
    return frame.assign(env_steps=steps, return_100=99.0)


def test_figure5_shows_each_game_over_iterations_and_over_steps() -> None:
    other = game_frame("breakout", {TRPO: [[5.0, 6.0]]})
    _, figure, panels = drawn(pd.concat([_frame(), other]), "figure5__demo")
    breakout, pong = panels[:2], panels[2:]
    assert axes(breakout[0]) == ("Breakout (1 run)", "policy iterations", "score of an episode")
    assert axes(pong[0]) == ("Pong (1–2 runs)", "policy iterations", "score of an episode")
    assert axes(pong[1]) == ("", "simulator steps", "")
    assert lines(breakout[0]) == {BLUE: [[0, 5], [1, 6]]}
    assert lines(pong[0])[BLUE] == [[u, u + 1] for u in range(8)]
    assert lines(pong[1])[BLUE] == [[1e5 * (u + 1), u + 1] for u in range(8)]
    assert lines(pong[0])[LIGHT] == [[u, -u] for u in range(7)]
    assert lines(pong[1])[LIGHT] == [[4e5 * (u + 1), -u] for u in range(7)]
    assert set(bands(pong[0])) == {BLUE}  # a single run has no interval
    assert pong[0].get_xlim() == (0, 7)
    assert pong[1].get_xlim() == (0, 2.8e6)
    assert pong[0].get_ylim() == pong[1].get_ylim()
    assert legend(figure) == {"TRPO, single path": BLUE, "TRPO, vine": LIGHT}


def test_figure5_shows_the_papers_scores_as_far_as_ours_go() -> None:
    _, _, [iterations, steps] = drawn(_frame(), "figure5__demo")
    paper = published.figure5().query("env == 'pong'")
    single, vine = (paper[paper.method == m] for m in ("trpo_single_path", "trpo_vine"))
    first = [own[own.iteration <= 7] for own in (single, vine)]
    assert _dots(iterations) == [o[["iteration", "return_mean"]].to_numpy().tolist() for o in first]
    [near, far] = _dots(steps)
    assert near[0] == [600_000, single.return_mean.iloc[0]]  # the paper's iteration 5
    assert near[-1] == [2_800_000, single[single.iteration == 27].return_mean.item()]
    assert far == [[2_400_000, vine.return_mean.iloc[0]], [2_800_000, vine.return_mean.iloc[1]]]


def test_table1_shows_scores_from_random_play_to_a_human_beside_the_papers() -> None:
    """Pong's are −20.4 and −3: 5.7 is one and a half of the way."""
    frame = game_frame("pong", {TRPO: [[4.7], [6.7]], VINE: [[-11.7]]})
    chance = random_play("pong", -20.0)
    _, figure, [panel] = drawn(frame, "table1__demo", pd.concat([evaluated(frame), chance]))
    shown = [c.lines[0] for c in panel.containers if isinstance(c, ErrorbarContainer)]
    theirs, ours, their_vine, our_vine = (np.transpose(line.get_data()) for line in shown)
    at = list(GAMES).index("pong")
    assert np.allclose(ours, [[1.5, at - 0.09]])
    assert np.allclose(our_vine, [[0.5, at + 0.27]])
    assert np.allclose(theirs[at], [41.3 / 17.4, at - 0.27])
    assert np.allclose(their_vine[0], [(859.5 - 354) / (7456 - 354), 0.09])
    assert len(theirs) == len(their_vine) == 7
    [single, vine] = (c.lines[2][0].get_segments()[0] for c in panel.containers[1::2])
    assert np.allclose(single[:, 0], [1.5 - 12.706205 / 17.4, 1.5 + 12.706205 / 17.4])
    assert np.allclose(vine[:, 0], [0.5, 0.5])  # a single run has no interval
    assert [tick.get_text() for tick in panel.get_yticklabels()] == list(GAMES.values())
    assert panel.yaxis_inverted()
    assert list(legend(figure)) == [
        *("TRPO, single path, Table 1", "TRPO, single path, here"),
        *("TRPO, vine, Table 1", "TRPO, vine, here"),
    ]
    assert "runs a game here: 1–2" in figure.legends[0].get_title().get_text()


def test_step_rules_on_pong_show_the_last_episodes_over_iterations() -> None:
    cells = {TRPO: [[-20.0, 10.0], [-20.0, 12.0]], ("natural_gradient", 100.0): [[-20.0, -19.0]]}
    frame = runs_frame(cells, experiment="atari_rules", env="pong").assign(return_mean=99.0)
    _, figure, [panel] = drawn(frame, "atari_rules__demo")
    assert axes(panel) == ("Pong (1–2 runs)", "policy iterations", "score, last 100 episodes")
    assert lines(panel) == {BLUE: [[0, -20], [1, 11]], ORANGE: [[0, -20], [1, -19]]}
    assert legend(figure) == {"TRPO, single path": BLUE, "natural gradient": ORANGE}
