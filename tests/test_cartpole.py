"""The paper's cart-pole against hand-worked numbers and an independent integration."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from trpo.parameters import ParameterError
from trpo.simulators.cartpole import CartPole, CartPoleSimulator, accelerations, advance
from trpo.simulators.protocol import Step
from trpo.types import Array

SMOOTH = CartPole(cart_friction=0.0, pole_friction=0.0)


def column(*state: float) -> Array:
    return np.array(state)[:, None]


def one_step(state: tuple[float, ...], force: float, task: CartPole) -> tuple[Array, Step]:
    """The state (4,) after one step from a state, and the step."""
    row = np.array([0])
    with CartPoleSimulator(task, 1) as simulator:
        simulator.load(row, [(np.array(state), 0)])
        step = simulator.step(np.array([[force]]), row)
        return simulator.observe(row)[0], step


def lagrange(task: CartPole, state: Array, force: float) -> Array:
    """The slope of a state (4,) from the 2 x 2 mass matrix, not from Barto's elimination."""
    _, v, angle, spin = state
    lever = task.pole_mass * task.half_length
    couple = lever * np.cos(angle)
    mass = [
        [task.cart_mass + task.pole_mass, couple],
        [couple, 4 / 3 * lever * task.half_length],
    ]
    push = force + lever * spin**2 * np.sin(angle) - task.cart_friction * np.sign(v)
    torque = lever * task.gravity * np.sin(angle) - task.pole_friction * spin
    cart, pole = np.linalg.solve(mass, [push, torque])
    return np.array([v, cart, spin, pole])


def energy(task: CartPole, state: Array) -> Array:
    """Kinetic and potential energy (n,) of states (4, n), in joules."""
    _, v, angle, spin = state
    m, length = task.pole_mass, task.half_length
    cart = 0.5 * (task.cart_mass + m) * v**2
    pole = m * length * np.cos(angle) * v * spin + 2 / 3 * m * length**2 * spin**2
    return cart + pole + m * task.gravity * length * np.cos(angle)


def test_accelerations_of_a_pushed_upright_pole_worked_by_hand() -> None:
    cart, pole = accelerations(SMOOTH, column(0, 0, 0, 0), np.array([1.1]))
    np.testing.assert_allclose(pole, -66 / 41, rtol=1e-14)  # -1 / (1/2 (4/3 - 1/11))
    np.testing.assert_allclose(cart, 44 / 41, rtol=1e-14)  # 1 + (1/22) (66/41)


def test_accelerations_of_a_level_turning_pole_with_friction_worked_by_hand() -> None:
    cart, pole = accelerations(CartPole(), column(0, 1, np.pi / 2, 2), np.array([0.0]))
    np.testing.assert_allclose(pole, (9.8 - 8e-5) * 1.5, rtol=1e-14)
    np.testing.assert_allclose(cart, (0.2 - 0.0005) / 1.1, rtol=1e-14)


def test_a_push_of_one_step_moves_the_cart_as_worked_by_hand() -> None:
    # A pole too light to matter: x'' = 2 m/s^2, so v = 0.1 m/s and x = 2.5 mm after 0.05 s.
    light = CartPole(pole_mass=1e-12, cart_friction=0.0, pole_friction=0.0)
    state, _ = one_step((0, 0, 0, 0), 2.0, light)
    np.testing.assert_allclose(state[:2], [0.0025, 0.1], rtol=1e-9)


@pytest.mark.parametrize(
    ("task", "error"),
    [
        (CartPole(), 5e-5),
        (CartPole(dt=0.01), 1e-8),
        (CartPole(pole_mass=0.4, cart_mass=0.7, half_length=0.8, gravity=3.7, dt=0.01), 1e-8),
        (CartPole(cart_friction=0.5, pole_friction=0.01, dt=0.01), 1e-8),
    ],
)
def test_a_step_agrees_with_an_independent_integration(task: CartPole, error: float) -> None:
    rng = np.random.default_rng(0)
    for _ in range(20):
        state = rng.uniform([-2, 0.9, -0.2, -2], [2, 2, 0.2, 2])  # the cart does not turn round
        force = rng.uniform(-10, 10)
        exact = solve_ivp(
            lambda _, y, force=force: lagrange(task, y, force),
            (0, task.dt),
            state,
            method="DOP853",
            rtol=1e-12,
            atol=1e-12,
        )
        ours = advance(task, state[:, None], np.array([force]))[:, 0]
        np.testing.assert_allclose(ours, exact.y[:, -1], rtol=0, atol=error)


