"""Action distributions against torch's own, dense Hessians, literals and 3-sigma bands."""

from collections.abc import Callable
from math import e, log, pi

import numpy as np
import oracles
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch.distributions import Distribution as Reference
from torch.distributions import kl_divergence

from trpo.distributions import (
    Categorical,
    DiagGaussian,
    Distribution,
    FactoredCategorical,
    Uniform,
    choosing,
)
from trpo.simulators.protocol import Box, Choices
from trpo.types import Tensor

GAUSSIAN, CATEGORICAL = DiagGaussian(2), Categorical(4)
FACTORED = FactoredCategorical(oracles.COUNTS)
COUNTS: dict[Distribution, tuple[int, ...]] = {CATEGORICAL: (4,), FACTORED: oracles.COUNTS}
FAMILIES = [
    pytest.param(GAUSSIAN, oracles.gaussian, id="gaussian"),
    pytest.param(CATEGORICAL, oracles.categorical, id="categorical"),
    pytest.param(FACTORED, oracles.factored, id="factored"),
]
every_family = pytest.mark.parametrize(("family", "reference"), FAMILIES)
DRAWS = 40_000
Family = Callable[[Tensor], Reference]


def parameters(family: Distribution, count: int, seed: int = 0) -> Tensor:
    """Random d (count, M) float64."""
    shape = (count, family.parameters)
    return torch.from_numpy(0.7 * np.random.default_rng(seed).standard_normal(shape))


def draws(family: Distribution, d: Tensor, seed: int = 1) -> Tensor:
    """DRAWS actions of one distribution d (M,)."""
    noise = family.noise(np.random.default_rng(seed), DRAWS)
    return torch.from_numpy(family.sample(d.expand(DRAWS, -1).numpy(), noise))


def within_three_sigma(x: Tensor, expected: float) -> bool:
    """Whether the mean of x agrees with what is expected."""
    return abs(float(x.mean()) - expected) <= 3 * float(x.std()) / len(x) ** 0.5


@every_family
def test_log_prob_entropy_and_kl_are_those_of_torch(
    family: Distribution, reference: Family
) -> None:
    old, new = parameters(family, 50), parameters(family, 50, seed=1)
    actions = reference(new).sample()
    column = actions
    if family in COUNTS:  # the reference numbers its choices
        column = torch.stack(torch.unravel_index(actions, COUNTS[family]), -1)
    close = {"rtol": 1e-10, "atol": 1e-12}
    assert torch.allclose(family.log_prob(old, column), reference(old).log_prob(actions), **close)
    assert torch.allclose(family.entropy(old), reference(old).entropy(), **close)
    assert torch.allclose(
        family.kl(old, new), kl_divergence(reference(old), reference(new)), **close
    )


def test_gaussian_formulas_on_literals() -> None:
    one = DiagGaussian(1)
    standard, wide = torch.tensor([0.0, 0.0]), torch.tensor([1.0, log(2.0)])
    assert one.log_prob(standard, torch.tensor([0.0])).item() == pytest.approx(-0.5 * log(2 * pi))
    assert one.entropy(wide).item() == pytest.approx(0.5 * log(2 * pi * e) + log(2))
    assert one.kl(standard, wide).item() == pytest.approx(log(2) + (1 + 1) / 8 - 0.5)
    assert one.kl(wide, standard).item() == pytest.approx(-log(2) + (4 + 1) / 2 - 0.5)


def test_categorical_formulas_on_literals() -> None:
    two = Categorical(2)
    even, odd = torch.tensor([0.0, 0.0]), torch.tensor([0.0, log(3.0)])  # (½, ½) and (¼, ¾)
    assert two.log_prob(odd, torch.tensor([1])).item() == pytest.approx(log(0.75))
    assert two.entropy(even).item() == pytest.approx(log(2))
    assert two.kl(even, odd).item() == pytest.approx(0.5 * log(2) + 0.5 * log(2 / 3))
    assert two.kl(odd, even).item() == pytest.approx(0.25 * log(0.5) + 0.75 * log(1.5))


