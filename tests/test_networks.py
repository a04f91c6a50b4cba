"""Networks of one flat theta against a network written out layer by layer."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import sqrt

import numpy as np
import oracles
import pytest
import torch
from bits import threads
from hypothesis import given
from hypothesis import strategies as st
from oracles import CASES, problem

from trpo.chunks import CHUNK
from trpo.dense import mlp
from trpo.layouts import orthogonal
from trpo.networks import Network, network, outputs, with_free_parameters
from trpo.parameters import UnfitError
from trpo.policies import (
    Policy,
    categorical_cnn,
    categorical_mlp,
    gaussian_mlp,
    linear_gaussian,
)
from trpo.products import tanh_
from trpo.simulators.protocol import Box, Space
from trpo.types import Map, Tensor
from trpo.updates import trpo, update

every_policy = pytest.mark.parametrize("name", CASES)
every_kind = pytest.mark.parametrize("kind", ["written", "derived"])


def made(name: str, kind: str) -> Network:
    """The policy's own network, or one of which only `init` and the layers' output are given."""
    own, forward = CASES[name].policy.network, CASES[name].forward
    return own if kind == "written" else network(own.init, lambda theta: partial(forward, theta))


def random(*shape: int, seed: int = 3) -> Tensor:
    """Standard normal float64."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


@every_kind
@every_policy
def test_output_is_that_of_the_layers_written_out(name: str, kind: str) -> None:
    found = problem(name)
    net, obs = made(name, kind), found.samples.obs
    output = net.at(found.theta)(obs)
    assert torch.allclose(output, found.forward(found.theta), atol=1e-14)
    assert torch.equal(net.linearise(found.theta, obs).output, output)
    acted = net.act(found.theta)(obs.numpy())
    assert acted == pytest.approx(output.numpy(), abs=1e-6)


@every_kind
@every_policy
@pytest.mark.parametrize("rows", [range(6), [0, 2, 5], [4, 1, 0, 5, 3, 2], [3, 3], [2]])
def test_networks_side_by_side_answer_as_each_alone(
    name: str, kind: str, rows: Sequence[int]
) -> None:
    found = problem(name)
    net = made(name, kind)
    thetas = found.theta + random(6, net.size)
    obs = found.samples.obs[: len(rows)].to(torch.float32).numpy()
    before = obs.copy()
    act = net.act_each(thetas.numpy())
    answers = act(obs, np.array(rows))
    alone = [
        net.act(thetas[row].to(torch.float32))(x[None])[0] for row, x in zip(rows, obs, strict=True)
    ]
    assert answers.dtype == np.float32
    assert answers == pytest.approx(np.stack(alone), rel=1e-5, abs=1e-5)
    assert np.array_equal(act(obs, np.array(rows)), answers)
    assert np.array_equal(obs, before)


@every_kind
@every_policy
def test_jvp_is_that_of_torch(name: str, kind: str) -> None:
    found = problem(name)
    net, obs, v = made(name, kind), found.samples.obs, random(len(found.theta))
    ours = net.linearise(found.theta, obs).jvp(v)
    _, theirs = torch.autograd.functional.jvp(found.forward, found.theta, v)
    assert torch.allclose(ours, theirs, atol=1e-13)
    ahead, behind = (net.at(found.theta + h * v)(obs) for h in (1e-5, -1e-5))
    assert torch.allclose(ours, (ahead - behind) / 2e-5, atol=1e-7)


@every_kind
@every_policy
def test_vjp_is_that_of_torch(name: str, kind: str) -> None:
    found = problem(name)
    _, pull = torch.func.vjp(found.forward, found.theta)
    u = random(*found.samples.old.shape)
    ours = made(name, kind).linearise(found.theta, found.samples.obs).vjp(u)
    assert torch.allclose(ours, pull(u)[0], atol=1e-12)


