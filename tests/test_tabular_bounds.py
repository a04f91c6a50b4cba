"""Bounds against loops and by hand, never violated, and attained where they can be."""

import math

import numpy as np
import pytest
from hypothesis import given
from tabular_cases import Case, cases

from trpo.tabular import bounds
from trpo.tabular.bounds import BOUNDS, best_mixture, mixture, mixture_rate, penalty, slack
from trpo.tabular.examples import (
    chain,
    extreme,
    fork,
    garnet,
    gridworld,
    random_policies,
    tied,
    two_state,
)
from trpo.tabular.mdp import (
    MDP,
    advantages,
    checked_policy,
    eta,
    surrogate,
    visitation,
)
from trpo.types import Array

UNIFORM = np.full((1, 2, 2), 0.5)
CHANGING = np.array([[[0.0, 1.0], [0.0, 1.0]]])
MIXED = np.array([[[0.25, 0.75], [0.25, 0.75]]])
LOG_4_3 = math.log(4 / 3)
GAMMAS = (0.0, 0.1, 0.9, 0.99, 0.999)

names = pytest.mark.parametrize("name", BOUNDS)


def rounding(mdp: MDP) -> Array:
    """What a bound may be violated by: 1e-14 of the largest reward times the squared horizon.

    The linear systems amplify the rounding of values up to max |r| / (1 − γ) by up to 1 / (1 − γ).
    At γ = 0.9 and rewards up to 1 this is 1e-12.
    """
    return np.asarray(1e-14 * np.abs(mdp.rewards).max(axis=(1, 2)) / (1 - mdp.gamma) ** 2)


def penalties(mdp: MDP, old: Array, new: Array, n: int) -> dict[str, float]:
    """L less each bound on MDP n, from advantages, in loops and with the constants as numbers."""
    a, g = advantages(mdp, old)[n], float(mdp.gamma[n])
    states, actions = (range(k) for k in a.shape)
    epsilon = max(abs(a[s, b]) for s in states for b in actions)
    mean = max(abs(sum(new[n, s, b] * a[s, b] for b in actions)) for s in states)
    tv = max(sum(abs(old[n, s, b] - new[n, s, b]) for b in actions) for s in states) / 2
    pairs = [[(old[n, s, b], new[n, s, b]) for b in actions] for s in states]
    rate = max(max((1 - q / p for p, q in row if p), default=0.0) for row in pairs)
    divergence = max(
        sum(p * math.log(p / q) if q else math.inf for p, q in row if p) for row in pairs
    )
    return {
        "mixture_tight": 2 * mean * rate * g / ((1 - g * (1 - rate)) * (1 - g)),
        "mixture": 2 * mean * rate * g / (1 - g) ** 2,
        "tv_tight": 4 * epsilon * tv**2 * g / ((1 - g * (1 - tv)) * (1 - g)),
        "tv": 4 * epsilon * tv**2 * g / (1 - g) ** 2,
        "kl": 4 * epsilon * divergence * g / (1 - g) ** 2 if epsilon * g else 0.0,
        "halved_kl": 2 * epsilon * divergence * g / (1 - g) ** 2 if epsilon * g else 0.0,
    }


@names
@pytest.mark.parametrize(
    ("new", "level", "lost"),
    [  # ε = 9/8 and γ / (1 − γ)² = 2; by hand
        (
            CHANGING,
            1 / 8,
            {
                **{"mixture_tight": 9 / 4, "mixture": 9 / 2, "tv_tight": 3 / 2, "tv": 9 / 4},
                **{"kl": math.inf, "halved_kl": math.inf},
            },
        ),
        (
            MIXED,
            11 / 16,
            {
                **{"mixture_tight": 3 / 4, "mixture": 9 / 8, "tv_tight": 9 / 20, "tv": 9 / 16},
                **{"kl": 4.5 * LOG_4_3, "halved_kl": 2.25 * LOG_4_3},
            },
        ),
    ],
)
def test_bounds_of_two_states_by_hand(
    name: str, new: Array, level: float, lost: dict[str, float]
) -> None:
    found = BOUNDS[name](two_state(), UNIFORM, new)
    assert found == pytest.approx([level - lost[name]], rel=1e-14)


def test_penalty_of_two_states_by_hand() -> None:
    assert penalty(two_state(), UNIFORM) == pytest.approx([9])


