"""What `trpo` offers from outside: its names, and a use of them alone."""

import doctest
from functools import partial

import numpy as np
import torch

import trpo


def test_every_public_name_is_there_and_says_what_it_is() -> None:
    assert len(trpo.__all__) == len(set(trpo.__all__))
    for name in trpo.__all__:
        assert getattr(trpo, name).__doc__, name


def test_the_example_of_the_front_page_learns() -> None:
    found = doctest.testmod(trpo)
    assert found.attempted > 5
    assert found.failed == 0


def test_a_rule_a_network_and_a_policy_of_ones_own_are_a_few_lines() -> None:
    def init(rng: np.random.Generator) -> torch.Tensor:
        return torch.from_numpy(0.1 * rng.standard_normal(8).astype(np.float32))

    def at(theta: torch.Tensor) -> partial[torch.Tensor]:
        w = theta.view(4, 2)
        return partial(torch.matmul, other=w)  # the mean and the log standard deviation

    policy = trpo.Policy(trpo.network(init, at), trpo.DiagGaussian(1))
    rule = trpo.Rule(
        trpo.euclidean,
        trpo.over_mean(trpo.identity),
        trpo.trust_region(0.01, trpo.LineSearch()),
    )
    simulator = trpo.CartPoleSimulator(trpo.CartPole(horizon=50), 4)
    sizes = trpo.Sizes(trunks=2, trunk_length=50, states=20, branches=2, branch_length=5)
    algorithm = trpo.policy_optimisation(
        policy,
        rule._replace(surrogate=trpo.self_normalised),
        trpo.from_vine(trpo.vine(trpo.Lockstep(simulator, policy), sizes, gamma=0.99)),
        trpo.no_baseline(),
        simulator.space,
        filter_clip=0.0,
        compute=trpo.Compute(),
    )
    state = algorithm.init(trpo.stream(0, "init"))
    moved, _ = algorithm.step(trpo.stream(0, "step"), state)
    assert not torch.equal(moved.theta, state.theta)
