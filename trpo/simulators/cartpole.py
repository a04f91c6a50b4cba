"""The paper's cart-pole: Barto, Sutton and Anderson (1983) with a continuous force.

The paper gives neither the reward nor the time step. These defaults give what its Figure 4 shows,
about 0.14 a step (14 of 1,000 steps) before training and 10 at the end: the physical constants,
friction included, are Barto's; the reward, the limits, the start and the time step are those of
rllab's task by the same group. Barto's dt of 0.02 s would let an untrained policy last 35 steps.
"""

from dataclasses import dataclass

import numpy as np

from trpo.parameters import Count, Positive, check
from trpo.simulators.protocol import Box, Space, Step
from trpo.simulators.rows import ArrayRows
from trpo.types import Array

SPEED_SCALE = 4.0  # m/s and rad/s: rllab's scale of both speeds, used for the start only


@dataclass(frozen=True)
class CartPole:
    """The task's constants, in SI units."""

    gravity: float = 9.8  # m/s^2
    cart_mass: Positive = 1.0  # kg
    pole_mass: Positive = 0.1  # kg
    half_length: Positive = 0.5  # m, from the hinge to the pole's centre
    cart_friction: float = 5e-4  # N, of the cart on the track
    pole_friction: float = 2e-6  # N m s, of the pole on the cart
    max_force: Positive = 10.0  # N; actions are clipped to +- this
    dt: Positive = 0.05  # s a step, the force held
    max_position: float = 2.4  # m; the episode ends beyond
    max_angle: float = 0.2  # rad; the episode ends beyond
    start: float = 0.05  # initial states are uniform within this fraction of the limits
    alive_reward: float = 10.0
    ctrl_cost_weight: float = 1e-5  # 1/N^2
    horizon: Count = 1000

    def __post_init__(self) -> None:
        """Raise ParameterError for constants that describe no task."""
        check(CartPole, vars(self))


def accelerations(task: CartPole, state: Array, force: Array) -> tuple[Array, Array]:
    """Barto et al. (1983), Appendix: x'' (n,), theta'' (n,) from state (4, n) and force (n,)."""
    _, v, angle, spin = state
    sin, cos = np.sin(angle), np.cos(angle)
    mass, lever = task.cart_mass + task.pole_mass, task.pole_mass * task.half_length
    push = (force + lever * spin**2 * sin - task.cart_friction * np.sign(v)) / mass
    torque = task.gravity * sin - cos * push - task.pole_friction * spin / lever
    inertia = task.half_length * (4 / 3 - task.pole_mass * cos**2 / mass)
    turn = torque / inertia
    return push - lever * turn * cos / mass, turn


def advance(task: CartPole, state: Array, force: Array) -> Array:
    """The state (4, n) one step later: classical Runge-Kutta (RK4) with the force held.

    Barto used Euler steps; at 0.05 s these would add energy, RK4 errs by 5e-5 at most.
    """

    def slope(at: Array) -> Array:
        push, turn = accelerations(task, at, force)
        return np.stack([at[1], push, at[3], turn])

    h = task.dt
    k1 = slope(state)
    k2 = slope(state + h / 2 * k1)
    k3 = slope(state + h / 2 * k2)
    k4 = slope(state + h * k3)
    after: Array = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return after


class CartPoleSimulator(ArrayRows):
    """N cart-poles. State and observation: position, velocity, angle, angular velocity.

    Reward: 10 - (1 - cos angle) - 1e-5 force^2 after the step, and 0 where the episode ends.
    """

    def __init__(self, task: CartPole, rows: int) -> None:
        """Place every row upright at rest (reset before use)."""
        limit = np.array([task.max_force])
        super().__init__(np.zeros(4), rows)
        self._task = task
        self.space = Space((4,), Box(-limit, limit), task.horizon)

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Uniform within a fraction of the limits, row after row."""
        task = self._task
        limits = np.array([task.max_position, SPEED_SCALE, task.max_angle, SPEED_SCALE])
        self._state[rows] = task.start * limits * rng.uniform(-1, 1, (len(rows), 4))
        self._elapsed[rows] = 0

    def observe(self, rows: Array) -> Array:
        """The states (n, 4) float64."""
        states: Array = self._state[rows]
        return states

    def step(self, actions: Array, rows: Array) -> Step:
        """Push the carts with forces (n, 1) in newtons for one time step."""
        task = self._task
        force = np.clip(np.asarray(actions, np.float64)[:, 0], -task.max_force, task.max_force)
        state = advance(task, np.ascontiguousarray(self._state[rows].T), force)
        position, _, angle, _ = state
        inside = (np.abs(position) <= task.max_position) & (np.abs(angle) <= task.max_angle)
        reward = task.alive_reward - (1 - np.cos(angle)) - task.ctrl_cost_weight * force**2
        self._state[rows] = state.T
        self._elapsed[rows] += 1
        late = self._elapsed[rows] >= task.horizon
        failed = np.zeros_like(inside)
        return Step(np.where(inside, reward, 0.0), ~inside, late & inside, failed)
