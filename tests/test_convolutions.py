"""The convolutional network against torch's own layers, differentiated by torch."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from math import prod

import numpy as np
import pytest
import torch
from bits import threads
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import conv2d

from trpo import chains
from trpo.convolutions import CHUNK, TILE, convolutional
from trpo.networks import Linearisation, Network, network, outputs, with_free_parameters
from trpo.observations import images
from trpo.parameters import UnfitError
from trpo.policies import Policy, categorical_cnn
from trpo.simulators.protocol import Choices, Space
from trpo.types import Batch, Map, Samples, Stacks, Tensor
from trpo.updates import trpo, update

ATARI, PAPER = (4, 52, 40), {"channels": (16, 16), "hidden": 20, "last_gain": 0.01}
SMALL = (3, 14, 16)
WEIGHTS = [(3, 4, 4, 3), (2, 4, 4, 3), (4, 2 * 2 * 2), (5, 4)]  # of the layers below
NET = convolutional(SMALL, 5, channels=(3, 2), hidden=4, last_gain=1.0)
LONG = 2 * CHUNK + 7  # three chunks


def reference(theta: Tensor) -> Callable[[Batch], Tensor]:
    """The small network by torch's own layers, reading theta from left to right."""
    ends = np.cumsum([0, *(k for shape in WEIGHTS for k in (prod(shape), shape[0]))])
    flat = [theta[start:end] for start, end in pairwise(ends)]
    w = [part.reshape(shape) for part, shape in zip(flat[::2], WEIGHTS, strict=True)]
    b = flat[1::2]

    def apply(x: Batch) -> Tensor:
        h = images(x).to(theta.dtype) / 255
        for i in range(2):
            h = torch.tanh(conv2d(h, w[i].permute(0, 3, 1, 2), b[i], stride=2))
        h = torch.tanh(h.permute(0, 2, 3, 1).flatten(1) @ w[2].T + b[2])
        return h @ w[3].T + b[3]

    return apply


DERIVED = network(NET.init, reference, chunk=CHUNK)


