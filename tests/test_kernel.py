"""The compiled kernel piece by piece: network, sums in NumPy's order, reading of tables."""

from typing import Any

import mujoco
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mujoco_tasks import task_of

from trpo.moments import Filter
from trpo.policies import Policy, gaussian_mlp
from trpo.products import tanh_
from trpo.samplers.compiled import Compiled, net_of
from trpo.samplers.runner import Acting, Row, Until
from trpo.simulators import kernel
from trpo.simulators.mujoco import MujocoSimulator, load_model
from trpo.simulators.protocol import Box, Space
from trpo.simulators.tables import engine_of
from trpo.simulators.task import Reading, Sum, Task, Term
from trpo.types import Array, Tensor

SEEDS = st.integers(0, 2**32 - 1)
HIDDEN = st.lists(st.integers(1, 40), max_size=3)
ANT = load_model("ant")


def nothing_seen(size: int) -> Filter:
    """No filter."""
    return Filter(np.zeros(size, np.float32), np.ones(size, np.float32), 0.0)


def some_filter(rng: np.random.Generator, size: int) -> Filter:
    """A filter that clips some of what it sees."""
    mean, scale = rng.standard_normal((2, size)).astype(np.float32)
    return Filter(mean, np.exp(2 * scale), 1.5)


def some_theta(rng: np.random.Generator, policy: Policy, gain: float) -> Tensor:
    """Parameters of any size, with biases that are not zero."""
    return torch.from_numpy((gain * rng.standard_normal(policy.network.size)).astype(np.float32))