@given(cases(gammas=GAMMAS))
def test_bounds_are_their_loops(case: Case) -> None:
    mdp, _, _ = case
    level, tolerance = surrogate(*case), rounding(mdp)
    for n in range(3):
        for name, lost in penalties(*case, n).items():
            found = BOUNDS[name](*case)[n]
            assert found == pytest.approx(level[n] - lost, rel=1e-8, abs=tolerance[n]), name


@given(cases(count=60, gammas=GAMMAS))
def test_bounds_are_never_violated(case: Case) -> None:
    for name, bound in BOUNDS.items():
        assert (slack(bound, *case) >= -rounding(case[0])).all(), name


@names
@pytest.mark.parametrize("gamma", [0.9, 0.999])
def test_bounds_hold_on_larger_mdps(name: str, gamma: float) -> None:
    rng = np.random.default_rng(1)
    for mdp in (garnet(rng, 200, gamma=gamma), gridworld(gamma=gamma), chain(gamma=gamma)):
        old, other = (random_policies(rng, mdp, concentration=c) for c in (1.0, 0.05))
        for alpha in (1e-3, 0.1, 1.0):
            new = mixture(old, other, np.full(len(old), alpha))
            assert (slack(BOUNDS[name], mdp, old, new) >= -rounding(mdp)).all()


@given(cases(gammas=GAMMAS))
def test_each_weaker_form_is_weaker(case: Case) -> None:
    found = {name: bound(*case) for name, bound in BOUNDS.items()}
    for less, more in (
        *(("mixture", "mixture_tight"), ("tv", "tv_tight")),
        *(("halved_kl", "tv"), ("kl", "halved_kl")),
    ):
        assert (found[less] <= found[more] + rounding(case[0])).all(), (less, more)


@names
@given(case=cases(gammas=GAMMAS))
def test_policy_is_bounded_by_its_own_return(name: str, case: Case) -> None:
    mdp, old, _ = case
    assert (np.abs(slack(BOUNDS[name], mdp, old, old)) <= rounding(mdp)).all()


@pytest.mark.parametrize("gamma", [0.1, 0.9, 0.999])
@pytest.mark.parametrize("alpha", [1e-4, 0.1, 0.5])
def test_theorem_1_is_attained(alpha: float, gamma: float) -> None:
    mdp, old, new = extreme(alpha=alpha, gamma=gamma)
    assert surrogate(mdp, old, new) == pytest.approx([2 * alpha / (1 - gamma)])
    assert slack(BOUNDS["tv_tight"], mdp, old, new) == pytest.approx([0], abs=rounding(mdp)[0])


@pytest.mark.parametrize("gamma", [0.1, 0.9, 0.999])
@pytest.mark.parametrize("alpha", [1e-4, 0.1, 1.0])
def test_bound_of_kakade_and_langford_is_attained(alpha: float, gamma: float) -> None:
    mdp = chain(gamma=gamma)
    old, new = (tied(mdp, np.array([1 - x, x])) for x in (0.0, alpha))
    found = slack(BOUNDS["mixture_tight"], mdp, old, new)
    assert found == pytest.approx([0], abs=rounding(mdp)[0])


def lean_chain() -> Case:
    mdp = chain(gamma=0.9)
    return mdp, tied(mdp, np.array([1.0, 0.0])), tied(mdp, np.array([1 - 1e-4, 1e-4]))


@pytest.mark.parametrize(
    ("constant", "name", "case"),
    [
        ("COUPLING", "tv_tight", extreme(alpha=0.3)),
        ("COUPLING", "tv", extreme(alpha=1e-4)),
        ("MIXTURE", "mixture_tight", lean_chain()),
        ("MIXTURE", "mixture", lean_chain()),
        ("PINSKER", "halved_kl", fork(alpha=0.01, gamma=0.005)),
    ],
)
def test_no_smaller_constant_bounds(
    monkeypatch: pytest.MonkeyPatch, constant: str, name: str, case: Case
) -> None:
    assert slack(BOUNDS[name], *case) >= -rounding(case[0])
    monkeypatch.setattr(bounds, constant, 0.99 * getattr(bounds, constant))
    assert slack(BOUNDS[name], *case) < -10 * rounding(case[0])