@every_kind
@every_policy
def test_normal_product_is_that_of_the_dense_jacobian(name: str, kind: str) -> None:
    found = problem(name)
    net, obs = made(name, kind), found.samples.obs
    jacobian = torch.autograd.functional.jacobian(found.forward, found.theta)  # (B, M, P)
    weight, v = random(*found.samples.old.shape, jacobian.shape[1]), random(net.size, seed=4)
    expected = torch.einsum("bmp,bmn,bnq,q->p", jacobian, weight, jacobian, v)
    ours = net.linearise(found.theta, obs).normal(weight, v)
    assert torch.allclose(ours, expected, atol=1e-11)


@every_kind
@pytest.mark.parametrize("name", ["mlp", "mlp without hidden bias"])
def test_batches_of_several_chunks_are_whole_and_the_same_in_any_thread(
    name: str, kind: str
) -> None:
    found = problem(name, states=2 * CHUNK + 7)
    net, obs = made(name, kind), found.samples.obs
    v, u = random(net.size), random(*found.samples.old.shape, seed=4)
    weight = random(*u.shape, u.shape[1], seed=5)
    _, pushed = torch.autograd.functional.jvp(found.forward, found.theta, v)
    _, pull = torch.func.vjp(found.forward, found.theta)
    image = torch.einsum("bmn,bn->bm", weight, pushed)
    expected = (found.forward(found.theta), pushed, pull(u)[0], pull(image)[0])

    def products(pmap: Map) -> tuple[Tensor, ...]:
        at = net.linearise(found.theta, obs, pmap)
        return at.output, at.jvp(v), at.vjp(u), at.normal(weight, v)

    with threads(3) as pmap:
        alone, beside = products(map), products(pmap)
        assert torch.equal(outputs(net, found.theta, obs, pmap), alone[0])
    assert all(map(torch.equal, alone, beside))
    for ours, theirs in zip(alone, expected, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-9)


def test_output_can_be_differentiated_where_theta_asks_for_it() -> None:
    found, u = problem("mlp"), random(*problem("mlp").samples.old.shape)
    net, leaf = found.policy.network, found.theta.clone().requires_grad_()
    (slope,) = torch.autograd.grad(net.at(leaf)(found.samples.obs), leaf, u)
    assert torch.allclose(net.linearise(found.theta, found.samples.obs).vjp(u), slope, atol=1e-12)


def test_free_parameters_are_outputs_of_any_network() -> None:
    found, layers = problem("mlp"), mlp([3, 5, 4, 2])
    plain = network(layers.init, layers.at)
    ours, theirs = (with_free_parameters(net, 2, -0.5) for net in (layers, plain))
    twice = with_free_parameters(with_free_parameters(plain, 1, -0.5), 1, -0.5)
    v, u = random(ours.size), random(30, 4)
    weight = random(30, 4, 4, seed=4)
    first = ours.linearise(found.theta, found.samples.obs)
    for other in (theirs, twice):
        assert torch.equal(
            other.init(np.random.default_rng(0)), ours.init(np.random.default_rng(0))
        )
        at = other.linearise(found.theta, found.samples.obs)
        assert torch.allclose(at.output, first.output, atol=1e-14)
        assert torch.allclose(at.jvp(v), first.jvp(v), atol=1e-12)
        assert torch.allclose(at.vjp(u), first.vjp(u), atol=1e-12)
        assert torch.allclose(at.normal(weight, v), first.normal(weight, v), atol=1e-11)


@every_kind
@every_policy
def test_thinned_linearisation_is_that_of_every_kth_input(name: str, kind: str) -> None:
    found = problem(name)
    net, obs = made(name, kind), found.samples.obs
    thinned = net.linearise(found.theta, obs).thin(4)
    direct = net.linearise(found.theta, obs[::4])
    v, u = random(len(found.theta)), random(*direct.output.shape)
    assert torch.allclose(thinned.output, direct.output, atol=1e-14)
    assert torch.allclose(thinned.jvp(v), direct.jvp(v), atol=1e-14)
    assert torch.allclose(thinned.vjp(u), direct.vjp(u), atol=1e-14)