@given(
    seen=st.integers(1, 30),
    hidden=HIDDEN,
    actions=st.integers(1, 8),
    hidden_bias=st.booleans(),
    gain=st.sampled_from([0.01, 0.3, 3.0]),
    seed=SEEDS,
)
def test_the_network_is_torchs_whatever_its_layers(
    seen: int, hidden: list[int], actions: int, hidden_bias: bool, gain: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    space = Space((seen,), Box(-np.ones(actions), np.ones(actions)), 10)
    policy = gaussian_mlp(space, hidden=hidden, hidden_bias=hidden_bias)
    theta = some_theta(rng, policy, gain)
    assert policy.dense is not None
    net = net_of(policy.dense(theta.numpy()), nothing_seen(seen))
    x, d = rng.standard_normal((2, max(seen, 2 * actions))).astype(np.float32)
    net.now[:seen] = x[:seen]
    kernel.forward(net, d[: 2 * actions])
    exact = policy.network.at(theta.double())(torch.from_numpy(x[None, :seen]).double())[0]
    layers = max([seen, *hidden])
    bound = 1e-6 * (1 + gain * layers)  # a sum of so many products, each so large
    np.testing.assert_allclose(d[: 2 * actions], exact.numpy(), rtol=1e-6, atol=bound)
    np.testing.assert_array_equal(d[actions : 2 * actions], theta[-actions:].numpy())


@given(hidden=HIDDEN, hidden_bias=st.booleans(), filtered=st.booleans(), seed=SEEDS)
def test_what_a_row_does_is_what_torch_says_of_what_it_saw(
    hidden: list[int], hidden_bias: bool, filtered: bool, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    policy = gaussian_mlp(SWIMMER.space, hidden=hidden, hidden_bias=hidden_bias)
    theta = some_theta(rng, policy, 0.3)
    see = some_filter(rng, 8) if filtered else nothing_seen(8)
    row = Row(*np.random.SeedSequence(seed).spawn(2))
    (track,) = Compiled(SWIMMER, policy).run([row], Acting(theta, see), Until(6, 6))
    d = policy.network.at(theta)(torch.from_numpy(see(track.obs))).numpy()
    np.testing.assert_allclose(track.dist, d, rtol=1e-5, atol=1e-5)
    noise = np.random.default_rng(row.noise).standard_normal((6, 2), np.float32)
    sampled = policy.distribution.sample(track.dist, noise)
    np.testing.assert_allclose(track.actions, sampled, rtol=1e-6, atol=1e-6)


SWIMMER = MujocoSimulator(task_of("swimmer"), 1)


@given(st.lists(st.floats(width=32), min_size=1, max_size=50))
def test_tanh_is_within_4e_7_of_the_exact_one_and_keeps_what_is_not_a_number(
    given: list[float],
) -> None:
    x = np.array(given, np.float32)
    exact = np.tanh(x.astype(np.float64))
    tanh_(x[:, None], np.zeros(1, np.float32))
    np.testing.assert_allclose(x, exact, rtol=0, atol=4e-7)


def test_tanh_is_within_4e_7_of_the_exact_one_everywhere_and_odd() -> None:
    x = np.linspace(-12, 12, 1_000_001).astype(np.float32)
    x[0] = 4.9088197  # where it is furthest off
    found, mirrored = x.copy(), -x
    for each in (found, mirrored):
        tanh_(each[:, None], np.zeros(1, np.float32))
    np.testing.assert_allclose(found, np.tanh(x.astype(np.float64)), rtol=0, atol=4e-7)
    np.testing.assert_array_equal(mirrored, -found)
    assert np.abs(found).max() <= 1


@pytest.mark.parametrize("hidden", [(), (8,), (8, 8)])
@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_parameter_that_is_not_finite_is_not_hidden(
    hidden: tuple[int, ...], broken: float
) -> None:
    policy = gaussian_mlp(SWIMMER.space, hidden=hidden)
    theta = some_theta(np.random.default_rng(0), policy, 0.3)
    theta[-4] = broken  # a bias of the last layer
    row = Row(*np.random.SeedSequence(0).spawn(2))
    (track,) = Compiled(SWIMMER, policy).run([row], Acting(theta, nothing_seen(8)), Until(2, 2))
    assert not np.isfinite(track.dist[:, 0]).any()
    assert not np.isfinite(track.actions[:, 0]).any()
    theta[-4], theta[0] = 0.0, np.nan  # a weight of the first layer
    (track,) = Compiled(SWIMMER, policy).run([row], Acting(theta, nothing_seen(8)), Until(2, 2))
    assert np.isnan(track.dist[:, 0]).all()
    assert np.isnan(track.rewards).all()  # which costs the action


@pytest.mark.parametrize("length", range(1, 129))
def test_sums_are_numpys_to_the_last_bit(length: int) -> None:
    rng = np.random.default_rng(length)
    for x in rng.standard_normal((20, length)) * np.exp(5 * rng.standard_normal((20, length))):
        assert kernel.total(x.copy(), 0) == np.sum(x)
        assert kernel.total(x.copy(), 1) == np.sum(np.square(x))


@given(st.floats(-1e100, 1e100))
def test_a_single_number_is_squared_by_pow(x: float) -> None:
    assert kernel.total(np.array([x]), 2) == np.float64(x) ** 2


def test_pow_is_not_a_product_so_that_the_two_are_told_apart() -> None:
    x = np.random.default_rng(0).standard_normal(10_000)
    powers = [kernel.total(y[None].copy(), 2) for y in x]
    assert powers == [y**2 for y in x]
    products = [kernel.total(y[None].copy(), 1) for y in x]
    assert products == [y * y for y in x]


def test_the_sum_of_nothing_is_zero() -> None:
    assert kernel.total(np.empty(0), 0) == 0.0


BODIES = [name for i in range(1, ANT.nbody) if (name := ANT.body(i).name)]
NUMBERS = st.floats(-2.0, 2.0)
FLAT = st.sampled_from(["qpos", "qvel", "qfrc_actuator", "ctrl"])
ROWS = st.sampled_from(["xpos", "xipos", "cinert", "cvel", "cfrc_ext"])


@st.composite
def readings(draw: Any) -> Reading:
    """Readings of the ant, as tasks may write them."""
    first, count = draw(st.integers(0, 4)), draw(st.one_of(st.none(), st.integers(1, 4)))
    last = None if count is None else first + count
    every, low = draw(st.integers(1, 3)), draw(st.one_of(st.just(-np.inf), NUMBERS))
    high = draw(st.one_of(st.just(np.inf), st.floats(0.0, 2.0).map(lambda x: max(x, low))))
    common = {"turned": draw(st.integers(0, 2)), "low": low, "high": high}
    kind = draw(st.sampled_from(["flat", "rows", "body", "difference"]))
    if kind == "flat":
        return Reading(draw(FLAT), first, last, every, minus=draw(NUMBERS), **common)
    if kind == "rows":
        return Reading(draw(ROWS), first, last, every, but_world=draw(st.booleans()), **common)
    body, part = draw(st.sampled_from(BODIES)), slice(0, draw(st.integers(1, 3)))
    if kind == "body":
        return Reading("xpos", part.start, part.stop, body=body, minus=draw(NUMBERS), **common)
    return Reading("xpos", 0, part.stop, body=body, minus=draw(st.sampled_from(BODIES)), **common)


def expected(reading: Reading, data: Any) -> Array:
    """The same by NumPy."""
    array, part = getattr(data, reading.array), slice(reading.first, reading.last, reading.every)
    minus = reading.minus
    if isinstance(minus, str):
        minus = array[ANT.body(minus).id][part]
    if reading.body:
        array = array[ANT.body(reading.body).id]
    x = array[1 if reading.but_world else 0 :].ravel()[part]
    x = (x, np.sin(x), np.cos(x))[reading.turned] - minus
    return np.clip(x, reading.low, reading.high)


@given(st.lists(readings(), min_size=1, max_size=6), SEEDS)
def test_tables_read_what_numpy_does(seen: list[Reading], seed: int) -> None:
    still = task_of("ant").start
    reward = (Sum(1, (Term(Reading("one")),)),)
    now, data = engine_of(Task("ant", 1, 10, still, tuple(seen), reward), ANT)
    rng = np.random.default_rng(seed)
    data.qpos[:] += 0.1 * rng.standard_normal(ANT.nq)
    data.qvel[:] = rng.standard_normal(ANT.nv)
    data.ctrl[:] = rng.uniform(-1, 1, ANT.nu)
    mujoco.mj_step(ANT, data)
    mujoco.mj_rnePostConstraint(ANT, data)
    out = np.zeros(now.table.parts[0])
    kernel.read(now.table, 0, len(out), out)
    np.testing.assert_array_equal(out, np.concatenate([expected(one, data) for one in seen]))


def test_a_table_follows_the_engine_without_being_made_again() -> None:
    task = task_of("ant", exclude_current_positions_from_observation=False)
    now, data = engine_of(task, ANT)
    out = np.zeros(now.table.parts[0])
    for x in (0.5, -1.5):
        data.qpos[0] = x
        kernel.read(now.table, 0, len(out), out)
        assert out[0] == x


@pytest.mark.parametrize(
    ("z", "well"), [(0.2, True), (1.0, True), (0.19, False), (1.01, False), (np.nan, False)]
)
def test_health_includes_the_ants_bounds_and_excludes_what_is_not_finite(
    z: float, well: bool
) -> None:
    now, data = engine_of(task_of("ant"), ANT)
    data.qpos[2] = z
    assert kernel.healthy(now.table) == well
    data.qpos[2], data.qvel[-1] = 0.5, np.inf if well else np.nan
    assert not kernel.healthy(now.table)


def test_only_the_network_may_change_the_order_of_operations() -> None:
    options = {name: f.targetoptions for name, f in vars(kernel).items() if hasattr(f, "py_func")}
    contracted = {name for name, given in options.items() if given["fastmath"]}
    assert contracted == {"tanh", "forward"}
    assert all("nnan" not in options[name]["fastmath"] for name in contracted)
    assert {"reward", "healthy", "step", "run", "total"} <= set(options)