def test_infinite_divergence_bounds_nothing_unless_nothing_follows() -> None:
    mdp, staying = two_state(), np.array([[[1.0, 0.0], [1.0, 0.0]]])
    for name in ("kl", "halved_kl"):
        lower = BOUNDS[name]
        assert lower(mdp, staying, CHANGING) == -np.inf
        myopic = mdp._replace(gamma=np.zeros(1))
        assert lower(myopic, staying, CHANGING) == eta(myopic, CHANGING)


@given(cases())
def test_mixture_rate_leaves_a_policy_over(case: Case) -> None:
    mdp, old, new = case
    alpha = mixture_rate(old, new)[:, None, None]
    rest = new - (1 - alpha) * old
    assert (rest >= -1e-15).all()
    for n in np.flatnonzero(alpha[:, 0, 0] > 1e-3):
        checked_policy(np.maximum(rest, 0)[[n]] / alpha[n], MDP(*(x[[n]] for x in mdp)))
    fewer = new - (1 - 0.999 * alpha) * old
    assert ((fewer < 0).any(axis=(1, 2)) | (alpha[:, 0, 0] < 1e-12)).all()


def test_mixture_rate_is_the_share_that_was_mixed_in() -> None:
    assert mixture_rate(UNIFORM, MIXED).tolist() == [0.5]
    assert mixture(UNIFORM, CHANGING, np.array([0.5])).tolist() == MIXED.tolist()
    assert mixture(UNIFORM, CHANGING, np.array([0.0])).tolist() == UNIFORM.tolist()


def test_best_mixture_by_hand() -> None:
    mdp, staying = two_state(), 1 - CHANGING  # G = ε = 9/8
    assert best_mixture(mdp, UNIFORM, staying) == pytest.approx([2 / math.sqrt(3) - 1])
    assert best_mixture(mdp, UNIFORM, CHANGING).tolist() == [0.0]
    assert best_mixture(mdp, UNIFORM, UNIFORM).tolist() == [0.0]
    assert best_mixture(mdp._replace(gamma=np.zeros(1)), UNIFORM, staying).tolist() == [1.0]
    short = mdp._replace(gamma=np.full(1, 0.1))
    assert best_mixture(short, UNIFORM, staying).tolist() == [1.0]


@given(cases(gammas=(0.1, 0.5, 0.9)))
def test_best_mixture_makes_the_bound_largest(case: Case) -> None:
    mdp, old, new = case
    gain = surrogate(mdp, old, new) - eta(mdp, old)
    epsilon = np.abs((new * advantages(mdp, old)).sum(axis=2)).max(axis=1)
    g = mdp.gamma

    def guaranteed(alpha: Array) -> Array:
        loss = 2 * epsilon * g * alpha**2 / ((1 - g) * (1 - g * (1 - alpha)))
        return np.asarray(alpha * gain - loss)

    best = best_mixture(mdp, old, new)
    assert ((best >= 0) & (best <= 1)).all()
    for alpha in np.linspace(0, 1, 101):
        assert (guaranteed(best) >= guaranteed(np.full(3, alpha)) - 1e-12).all()


@given(cases(gammas=GAMMAS))
def test_best_mixture_never_loses(case: Case) -> None:
    mdp, old, new = case
    better = mixture(old, new, best_mixture(mdp, old, new))
    assert (eta(mdp, better) >= eta(mdp, old) - rounding(mdp)).all()


def test_greedy_step_on_the_chain_is_a_maximum_of_the_surrogate_and_loses() -> None:
    mdp = chain(cost=1.0, gamma=0.9)
    staying, advancing = (tied(mdp, np.array([1 - x, x])) for x in (0.0, 1.0))
    most = (visitation(mdp, staying) * advantages(mdp, staying).max(axis=2)).sum(axis=1)
    assert surrogate(mdp, staying, advancing) == pytest.approx(most)
    assert eta(mdp, advancing) == pytest.approx([1 - 9])
    alpha = best_mixture(mdp, staying, advancing)
    mixed = eta(mdp, mixture(staying, advancing, alpha))
    assert alpha == pytest.approx([(math.sqrt(2) - 1) / 9])
    assert mixed > eta(mdp, staying) == 0
    assert all(mixed >= eta(mdp, tied(mdp, np.array([1 - x, x]))) for x in np.linspace(0, 1, 101))
