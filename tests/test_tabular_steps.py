"""Exact steps against hand-solved cases, optimality conditions, grids and random rivals."""

from collections.abc import Callable
from functools import partial
from math import exp, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tabular_cases import Case, cases

from trpo.tabular import bounds
from trpo.tabular.duals import FAR, at_radius, problem, root
from trpo.tabular.examples import chain, garnet, gridworld, random_policies, two_state
from trpo.tabular.mdp import (
    MDP,
    advantages,
    checked_policy,
    eta,
    kl,
    softmax,
    surrogate,
    surrogate_gradient,
    visitation,
)
from trpo.tabular.steps import (
    Step,
    conservative_policy_iteration,
    minorise_maximise,
    natural_gradient,
    policy_iteration,
    trust_region,
    vanilla_gradient,
)
from trpo.types import Array

UNIFORM = np.full((1, 2, 2), 0.5)
DELTAS = (1e-6, 0.01, 0.3, 2.0)
NEAREST = partial(trust_region, delta=0.01, over="max")
STEPS: dict[str, Step] = {
    "policy iteration": policy_iteration,
    "conservative": conservative_policy_iteration,
    "minorise-maximise": minorise_maximise,
    "mean KL": partial(trust_region, delta=0.01),
    "max KL": NEAREST,
}
every_step = pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
every_delta = pytest.mark.parametrize("delta", DELTAS)


def run(
    step: Step,
    mdp: MDP,
    start: Array,
    iterations: int,
    policy: Callable[[Array], Array] = lambda pi: pi,
) -> Array:
    """Return η of every iterate, (iterations + 1, N), the first being that of `start`.

    Args:
        step: one of the above, its other arguments bound.
        mdp: N MDPs.
        start: what the step moves: a policy or logits, (N, S, A).
        iterations: how many steps.
        policy: what gives the policy of that: `softmax` where it is logits.
    """
    etas = [eta(mdp, policy(start))]
    for _ in range(iterations):
        start = step(mdp, start)
        etas.append(eta(mdp, policy(start)))
    return np.array(etas)


def case(seed: int, count: int = 20, gamma: float = 0.9, **sizes: int) -> tuple[MDP, Array]:
    """Random MDPs, by default of five states and three actions, and a policy for each."""
    rng = np.random.default_rng(seed)
    sizes = {"states": 5, "actions": 3, "branching": 2} | sizes
    mdp = garnet(rng, count, gamma=gamma, **sizes)
    return mdp, random_policies(rng, mdp)


def mean_kl(mdp: MDP, old: Array, new: Array) -> Array:
    """Mean of KL(old ‖ new) over states by ρ_old / Σ ρ_old, (N,)."""
    rho = visitation(mdp, old)
    return (rho * kl(old, new)).sum(-1) / rho.sum(-1)


def max_kl(mdp: MDP, old: Array, new: Array) -> Array:
    """Maximum of KL(old ‖ new) over states, (N,)."""
    return kl(old, new).max(-1)


def multipliers(mdp: MDP, old: Array, new: Array) -> Array:
    """μ_s (N, S), after checking that A_a + μ_s p_a / π_a is the same for all actions."""
    advantage, ratio = advantages(mdp, old), old / new
    a, r = (x - x.mean(-1, keepdims=True) for x in (advantage, ratio))
    mu = -(a * r).sum(-1) / (r * r).sum(-1)
    assert np.abs(a + mu[..., None] * r).max() < 1e-7 * np.abs(a).max()
    assert (mu > 0).all()
    return mu