@every_kind
@every_policy
def test_products_change_none_of_their_inputs_and_repeat(name: str, kind: str) -> None:
    found = problem(name)
    theta, obs = found.theta, found.samples.obs
    v, u = random(len(theta)), random(*found.samples.old.shape)
    before = [x.clone() for x in (theta, obs, v, u)]
    at = made(name, kind).linearise(theta, obs)
    output, first = at.output.clone(), (at.jvp(v), at.vjp(u))
    again = (at.jvp(v), at.vjp(u))
    made(name, kind).at(theta)(obs)
    made(name, kind).act(theta)(obs.numpy())
    assert all(torch.equal(x, y) for x, y in zip((theta, obs, v, u), before, strict=True))
    assert all(torch.equal(x, y) for x, y in zip(first, again, strict=True))
    assert torch.equal(at.output, output)


@every_policy
def test_a_derived_network_says_what_the_one_written_out_says(name: str) -> None:
    found = problem(name)
    written, derived = made(name, "written"), made(name, "derived")
    assert derived.size == written.size
    rng = np.random.default_rng
    assert torch.equal(derived.init(rng(0)), written.init(rng(0)))
    obs, v = found.samples.obs, random(written.size)
    ours, theirs = (net.linearise(found.theta, obs) for net in (written, derived))
    u = random(*ours.output.shape)
    assert not theirs.output.requires_grad
    assert torch.allclose(ours.output, theirs.output, atol=1e-14)
    assert torch.allclose(ours.jvp(v), theirs.jvp(v), atol=1e-12)
    assert torch.allclose(ours.vjp(u), theirs.vjp(u), atol=1e-12)


def test_derived_products_are_the_same_in_any_thread() -> None:
    found, net = problem("mlp"), made("mlp", "derived")
    at, vs = net.linearise(found.theta, found.samples.obs), random(20, net.size)
    with ThreadPoolExecutor(4) as pool:
        for alone, beside in zip(map(at.jvp, vs), pool.map(at.jvp, vs), strict=True):
            assert torch.equal(alone, beside)


def test_a_policy_by_a_derived_network_is_updated_as_by_its_own() -> None:
    found = problem("mlp")
    policies = (found.policy, found.policy._replace(network=made("mlp", "derived")))
    thetas = [update(p, trpo(), found.samples, found.theta, 0.01).theta for p in policies]
    assert torch.allclose(*thetas, atol=1e-10)
    assert not torch.equal(thetas[1], found.theta)


@given(
    layers=st.lists(st.integers(1, 4), min_size=2, max_size=4),
    bias=st.booleans(),
    seed=st.integers(0, 99),
)
def test_vjp_is_the_adjoint_of_jvp_for_any_layers(layers: list[int], bias: bool, seed: int) -> None:
    network = mlp(layers, hidden_bias=bias)
    at = network.linearise(random(network.size, seed=seed), random(7, layers[0], seed=seed + 1))
    v, u = random(network.size, seed=seed + 2), random(7, layers[-1], seed=seed + 3)
    assert float((at.jvp(v) * u).sum()) == pytest.approx(float(at.vjp(u).dot(v)), abs=1e-10)


def test_paper_policies_have_the_papers_number_of_parameters() -> None:
    cartpole = Space((4,), Box(-np.ones(1), np.ones(1)), 1000)
    swimmer = Space((10,), Box(-np.ones(2), np.ones(2)), 1000)
    assert linear_gaussian(cartpole).network.size == 6  # §8.1
    assert gaussian_mlp(swimmer, hidden=(30,), hidden_bias=False).network.size == 364  # Table 2


PUSHED = oracles.FRAMES._replace(actions=oracles.CONTINUOUS.actions)
TINY = oracles.FRAMES._replace(obs=(4, 9, 40))


