"""The theory as experiments: steps through observations, what is reported, bit for bit again."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from trpo.parameters import ParameterError
from trpo.reports import flatten
from trpo.streams import stream
from trpo.tabular import probes, steps
from trpo.tabular.bounds import BOUNDS, penalty, slack, violations
from trpo.tabular.examples import chain, garnet, random_policies, two_state
from trpo.tabular.learning import optimal, progress
from trpo.tabular.mdp import MDP, eta, kl, softmax, surrogate
from trpo.tabular.probes import laws, position, quantiles
from trpo.tabular.theory import METHODS, ON_LOGITS, theory
from trpo.tabular.world import State, World, aliased, moved, seen

LEARNERS = [method for method in METHODS if method not in ("random_pairs", "line")]
DIRECT: dict[str, steps.Step] = {
    "policy_iteration": steps.policy_iteration,
    "conservative_policy_iteration": steps.conservative_policy_iteration,
    "minorise_maximise": steps.minorise_maximise,
    "trust_region_mean": partial(steps.trust_region, delta=0.02),
    "trust_region_max": partial(steps.trust_region, delta=0.02, over="max"),
    "natural_gradient": partial(steps.natural_gradient, penalty=2.0),
    "vanilla_gradient": partial(steps.vanilla_gradient, delta=0.3),
}


def world(observations: int = 6, count: int = 4) -> World:
    """Random MDPs of six states and three actions."""
    rng = stream(0, "mdp")
    return aliased(garnet(rng, count, states=6, actions=3, branching=2), observations)


def run(method: Any, turns: int, state: State | None = None, **sizes: Any) -> Any:
    """Some iterations with three observations, from the beginning unless told otherwise."""
    algorithm = theory(world(3), method, **sizes)
    state, infos = state or algorithm.init(stream(0, "init")), []
    for i in range(state.turn, state.turn + turns):
        state, info = algorithm.step(stream(0, "step", i), state)
        infos.append(flatten(info))
    return state, infos


@pytest.mark.parametrize("method", LEARNERS)
def test_a_step_is_the_exact_one_where_every_state_is_seen(method: Any) -> None:
    here = world()
    algorithm = theory(here, method, delta=0.02, penalty=2.0, l2_radius=0.3)
    start = algorithm.init(stream(0, "init"))
    after, found = algorithm.step(stream(0, "step"), start)
    info = flatten(found)
    expected = DIRECT[method](here.mdp, start.x)
    np.testing.assert_allclose(after.x, expected, rtol=1e-7, atol=1e-9)
    policy = softmax if method in ON_LOGITS else np.asarray
    assert info["eta_mean"] == pytest.approx(0.1 * eta(here.mdp, policy(expected)).mean())
    assert info["steps"] == 4 * 6


def test_what_a_policy_sees_has_the_worlds_surrogate_and_penalty() -> None:
    here = world(3)
    rng = np.random.default_rng(0)
    old, new = rng.dirichlet(np.ones(3), (2, 4, 3))
    rest = np.full((4, 1, 3), 1 / 3)
    near = seen(here, old)
    padded = [np.concatenate([pi, rest], axis=1) for pi in (old, new)]
    acting = [here.acting(pi) for pi in (old, new)]
    gain = surrogate(here.mdp, *acting) - eta(here.mdp, acting[0])
    np.testing.assert_allclose(surrogate(near, *padded), gain, atol=1e-10)
    np.testing.assert_allclose(penalty(near, padded[0]), penalty(here.mdp, acting[0]))


def test_states_that_look_alike_get_the_same_step() -> None:
    here = world(3)
    assert here.shows.tolist() == [0, 1, 2, 0, 1, 2]
    x = moved(here, steps.policy_iteration, False, np.full((4, 3, 3), 1 / 3))
    assert x.shape == (4, 3, 3)
    acting = here.acting(x)
    assert np.array_equal(acting[:, :3], acting[:, 3:])


def test_more_observations_than_states_are_refused() -> None:
    with pytest.raises(ValueError, match="7 observations are more than the 6 states"):
        world(7)


@pytest.mark.parametrize(
    ("method", "sizes", "told"),
    [
        ("minorise", {}, "method must be one of policy_iteration, .*, line, not minorise"),
        ("natural_gradient", {"penalty": 0.0}, "penalty must be positive, not 0.0"),
        ("vanilla_gradient", {"l2_radius": -1.0}, "l2_radius must be positive, not -1.0"),
    ],
)
def test_what_makes_no_sense_is_refused(method: Any, sizes: dict[str, float], told: str) -> None:
    with pytest.raises(ParameterError, match=told):
        theory(world(), method, **sizes)


@pytest.mark.parametrize("method", ["minorise_maximise", "conservative_policy_iteration"])
def test_methods_with_a_bound_never_lower_eta_and_no_bound_is_violated(method: Any) -> None:
    _, infos = run(method, 10)
    assert [info["share_lowered"] for info in infos] == [0.0] * 10
    assert [info[f"violations_{name}"] for info in infos for name in BOUNDS] == [0.0] * 60
    assert all(b["eta_mean"] > a["eta_mean"] for a, b in pairwise(infos))


def test_greedy_steps_lower_eta_where_states_look_alike() -> None:
    here = aliased(garnet(stream(0, "mdp"), 50), 5)
    algorithm = theory(here, "policy_iteration")
    state, _ = algorithm.step(stream(0, "a"), algorithm.init(stream(0, "init")))
    info = flatten(algorithm.step(stream(0, "b"), state)[1])
    assert info["share_lowered"] > 0.1
    assert info["kl_mean"] is None  # it is infinite


@pytest.mark.parametrize(("setting", "method"), [
    ("delta", "trust_region_mean"), ("delta", "trust_region_max"),
    ("penalty", "natural_gradient"), ("l2_radius", "vanilla_gradient"),
])  # fmt: skip
def test_every_setting_changes_its_method(setting: str, method: Any) -> None:
    assert not np.array_equal(run(method, 1, **{setting: 0.003})[0].x, run(method, 1)[0].x)


def test_progress_of_one_step_by_hand() -> None:
    """From uniform, η = 5/4, to always staying, η = 2; the best changes once: η = 2 too."""
    mdp = two_state()
    old, new = np.full((1, 2, 2), 0.5), np.array([[[0.9, 0.1], [0.9, 0.1]]])
    found = progress(mdp, old, new, np.array([2.0]))
    after = 0.5 * eta(mdp, new)[0]
    assert found.eta_mean == pytest.approx(after)
    assert found.regret_mean == pytest.approx(1 - after)
    assert found.share_lowered == 0
    expected = 0.5 * np.log(0.5 / 0.9) + 0.5 * np.log(0.5 / 0.1)
    assert found.kl_mean == found.kl_max == pytest.approx(expected)
    assert progress(mdp, new, old, np.array([2.0])).share_lowered == 1


def test_the_best_policies_cannot_be_improved() -> None:
    assert eta(two_state(), optimal(two_state()))[0] == pytest.approx(2.0)
    mdp = garnet(stream(0, "mdp"), 5)
    best = eta(mdp, optimal(mdp))
    for seed in range(20):
        pi = random_policies(np.random.default_rng(seed), mdp, concentration=0.1)
        assert (eta(mdp, pi) <= best).all()
    assert eta(chain(), optimal(chain())).shape == (1,)


def test_quantiles_and_violations_by_hand() -> None:
    found = {"a": np.array([4.0, 0.0, 2.0, 1.0, 3.0]), "b": np.array([-1e-11, -1e-13, np.inf])}
    shown = quantiles({"a": found["a"]})
    assert [shown["a"][q] for q in ("min", "q25", "q50", "q75")] == [0.0, 1.0, 2.0, 3.0]
    assert violations(found) == {"a": 0, "b": 1}


def test_random_pairs_report_the_slack_of_each_bound() -> None:
    """The distance comes first, then the old and the change of the logits."""
    _, (info,) = run("random_pairs", 1)
    rng, here = stream(0, "step", 0), world(3)
    distance = np.exp(rng.uniform(np.log(0.01), np.log(10.0)))
    old, change = rng.standard_normal((4, 3, 3)), rng.standard_normal((4, 3, 3))
    pair = [here.acting(softmax(x)) for x in (old, old + distance * change)]
    assert info["distance"] == distance
    for name, bound in BOUNDS.items():
        expected = 0.1 * slack(bound, here.mdp, *pair)
        assert info[f"slack_{name}_min"] == pytest.approx(expected.min())
        assert info[f"slack_{name}_q50"] == pytest.approx(np.median(expected))
    assert info["kl_max"] == np.median(kl(*pair).max(axis=1))


def test_what_holds_of_any_two_policies_holds_of_random_pairs() -> None:
    _, infos = run("random_pairs", 5)
    names = ("difference", "value", "slope", "tv_kl", "pinsker")
    assert [info[f"broken_{name}"] for info in infos for name in names] == [0.0] * 25


def test_a_law_that_does_not_hold_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A surrogate that is too high by a thousandth of the change, and twice the distance."""
    here = world(3)
    logits = stream(0, "step").standard_normal((2, 4, 3, 3))
    old, new = (here.acting(softmax(x)) for x in logits)
    assert all(holds.all() for holds in laws(here.mdp, old, new).values())

    def steeper(mdp: MDP, old: np.ndarray, new: np.ndarray) -> np.ndarray:
        return surrogate(mdp, old, new) + 1e-3 * (new - old)[:, 0, 0]

    monkeypatch.setattr(probes, "surrogate", steeper)
    monkeypatch.setattr(probes, "total_variation", lambda p, q: np.sqrt(1.5 * kl(p, q) / 2))
    found = {name: bool(holds.any()) for name, holds in laws(here.mdp, old, new).items()}
    assert found == {
        **{"difference": True, "value": True, "slope": False},
        **{"tv_kl": True, "pinsker": False},
    }


def test_positions_go_outwards_and_pass_one() -> None:
    found = [position(turn) for turn in range(13)]
    assert found[:3] == [0.0, -0.25, 0.25]
    assert found[12] == pytest.approx(1.0)
    assert found[11] == pytest.approx(-1.0)


def test_the_minorant_touches_eta_and_is_highest_at_algorithm_1s_step() -> None:
    _, infos = run("line", 20)
    at = {round(info["position"], 9): info for info in infos}
    assert at[0.0]["minorant"] == at[0.0]["surrogate"] == pytest.approx(at[0.0]["eta"])
    assert max(infos, key=lambda info: info["minorant"]) is at[1.0]
    assert all(info["eta"] >= info["minorant"] - 1e-12 for info in infos)


def test_only_the_first_mdp_is_on_the_line() -> None:
    here = world(3)
    alone = World(MDP(*(part[:1] for part in here.mdp)), here.shows)
    state = theory(here, "line").init(stream(0, "init"))
    both = [theory(each, "line").step(stream(0, "step"), state._replace(turn=5))[1]
            for each in (here, alone)]  # fmt: skip
    assert both[0] == both[1]