@every_family
def test_kl_is_from_old_to_new_by_monte_carlo(family: Distribution, reference: Family) -> None:
    old, new = parameters(family, 2, seed=5)
    actions = draws(family, old)  # under the old one
    ratio = family.log_prob(old, actions) - family.log_prob(new, actions)
    assert within_three_sigma(ratio, family.kl(old, new).item())
    assert not within_three_sigma(ratio, family.kl(new, old).item())


@every_family
def test_entropy_is_the_mean_surprise_by_monte_carlo(
    family: Distribution, reference: Family
) -> None:
    (d,) = parameters(family, 1, seed=6)
    surprise = -family.log_prob(d, draws(family, d))
    assert within_three_sigma(surprise, family.entropy(d).item())


def test_gaussian_density_integrates_to_one() -> None:
    d = torch.tensor([0.3, -0.2, -0.4, 0.2], dtype=torch.float64)
    axis = torch.linspace(-12, 12, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    cell = float(axis[1] - axis[0]) ** 2
    assert float(GAUSSIAN.log_prob(d, grid).exp().sum()) * cell == pytest.approx(1, abs=1e-9)


def test_categorical_probabilities_sum_to_one() -> None:
    d = parameters(CATEGORICAL, 20)[:, None]
    actions = torch.arange(4)[None, :, None]
    assert torch.allclose(CATEGORICAL.log_prob(d, actions).exp().sum(1), torch.ones(20).double())


def test_gumbel_max_draws_with_the_policys_frequencies() -> None:
    d = torch.tensor([0.5, -1.0, 0.0, 1.0])
    drawn, p = draws(CATEGORICAL, d), torch.softmax(d, 0)
    assert drawn.shape == (DRAWS, 1)
    for choice in range(4):
        assert within_three_sigma((drawn == choice).float(), p[choice].item())


def test_factored_draws_have_the_frequencies_of_the_joint_choices() -> None:
    (d,) = parameters(FACTORED, 1, seed=3)
    drawn = draws(FACTORED, d)
    assert drawn.shape == (DRAWS, 3)
    number = oracles.numbers(drawn, oracles.COUNTS)
    seen, expected = torch.bincount(number.long()), DRAWS * oracles.factored(d).probs
    assert len(seen) == len(expected) == 18
    assert chisquare(seen, expected).pvalue > 0.003


def test_factored_probabilities_of_all_joint_choices_sum_to_one() -> None:
    (d,) = parameters(FACTORED, 1)
    every = torch.cartesian_prod(*(torch.arange(count) for count in oracles.COUNTS))
    assert FACTORED.log_prob(d, every).exp().sum().item() == pytest.approx(1)


def test_one_factor_is_a_categorical() -> None:
    one, (d, other) = FactoredCategorical((4,)), parameters(CATEGORICAL, 2)
    assert choosing((4,)) == CATEGORICAL
    assert choosing(oracles.COUNTS) == FACTORED
    drawn = draws(one, d)
    assert torch.equal(drawn, draws(CATEGORICAL, d))
    assert torch.equal(one.log_prob(d, drawn), CATEGORICAL.log_prob(d, drawn))
    assert torch.equal(one.kl(d, other), CATEGORICAL.kl(d, other))
    assert torch.equal(one.fisher(d, other), CATEGORICAL.fisher(d, other))
    assert torch.equal(one.entropy(d), CATEGORICAL.entropy(d))


def test_gaussian_draws_have_the_policys_mean_and_spread() -> None:
    d = torch.tensor([0.5, -1.0, -0.5, 0.5])
    drawn = draws(GAUSSIAN, d)
    for axis, (mean, std) in enumerate(zip(d[:2], d[2:].exp(), strict=True)):
        assert within_three_sigma(drawn[:, axis], mean.item())
        assert within_three_sigma((drawn[:, axis] - mean).square(), std.item() ** 2)
    assert within_three_sigma((drawn - d[:2]).prod(1), 0.0)


@every_family
def test_same_noise_gives_the_same_action_and_other_noise_another(
    family: Distribution, reference: Family
) -> None:
    (d,) = parameters(family, 1)
    assert torch.equal(draws(family, d, seed=1), draws(family, d, seed=1))
    assert not torch.equal(draws(family, d, seed=1), draws(family, d, seed=2))
    assert family.noise(np.random.default_rng(0), 3).dtype == np.float32


@every_family
def test_fisher_is_the_dense_hessian_of_kl(family: Distribution, reference: Family) -> None:
    for d in parameters(family, 5):
        hessian = torch.autograd.functional.hessian(
            lambda new, d=d: kl_divergence(reference(d), reference(new)), d
        )
        found = torch.stack([family.fisher(d, u) for u in torch.eye(len(d)).double()])
        assert torch.allclose(found, hessian, atol=1e-12)


@every_family
def test_fisher_agrees_with_finite_differences_of_kl(
    family: Distribution, reference: Family
) -> None:
    d, u = parameters(family, 5), parameters(family, 5, seed=9)
    h = 1e-4
    second = (family.kl(d, d + h * u) + family.kl(d, d - h * u)) / h**2
    assert torch.allclose((u * family.fisher(d, u)).sum(-1), second, rtol=1e-5)


@every_family
def test_log_prob_broadcasts_over_the_actions_tried_in_a_state(
    family: Distribution, reference: Family
) -> None:
    d = parameters(family, 6)
    noise = [family.noise(np.random.default_rng(k), 6) for k in range(3)]
    drawn = [torch.from_numpy(family.sample(d.numpy(), n)) for n in noise]
    actions = torch.stack(drawn, dim=1)
    found = family.log_prob(d[:, None], actions)
    assert found.shape == (6, 3)
    for k in range(3):
        assert torch.equal(found[:, k], family.log_prob(d, actions[:, k]))


def test_impossible_choice_adds_nothing_and_is_never_drawn() -> None:
    d = torch.tensor([0.0, -torch.inf, log(3.0), -torch.inf])
    assert CATEGORICAL.entropy(d).item() == pytest.approx(-0.25 * log(0.25) - 0.75 * log(0.75))
    assert CATEGORICAL.kl(d, torch.zeros(4)).item() == pytest.approx(
        0.25 * log(1.0) + 0.75 * log(3.0)
    )
    assert CATEGORICAL.kl(d, d).item() == 0
    assert set(draws(CATEGORICAL, d).flatten().tolist()) == {0, 2}


numbers = st.floats(-3, 3)


@given(old=st.lists(numbers, min_size=4, max_size=4), new=st.lists(numbers, min_size=4, max_size=4))
def test_kl_is_never_negative_and_zero_only_at_itself(old: list[float], new: list[float]) -> None:
    for family in (GAUSSIAN, CATEGORICAL, FactoredCategorical((2, 2))):
        d, other = torch.tensor(old).double(), torch.tensor(new).double()
        assert family.kl(d, other).item() >= -1e-12
        assert family.kl(d, d).item() == 0


@given(d=st.lists(numbers, min_size=4, max_size=4), shift=st.floats(-50, 50))
def test_adding_a_constant_to_all_logits_changes_nothing(d: list[float], shift: float) -> None:
    logits = torch.tensor(d).double()
    assert CATEGORICAL.kl(logits, logits + shift).item() == pytest.approx(0, abs=1e-12)
    assert torch.allclose(
        CATEGORICAL.fisher(logits, torch.ones(4).double()), torch.zeros(4).double()
    )


@pytest.mark.parametrize(
    ("actions", "volume"),
    [(Box(np.array([-1.0, 0.0]), np.array([1.0, 3.0])), 6.0), (Choices((3, 3, 2)), 18.0)],
)
def test_uniform_is_one_over_its_volume_and_has_nothing_to_learn(
    actions: Box | Choices, volume: float
) -> None:
    family = Uniform(actions)
    d, noise = torch.zeros(5, 0), family.noise(np.random.default_rng(0), 5)
    drawn = torch.from_numpy(family.sample(d.numpy(), noise))
    assert drawn.shape == (5, actions.dimensions)
    tried = drawn.expand(4, 5, -1).transpose(0, 1)  # (B, K, A)
    assert torch.allclose(family.log_prob(d[:, None], tried), torch.full((5, 4), -log(volume)))
    assert torch.allclose(family.entropy(d), torch.full((5,), log(volume)))
    assert torch.equal(family.kl(d, d), torch.zeros(5))
    assert family.fisher(d, torch.ones(5, 0)).shape == (5, family.parameters)