def random(*shape: int, seed: int = 3) -> Tensor:
    """Standard normal float64."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def film(count: int, shape: tuple[int, int, int] = SMALL, seed: int = 0) -> Stacks:
    """Stacks of random frames that share them, in no order."""
    rng, (depth, *size) = np.random.default_rng(seed), shape
    frames = rng.integers(0, 256, (count + 3, *size), dtype=np.uint8)
    at = rng.integers(0, count + 3, (count, depth)).astype(np.int32)
    return Stacks(torch.from_numpy(frames), torch.from_numpy(at))


THETA = 0.5 * random(NET.size, seed=1)


def products(at: Linearisation) -> tuple[Tensor, ...]:
    """The output, and what each product gives for some u, v and W."""
    count, width = at.output.shape
    kind = at.output.dtype
    v = random(len(at.vjp(torch.zeros_like(at.output)))).to(kind)
    u, weight = random(count, width, seed=4).to(kind), random(count, width, width, seed=5).to(kind)
    return at.output, at.jvp(v), at.vjp(u), at.normal(weight, v)


def test_the_papers_network_has_the_papers_number_of_parameters() -> None:
    net = convolutional(ATARI, 8, **PAPER)
    assert net.size == 1040 + 4112 + 28180 + 168 == 33_500  # Table 3
    policy = categorical_cnn(Space(ATARI, Choices((3, 3, 2)), 100))
    assert policy.network.size == 33_500


@pytest.mark.parametrize("states", [1, 9, LONG])
def test_output_is_that_of_torchs_layers(states: int) -> None:
    x = film(states)
    expected = reference(THETA)(x)
    assert torch.allclose(NET.at(THETA)(x), expected, atol=1e-13)
    assert torch.allclose(NET.linearise(THETA, x).output, expected, atol=1e-13)
    assert torch.allclose(outputs(NET, THETA, x, map), expected, atol=1e-13)
    single = THETA.float()
    acted = NET.act(single)(x.images().numpy())
    assert acted.dtype == np.float32
    assert acted == pytest.approx(expected.numpy(), abs=1e-5)


@pytest.mark.parametrize("states", [9, LONG])
def test_products_are_those_of_the_derived_network(states: int) -> None:
    x = film(states)
    ours, theirs = products(NET.linearise(THETA, x)), products(DERIVED.linearise(THETA, x))
    for own, other in zip(ours, theirs, strict=True):
        assert torch.allclose(own, other, atol=1e-10)


def test_jvp_agrees_with_finite_differences() -> None:
    x, v = film(9), random(NET.size)
    ahead, behind = (NET.at(THETA + h * v)(x) for h in (1e-5, -1e-5))
    assert torch.allclose(NET.linearise(THETA, x).jvp(v), (ahead - behind) / 2e-5, atol=1e-6)


def test_normal_product_is_that_of_the_dense_jacobian() -> None:
    x, v, weight = film(6), random(NET.size), random(6, 5, 5)
    jacobian = torch.autograd.functional.jacobian(lambda t: reference(t)(x), THETA)
    expected = torch.einsum("bmp,bmn,bnq,q->p", jacobian, weight, jacobian, v)
    assert torch.allclose(NET.linearise(THETA, x).normal(weight, v), expected, atol=1e-11)


@given(
    channels=st.lists(st.integers(1, 3), min_size=0, max_size=2),
    size=st.tuples(st.integers(1, 3), st.integers(10, 17), st.integers(10, 17)),
    seed=st.integers(0, 99),
)
def test_normal_and_vjp_are_what_jvp_says_for_any_layers(
    channels: list[int], size: tuple[int, int, int], seed: int
) -> None:
    net = convolutional(size, 2, channels=channels, hidden=3, last_gain=1.0)
    at = net.linearise(random(net.size, seed=seed), film(5, size, seed))
    v, u, weight = random(net.size), random(5, 2, seed=seed), random(5, 2, 2, seed=seed)
    assert float((at.jvp(v) * u).sum()) == pytest.approx(float(at.vjp(u).dot(v)), rel=1e-9)
    image = torch.einsum("bmn,bn->bm", weight, at.jvp(v))
    assert torch.allclose(at.normal(weight, v), at.vjp(image), atol=1e-10)


@pytest.fixture(scope="module")
def paper() -> Iterator[tuple[Network, Tensor, Stacks]]:
    """The paper's network, its first theta, and stacks in three chunks."""
    net = convolutional(ATARI, 8, **{**PAPER, "last_gain": 1.0})
    yield net, net.init(np.random.default_rng(0)), film(LONG, ATARI)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_products_are_the_same_bits_on_any_number_of_threads(
    paper: tuple[Network, Tensor, Stacks], count: int
) -> None:
    net, theta, x = paper

    def found(pmap: Map) -> tuple[Tensor, ...]:
        return (*products(net.linearise(theta, x, pmap)), outputs(net, theta, x, pmap))

    alone = found(map)
    with threads(count) as pmap:
        assert all(map(torch.equal, alone, found(pmap)))
    assert torch.equal(alone[0], alone[-1])


def test_stacks_and_images_give_the_same_bits(paper: tuple[Network, Tensor, Stacks]) -> None:
    net, theta, x = paper
    put, together = products(net.linearise(theta, x)), products(net.linearise(theta, x.images()))
    assert all(map(torch.equal, put, together))
    assert torch.equal(net.at(theta)(x[:9]), net.at(theta)(x.images()[:9]))


def test_layers_that_are_not_kept_are_the_same_bits(
    paper: tuple[Network, Tensor, Stacks], monkeypatch: pytest.MonkeyPatch
) -> None:
    net, theta, x = paper
    kept = products(net.linearise(theta, x))
    monkeypatch.setattr(chains, "HELD", LONG - 1)
    assert all(map(torch.equal, kept, products(net.linearise(theta, x))))


def test_an_image_is_answered_alike_at_any_place_of_a_tile_beside_any_other(
    paper: tuple[Network, Tensor, Stacks],
) -> None:
    net, theta, x = paper
    act, images = net.act(theta), x.images().numpy()
    assert net.tile == TILE
    rng = np.random.default_rng(0)
    for image in images[:3]:
        answers = []
        for place in range(TILE):
            tile = images[rng.choice(len(images), TILE)]
            tile[place] = image
            answers.append(act(tile)[place])
        assert all(np.array_equal(answers[0], answer) for answer in answers)


def test_networks_side_by_side_answer_as_each_alone() -> None:
    thetas, x = (THETA + random(4, NET.size)).numpy(), film(3).images().numpy()
    rows = np.array([2, 0, 2])
    answers = NET.act_each(thetas)(x, rows)
    for row, image, answer in zip(rows, x, answers, strict=True):
        alone = NET.act(torch.from_numpy(thetas[row]).float())(image[None])[0]
        assert np.array_equal(answer, alone)