@pytest.mark.parametrize(
    ("make", "space", "why"),
    [
        (gaussian_mlp, oracles.DISCRETE, "it does not fit discrete actions"),
        (linear_gaussian, oracles.DISCRETE, "it does not fit discrete actions"),
        (categorical_mlp, oracles.CONTINUOUS, "it does not fit continuous actions"),
        (gaussian_mlp, oracles.FACTORED, "it does not fit factored actions"),
        (gaussian_mlp, oracles.CONTINUOUS._replace(obs=(8, 8)), "it needs vector observations"),
        (categorical_mlp, oracles.DISCRETE._replace(obs=()), "it needs vector observations"),
        (categorical_mlp, oracles.FRAMES, r"it needs vector observations, not shape \(4, 52, 40\)"),
        (categorical_cnn, oracles.FACTORED, r"it reads frames, not vectors of shape \(3,\)"),
        (categorical_cnn, PUSHED, "it does not fit continuous actions"),
        (categorical_cnn, TINY, "frames of 9 × 40 are too small for 2 convolutions"),
    ],
)
def test_a_policy_that_does_not_fit_the_task_is_refused(
    make: Callable[[Space], Policy], space: Space, why: str
) -> None:
    with pytest.raises(UnfitError, match=why):
        make(space)


def test_init_has_orthogonal_layers_zero_biases_and_the_given_log_std() -> None:
    network = with_free_parameters(mlp([6, 4, 3], last_gain=0.01), 3, -0.5)
    theta = network.init(np.random.default_rng(0))
    assert theta.dtype == torch.float32
    assert len(theta) == network.size
    w, b, last, last_b, free = theta.split([24, 4, 12, 3, 3])
    assert torch.allclose(w.view(4, 6) @ w.view(4, 6).T, 2 * torch.eye(4), atol=1e-6)
    assert torch.allclose(last.view(3, 4) @ last.view(3, 4).T, 1e-4 * torch.eye(3), atol=1e-10)
    assert not b.any()
    assert not last_b.any()
    assert free.tolist() == [-0.5] * 3
    assert torch.equal(theta, network.init(np.random.default_rng(0)))
    assert not torch.equal(theta, network.init(np.random.default_rng(1)))


@pytest.mark.parametrize("shape", [(5, 2), (2, 5), (3, 3)])
def test_orthogonal_matrices_favour_no_direction(shape: tuple[int, int]) -> None:
    rng, count = np.random.default_rng(0), 2000
    drawn = np.stack([orthogonal(rng, shape, sqrt(2.0)) for _ in range(count)])
    variance = 2 / max(shape)  # of each entry: every unit direction is as likely as any other
    assert abs(drawn.mean(0)).max() < 4 * sqrt(variance / count)
    assert drawn.var(0) == pytest.approx(np.full(shape, variance), rel=0.15)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_fast_tanh_keeps_what_is_not_a_number_and_bends_infinity(kind: type[np.floating]) -> None:
    x = np.array([[np.nan, np.inf, -np.inf, 0.0]] * 9, kind)
    tanh_(x, np.zeros(4, kind))
    assert x == pytest.approx(np.array([[np.nan, 1, -1, 0]] * 9), abs=3e-7, nan_ok=True)


@given(st.floats(-1e4, 1e4, width=32))
def test_fast_tanh_is_tanh(x: float) -> None:
    single, double = np.array([[x]], np.float32), np.array([[x]])
    tanh_(single, np.zeros(1, np.float32))
    tanh_(double, np.zeros(1))
    assert single.item() == pytest.approx(np.tanh(x), abs=3e-7)
    assert double.item() == pytest.approx(np.tanh(x), abs=4e-16)


@pytest.mark.parametrize(
    "change", [{"hidden": (4,)}, {"hidden_bias": False}, {"log_std": -1.0}, {"last_gain": 1.0}]
)
def test_every_setting_of_a_policy_changes_it(change: dict[str, object]) -> None:
    plain = gaussian_mlp(oracles.CONTINUOUS, hidden=(5,))
    changed = gaussian_mlp(oracles.CONTINUOUS, **{"hidden": (5,), **change})
    first, second = (p.network.init(np.random.default_rng(0)) for p in (plain, changed))
    assert first.shape != second.shape or not torch.equal(first, second)