def test_energy_is_kept_without_friction_and_force() -> None:
    state = np.random.default_rng(1).uniform(-1, 1, (4, 50))
    began = energy(SMOOTH, state)
    for _ in range(40):
        state = advance(SMOOTH, state, np.zeros(50))
    np.testing.assert_allclose(energy(SMOOTH, state), began, rtol=1e-3, atol=1e-3)


def test_friction_loses_energy() -> None:
    state = column(0, 1, 0.1, 0.5)
    task = CartPole(cart_friction=0.05, pole_friction=0.005)
    began = energy(task, state)
    for _ in range(20):
        state = advance(task, state, np.zeros(1))
    assert energy(task, state) < began - 1e-2


def test_reward_is_ten_less_the_lean_and_the_squared_force() -> None:
    state, step = one_step((0.1, 0.2, 0.05, -0.1), 3.0, CartPole())
    expected = 10 - (1 - np.cos(state[2])) - 1e-5 * 9
    np.testing.assert_allclose(step.reward, [expected], rtol=1e-14)
    assert not step.terminal[0]


@pytest.mark.parametrize(
    "state",
    [(2.39, 4, 0, 0), (-2.39, -4, 0, 0), (0, 0, 0.19, 2), (0, 0, -0.19, -2)],
)
def test_leaving_the_limits_ends_the_episode_without_reward(state: tuple[float, ...]) -> None:
    _, step = one_step(state, 0.0, CartPole(horizon=1))
    assert step.terminal[0]
    assert not step.truncated[0]
    assert step.reward[0] == 0


def test_forces_beyond_the_limit_are_clipped() -> None:
    strong, limit = (one_step((0, 0, 0, 0), force, CartPole()) for force in (99.0, 10.0))
    np.testing.assert_array_equal(strong[0], limit[0])
    assert strong[1].reward == limit[1].reward


def test_initial_states_are_uniform_within_a_twentieth_of_the_limits() -> None:
    rows = np.arange(20_000)
    with CartPoleSimulator(CartPole(), len(rows)) as simulator:
        simulator.reset(np.random.default_rng(0), rows)
        states = simulator.observe(rows)
    bound = 0.05 * np.array([2.4, 4, 0.2, 4])
    assert (np.abs(states) <= bound).all()
    deviation = bound / np.sqrt(3)
    np.testing.assert_array_less(np.abs(states.mean(0)), 3 * deviation / np.sqrt(len(rows)))
    np.testing.assert_allclose(states.std(0), deviation, rtol=0.02)


def test_untrained_noise_of_one_newton_scores_what_figure_4_shows_at_iteration_0() -> None:
    rows, rng = np.arange(1000), np.random.default_rng(0)
    alive, returns = np.ones(1000, bool), np.zeros(1000)
    with CartPoleSimulator(CartPole(), 1000) as simulator:
        simulator.reset(rng, rows)
        while alive.any():
            step = simulator.step(rng.standard_normal((1000, 1)), rows)
            returns += alive * step.reward
            alive &= ~step.terminal
    assert 0.13 < returns.mean() / 1000 < 0.15  # the paper's curves start at 0.14


def test_a_linear_policy_can_reach_the_ten_per_step_that_figure_4_shows_at_the_end() -> None:
    rows, returns = np.arange(20), np.zeros(20)
    gains = np.array([[1.0], [2.0], [30.0], [6.0]])
    with CartPoleSimulator(CartPole(), 20) as simulator:
        simulator.reset(np.random.default_rng(0), rows)
        for _ in range(1000):
            step = simulator.step(simulator.observe(rows) @ gains, rows)
            returns += step.reward
    assert step.truncated.all()
    assert (returns / 1000 > 9.99).all()


@pytest.mark.parametrize("name", ["cart_mass", "pole_mass", "half_length", "dt", "horizon"])
def test_impossible_constants_are_refused_by_name(name: str) -> None:
    with pytest.raises(ParameterError, match=rf"^{name} must be (positive|at least 1), not 0"):
        CartPole(**{name: 0})