def rivals(mdp: MDP, old: Array, within: Callable[[Array], Array]) -> list[Array]:
    """Random policies, each drawn towards `old` until it is `within` the constraint (N,)."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(50):
        other, share = random_policies(rng, mdp), np.ones((len(old), 1, 1))
        while not (inside := within(old + share * (other - old))).all():
            share = np.where(inside[:, None, None], share, 0.8 * share)
        found.append(old + share * (other - old))
    return found


def test_two_states_by_hand() -> None:
    mdp = two_state()
    stay = np.array([1.0, 0.0])
    assert np.array_equal(policy_iteration(mdp, UNIFORM), [[stay, stay]])
    alpha = 2 / sqrt(3) - 1  # Σ_s ρ(s) max_a A(s, a) and ε are both 9/8
    mixed = UNIFORM + alpha * (stay - 0.5)
    assert np.allclose(conservative_policy_iteration(mdp, UNIFORM), mixed, atol=1e-15)
    q = (sqrt(17) - 3) / 2  # C = 9 and Σ ρ μ = 9/8 · 4q(1−q)/(2q−1)
    assert np.allclose(minorise_maximise(mdp, UNIFORM), [[[q, 1 - q]] * 2], atol=1e-12)
    advantage = np.array([[[3 / 8, -3 / 8], [9 / 8, -9 / 8]]])
    logits = np.zeros((1, 2, 2))
    assert np.allclose(natural_gradient(mdp, logits, 2.0), advantage / 2, atol=1e-15)
    sign = np.array([1.0, -1.0])  # |g| = 9/32 everywhere
    assert np.allclose(vanilla_gradient(mdp, logits, 0.02), [[0.1 * sign] * 2], atol=1e-15)


@every_delta
def test_trust_regions_of_two_states_by_hand(delta: float) -> None:
    mdp = two_state()
    q = (1 + sqrt(1 - exp(-2 * delta))) / 2  # −½ log 4q(1−q) = δ
    found = trust_region(mdp, UNIFORM, delta, over="max")
    assert np.allclose(found, [[[q, 1 - q]] * 2], rtol=1e-9)
    (q0, q1) = trust_region(mdp, UNIFORM, delta)[0, :, 0]
    slopes = [(2 * q - 1) / (q * (1 - q)) for q in (q0, q1)]
    assert slopes[1] == pytest.approx(3 * slopes[0], rel=1e-6)  # as the advantages are
    mean = -(3 * log(4 * q0 * (1 - q0)) + log(4 * q1 * (1 - q1))) / 8
    assert mean == pytest.approx(delta, rel=1e-9)


def test_policy_iteration_reaches_the_optimum_of_value_iteration() -> None:
    mdp, pi = case(1, gamma=0.8, states=20, actions=4)
    v = np.zeros((20, 20))
    for _ in range(200):
        v = (mdp.rewards + 0.8 * np.einsum("nsaz,nz->nsa", mdp.transitions, v)).max(-1)
    etas = run(policy_iteration, mdp, pi, 15)
    assert np.allclose(etas[-1], (mdp.start * v).sum(-1), atol=1e-12)
    assert np.array_equal(etas[-1], etas[-2])


@pytest.mark.parametrize("gamma", [0.0, 0.5, 0.9, 0.99])
@every_step
def test_eta_never_falls(step: Step, gamma: float) -> None:
    mdp, pi = case(2, 250, gamma)
    etas = run(step, mdp, pi, 4)
    assert (np.diff(etas, axis=0) >= -1e-12 * np.maximum(1, np.abs(etas[1:]))).all()
    assert (etas[-1] > etas[0]).all()


@every_step
@settings(max_examples=25)
@given(found=cases())
def test_steps_from_awkward_policies_are_policies_that_do_not_lose(step: Step, found: Case) -> None:
    mdp, pi, _ = found
    new = checked_policy(step(mdp, pi), mdp)
    assert (eta(mdp, new) >= eta(mdp, pi) - 1e-11).all()
    assert (surrogate(mdp, pi, new) >= eta(mdp, pi) - 1e-11).all()


@given(found=cases(), delta=st.sampled_from(DELTAS))
def test_trust_regions_hold_from_awkward_policies(found: Case, delta: float) -> None:
    mdp, pi, _ = found
    assert (max_kl(mdp, pi, trust_region(mdp, pi, delta, over="max")) <= delta + 1e-10).all()
    assert (mean_kl(mdp, pi, trust_region(mdp, pi, delta)) <= delta + 1e-10).all()


@pytest.mark.parametrize("make", [chain, gridworld], ids=["chain", "gridworld"])
@every_step
def test_eta_never_falls_where_few_states_are_visited(step: Step, make: Callable[[], MDP]) -> None:
    mdp = make()
    pi = random_policies(np.random.default_rng(0), mdp, concentration=0.05)
    etas = run(step, mdp, pi, 20)
    assert (np.diff(etas, axis=0) >= -1e-12).all()


def test_conservative_step_is_best_of_all_mixtures_for_its_bound() -> None:
    mdp, pi = case(3)
    greedy, new = policy_iteration(mdp, pi), conservative_policy_iteration(mdp, pi)
    best = bounds.mixture_bound_tight(mdp, pi, new)
    for alpha in np.linspace(0, 1, 101):
        mixed = bounds.mixture(pi, greedy, np.full(20, alpha))
        assert (bounds.mixture_bound_tight(mdp, pi, mixed) <= best + 1e-12).all()
    assert (eta(mdp, new) >= best).all()


@pytest.mark.parametrize("gamma", [0.1, 0.5, 0.9, 0.99])
def test_minorise_maximise_meets_its_optimality_conditions(gamma: float) -> None:
    mdp, pi = case(4, gamma=gamma)
    new = checked_policy(minorise_maximise(mdp, pi), mdp)
    apart = kl(pi, new)
    assert np.allclose(apart, apart[:, :1], rtol=1e-6, atol=1e-14)  # every state at the border
    worth = (visitation(mdp, pi) * multipliers(mdp, pi, new)).sum(-1)
    assert np.allclose(worth, bounds.penalty(mdp, pi), rtol=1e-5)


def test_minorise_maximise_beats_random_policies() -> None:
    mdp, pi = case(5, gamma=0.3)
    new, rng = minorise_maximise(mdp, pi), np.random.default_rng(0)
    best = bounds.kl_bound(mdp, pi, new)
    for size in np.geomspace(1e-8, 1, 100):
        for centre in (pi, new):
            other = centre + size * (random_policies(rng, mdp) - centre)
            assert (bounds.kl_bound(mdp, pi, other) <= best + 1e-12).all()
    assert (best > eta(mdp, pi)).all()
    assert (eta(mdp, new) >= best).all()


def on_grid(mdp: MDP, value: Callable[[MDP, Array, Array], Array], points: int) -> float:
    """The largest value over all policies of two states and two actions on a grid."""
    q = np.linspace(0, 1, points + 2)[1:-1]
    pairs = np.stack(np.meshgrid(q, q), -1).reshape(-1, 2)
    many = MDP(*(np.broadcast_to(x, (len(pairs), *x.shape[1:])) for x in mdp))
    new = np.stack([pairs, 1 - pairs], -1)
    return float(value(many, np.broadcast_to(UNIFORM, new.shape), new).max())


def test_steps_in_two_states_are_as_good_as_the_best_of_a_fine_grid() -> None:
    mdp = two_state()

    def inside(
        distance: Callable[[MDP, Array, Array], Array], mdp: MDP, old: Array, new: Array
    ) -> Array:
        allowed = distance(mdp, old, new) <= 0.1
        return np.where(allowed, surrogate(mdp, old, new), -np.inf)

    for step, value in (
        (minorise_maximise, bounds.kl_bound),
        (partial(trust_region, delta=0.1), partial(inside, mean_kl)),
        (partial(trust_region, delta=0.1, over="max"), partial(inside, max_kl)),
    ):
        found, grid = surrogate(mdp, UNIFORM, step(mdp, UNIFORM)), on_grid(mdp, value, 199)
        if step is minorise_maximise:
            found = value(mdp, UNIFORM, step(mdp, UNIFORM))
        assert grid <= found[0] < grid + 0.01


@every_delta
def test_trust_region_is_active_optimal_and_beats_random_policies(delta: float) -> None:
    mdp, pi = case(6)
    gains = {}
    for over, distance in (("mean", mean_kl), ("max", max_kl)):
        new = checked_policy(trust_region(mdp, pi, delta, over), mdp)
        assert np.allclose(distance(mdp, pi, new), delta, rtol=1e-8)
        mu = multipliers(mdp, pi, new)
        same = mu if over == "mean" else kl(pi, new)
        assert np.allclose(same, same[:, :1], rtol=1e-5)
        gains[over] = surrogate(mdp, pi, new)
        within = partial(distance, mdp, pi)
        for other in rivals(mdp, pi, lambda x, w=within: w(x) <= delta):
            assert (surrogate(mdp, pi, other) <= gains[over]).all()
    assert (gains["mean"] > gains["max"]).all()  # (11) allows less than (12)
    mean_step = trust_region(mdp, pi, delta)
    assert (max_kl(mdp, pi, mean_step) > delta).all()


def test_trust_region_leaves_zero_where_an_action_that_was_never_taken_is_best() -> None:
    mdp, change = two_state(), np.array([[[0.0, 1.0]] * 2])
    for delta in DELTAS:  # staying is better in both states
        new = trust_region(mdp, change, delta, over="max")
        assert np.allclose(new, [[[1 - exp(-delta), exp(-delta)]] * 2], rtol=1e-9)
        assert mean_kl(mdp, change, trust_region(mdp, change, delta)) == pytest.approx(delta)
    stay_and_change = np.array([[[1.0, 0.0], [0.0, 1.0]]])  # is best where it is
    new = trust_region(mdp, stay_and_change, 0.1, over="max")
    assert np.allclose(new, [[[1, 0], [1 - exp(-0.1), exp(-0.1)]]], atol=1e-12)


@every_step
def test_nothing_moves_from_an_optimum_or_without_rewards(step: Step) -> None:
    mdp, pi = case(7)
    for _ in range(20):
        pi = policy_iteration(mdp, pi)
    assert np.allclose(step(mdp, pi), pi, atol=1e-90)
    flat, pi = mdp._replace(rewards=np.zeros_like(mdp.rewards)), case(7)[1]
    if step is not policy_iteration:
        assert np.allclose(step(flat, pi), pi, atol=1e-15)
    logits = np.log(pi)
    assert np.array_equal(vanilla_gradient(flat, logits, 0.1), logits)
    assert np.array_equal(natural_gradient(flat, logits, 0.1), logits)


def test_minorise_maximise_is_greedy_without_discounted_future() -> None:
    mdp, pi = case(8, gamma=0.0)
    assert np.allclose(minorise_maximise(mdp, pi), policy_iteration(mdp, pi), atol=1e-15)


def test_natural_gradient_is_the_pseudo_inverse_of_the_dense_fisher_matrix() -> None:
    mdp, pi = case(9, 1)
    rho = visitation(mdp, pi)[0]
    fisher = np.zeros((15, 15))
    for s, (w, p) in enumerate(zip(rho / rho.sum(), pi[0], strict=True)):
        rows = slice(3 * s, 3 * s + 3)
        fisher[rows, rows] = w * (np.diag(p) - np.outer(p, p))
    logits = np.log(pi)
    gradient = surrogate_gradient(mdp, pi, logits)[0].ravel() / rho.sum()
    x = np.linalg.pinv(fisher, rcond=1e-12) @ gradient
    assert np.allclose((natural_gradient(mdp, logits, 0.3) - logits).ravel(), x / 0.3, atol=1e-9)


@pytest.mark.parametrize("delta", [1e-3, 0.5])
def test_vanilla_gradient_is_parallel_to_the_gradient_and_on_the_ball(delta: float) -> None:
    mdp, pi = case(10)
    logits = np.log(pi)
    step, g = vanilla_gradient(mdp, logits, delta) - logits, surrogate_gradient(mdp, pi, logits)
    assert np.allclose((step**2).sum((1, 2)) / 2, delta)
    ratio = step / g
    assert np.allclose(ratio, ratio[:, :1, :1], rtol=1e-8)


def test_small_trust_region_goes_where_the_natural_gradient_does() -> None:
    mdp, pi = case(11)
    exact = trust_region(mdp, pi, 1e-14) - pi
    natural = softmax(natural_gradient(mdp, np.log(pi), 1e6)) - pi
    a, b = (x / np.linalg.norm(x, axis=(1, 2), keepdims=True) for x in (exact, natural))
    assert np.allclose(a, b, atol=1e-5)


def test_run_gives_eta_of_every_iterate() -> None:
    mdp, pi = case(12)
    etas = run(NEAREST, mdp, pi, 2)
    second = NEAREST(mdp, NEAREST(mdp, pi))
    assert etas.shape == (3, 20)
    assert np.array_equal(etas[0], eta(mdp, pi))
    assert np.array_equal(etas[2], eta(mdp, second))
    climb = run(partial(natural_gradient, penalty=1.0), mdp, np.log(pi), 3, policy=softmax)
    assert (np.diff(climb, axis=0) > 0).all()


@pytest.mark.parametrize("radius", [1e-14, 1e-9, 1e-4, 1e-2, 1.0, 5.0])
def test_radius_is_met_whatever_its_size(radius: float) -> None:
    mdp, pi = case(13, 200)
    found = at_radius(problem(pi, advantages(mdp, pi)), log(radius))
    assert np.allclose(found.kl, radius, rtol=1e-9)
    assert np.allclose(kl(pi, found.policy), radius, rtol=1e-6, atol=1e-18)


def test_root_of_a_function_that_stays_on_one_side_is_that_side() -> None:
    sides = root(lambda x: (np.array([1.0, -1.0]), np.zeros(2)), np.zeros(2))
    assert np.allclose(sides, [FAR, -FAR])
    steep = root(lambda x: (np.arctan(3 - 40 * x), -40 / (1 + (3 - 40 * x) ** 2)), np.array([0.5]))
    assert steep == pytest.approx(3 / 40)