def test_thinned_linearisation_is_that_of_every_kth_input() -> None:
    x = film(30)
    thin, direct = NET.linearise(THETA, x).thin(4), NET.linearise(THETA, x[::4])
    assert all(map(torch.equal, products(thin), products(direct)))


def test_products_change_none_of_their_inputs_and_repeat() -> None:
    x, theta = film(9), THETA.clone()
    at = NET.linearise(theta, x)
    first = [found.clone() for found in products(at)]
    assert all(map(torch.equal, first, products(at)))
    assert torch.equal(theta, THETA)
    assert torch.equal(x.frames, film(9).frames)
    assert torch.equal(x.at, film(9).at)


def test_output_can_be_differentiated_where_theta_asks_for_it() -> None:
    x, u, leaf = film(9), random(9, 5), THETA.clone().requires_grad_()
    (slope,) = torch.autograd.grad(NET.at(leaf)(x), leaf, u)
    assert torch.allclose(NET.linearise(THETA, x).vjp(u), slope, atol=1e-12)


def test_free_parameters_are_further_outputs() -> None:
    x, theta = film(LONG), torch.cat([THETA, random(2)])
    ours, theirs = (with_free_parameters(net, 2, 0.0) for net in (NET, DERIVED))
    assert (ours.chunk, ours.tile) == (NET.chunk, NET.tile)
    for own, other in zip(
        products(ours.linearise(theta, x)), products(theirs.linearise(theta, x)), strict=True
    ):
        assert torch.allclose(own, other, atol=1e-10)


def test_nothing_is_answered_for_nothing() -> None:
    assert NET.at(THETA)(film(3)[:0]).shape == (0, 5)
    assert outputs(NET, THETA, torch.zeros((0, *SMALL), dtype=torch.uint8), map).shape == (0, 5)


def test_init_has_orthogonal_layers_and_zero_biases() -> None:
    net = convolutional(ATARI, 8, **PAPER)
    theta = net.init(np.random.default_rng(0))
    assert theta.dtype == torch.float32
    w1, b1, w2, b2, w3, b3, w4, b4 = theta.split([1024, 16, 4096, 16, 28160, 20, 160, 8])
    for w, width in ((w1, 16), (w2, 16), (w3, 20)):
        w = w.view(width, -1)
        assert torch.allclose(w @ w.T, 2 * torch.eye(width), atol=1e-5)
    w4 = w4.view(8, 20)
    assert torch.allclose(w4 @ w4.T, 1e-4 * torch.eye(8), atol=1e-9)
    assert not torch.cat([b1, b2, b3, b4]).any()


@pytest.mark.parametrize(
    ("size", "channels"), [((4, 3, 40), (16,)), ((4, 52, 9), (16, 16)), ((4, 21, 40), (1, 1, 1))]
)
def test_frames_that_are_too_small_are_refused(
    size: tuple[int, int, int], channels: tuple[int, ...]
) -> None:
    with pytest.raises(UnfitError, match=f"{size[1]} × {size[2]} are too small"):
        convolutional(size, 8, channels=channels, hidden=20, last_gain=1.0)
    convolutional((size[0], 52, 40), 8, channels=channels, hidden=20, last_gain=1.0)


def samples(policy: Policy, theta: Tensor, x: Batch) -> Samples:
    """One tried action a state, drawn under theta, of random worth."""
    family, rng = policy.distribution, np.random.default_rng(2)
    old = outputs(policy.network, theta, x, map)
    drawn = family.sample(old.numpy(), family.noise(rng, len(x)))
    actions, count = torch.from_numpy(drawn)[:, None], len(x)
    log_q = family.log_prob(old[:, None], actions)
    return Samples(x, actions, random(count, 1).float(), log_q, old, torch.ones(count))


def test_an_update_on_stacks_is_that_on_images_and_gains() -> None:
    policy = categorical_cnn(Space(SMALL, Choices((3, 3, 2)), 100), channels=(3, 2), hidden=4)
    theta, x = policy.network.init(np.random.default_rng(0)), film(LONG)
    found = update(policy, trpo(), samples(policy, theta, x), theta, 0.01)
    same = update(policy, trpo(), samples(policy, theta, x.images()), theta, 0.01)
    assert torch.equal(found.theta, same.theta)
    assert found.info.accepted
    assert 0 < found.info.kl_mean <= 0.01
    assert found.info.surrogate_gain > 0
