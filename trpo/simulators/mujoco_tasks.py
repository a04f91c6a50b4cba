"""The five MuJoCo tasks of the fast path, as data; names and defaults are Gymnasium v5's.

All have the form r = w (x' - x) / dt + h [healthy'] - c |u|^2 with x the first coordinate (or that
of another point of the first body), u the action, and `healthy` an open box in the state (qpos,
qvel). They differ only in these numbers:

    task              model               w  c     h  left out  velocities seen  healthy box
    InvertedPendulum  inverted_pendulum   0  0     1  0         all              |angle| <= 0.2
    Swimmer           swimmer             1  1e-4  0  2         all              everything
    Hopper            hopper              1  1e-3  1  1         within +-10      z, angle, the rest
    Walker2d          walker2d_v5         1  1e-3  1  1         within +-10      z, angle
    HalfCheetah       half_cheetah        1  0.1   0  1         all              everything
"""

from dataclasses import dataclass
from math import inf, nextafter

from trpo.parameters import Count, NonNegative, check

Range = tuple[float, float]


@dataclass(frozen=True)
class Task:
    """One task's numbers.

    `healthy` holds (first, last, low, high): entries [first, last) of (qpos, qvel) must lie
    strictly between low and high; `last` None means up to the end.
    """

    model: str  # the XML's name among Gymnasium's own assets
    frame_skip: Count  # engine steps a step
    horizon: Count  # time limit of an episode, in steps
    reset_noise_scale: NonNegative  # half width of the uniform noise around the model's rest pose
    normal_velocity_noise: bool = False  # initial velocities normal instead of uniform
    forward_reward_weight: float = 0.0  # w
    forward_point: float = 0.0  # m along the first body, turned by the third coordinate: where x is
    ctrl_cost_weight: float = 0.0  # c
    healthy_reward: float = 0.0  # h
    terminate_when_unhealthy: bool = False
    healthy: tuple[tuple[int, int | None, float, float], ...] = ()
    left_out: int = 0  # leading coordinates that are not observed
    velocity_clip: float = inf  # observed velocities are clipped to +- this

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that describe no task."""
        check(Task, vars(self))
        for _, _, low, high in self.healthy:
            if not low < high:
                raise ValueError(f"healthy ranges must rise, not go from {low} to {high}")


def inverted_pendulum(
    frame_skip: Count = 2, reset_noise_scale: NonNegative = 0.01, horizon: Count = 1000
) -> Task:
    """InvertedPendulum-v5: +1 a step until the pole leans by more than 0.2 rad."""
    lean = nextafter(0.2, inf)  # Gymnasium ends at |angle| > 0.2, our box is open
    return Task(
        model="inverted_pendulum",
        frame_skip=frame_skip,
        horizon=horizon,
        reset_noise_scale=reset_noise_scale,
        healthy_reward=1.0,
        terminate_when_unhealthy=True,
        healthy=((0, None, -inf, inf), (1, 2, -lean, lean)),
    )


def swimmer(
    frame_skip: Count = 4,
    forward_reward_weight: float = 1.0,
    forward_point: float = 0.0,
    ctrl_cost_weight: float = 1e-4,
    reset_noise_scale: NonNegative = 0.1,
    exclude_current_positions_from_observation: bool = True,
    horizon: Count = 1000,
) -> Task:
    """Swimmer-v5; never terminates. Observing the positions gives the paper's 10 dimensions.

    Gymnasium rewards the speed of the joints' origin, half a link behind the torso. With
    `forward_point` 1.0 m it is that of the torso's centre of mass.
    """
    return Task(
        model="swimmer",
        frame_skip=frame_skip,
        horizon=horizon,
        reset_noise_scale=reset_noise_scale,
        forward_reward_weight=forward_reward_weight,
        forward_point=forward_point,
        ctrl_cost_weight=ctrl_cost_weight,
        left_out=2 * exclude_current_positions_from_observation,
    )


def hopper(  # noqa: PLR0913 (the options of Gymnasium's task)
    frame_skip: Count = 4,
    forward_reward_weight: float = 1.0,
    ctrl_cost_weight: float = 1e-3,
    healthy_reward: float = 1.0,
    terminate_when_unhealthy: bool = True,
    healthy_state_range: Range = (-100.0, 100.0),
    healthy_z_range: Range = (0.7, inf),
    healthy_angle_range: Range = (-0.2, 0.2),
    reset_noise_scale: NonNegative = 5e-3,
    exclude_current_positions_from_observation: bool = True,
    horizon: Count = 1000,
) -> Task:
    """Hopper-v5. Observing the position gives the paper's 12 dimensions."""
    return Task(
        model="hopper",
        frame_skip=frame_skip,
        horizon=horizon,
        reset_noise_scale=reset_noise_scale,
        forward_reward_weight=forward_reward_weight,
        ctrl_cost_weight=ctrl_cost_weight,
        healthy_reward=healthy_reward,
        terminate_when_unhealthy=terminate_when_unhealthy,
        healthy=(
            (1, 2, *healthy_z_range),
            (2, 3, *healthy_angle_range),
            (2, None, *healthy_state_range),
        ),
        left_out=int(exclude_current_positions_from_observation),
        velocity_clip=10.0,
    )


def walker2d(  # noqa: PLR0913 (the options of Gymnasium's task)
    frame_skip: Count = 4,
    forward_reward_weight: float = 1.0,
    ctrl_cost_weight: float = 1e-3,
    healthy_reward: float = 1.0,
    terminate_when_unhealthy: bool = True,
    healthy_z_range: Range = (0.8, 2.0),
    healthy_angle_range: Range = (-1.0, 1.0),
    reset_noise_scale: NonNegative = 5e-3,
    exclude_current_positions_from_observation: bool = True,
    horizon: Count = 1000,
) -> Task:
    """Walker2d-v5. Observing the position gives the paper's 18 dimensions."""
    return Task(
        model="walker2d_v5",
        frame_skip=frame_skip,
        horizon=horizon,
        reset_noise_scale=reset_noise_scale,
        forward_reward_weight=forward_reward_weight,
        ctrl_cost_weight=ctrl_cost_weight,
        healthy_reward=healthy_reward,
        terminate_when_unhealthy=terminate_when_unhealthy,
        healthy=((1, 2, *healthy_z_range), (2, 3, *healthy_angle_range)),
        left_out=int(exclude_current_positions_from_observation),
        velocity_clip=10.0,
    )


def half_cheetah(
    frame_skip: Count = 5,
    forward_reward_weight: float = 1.0,
    ctrl_cost_weight: float = 0.1,
    reset_noise_scale: NonNegative = 0.1,
    exclude_current_positions_from_observation: bool = True,
    horizon: Count = 1000,
) -> Task:
    """HalfCheetah-v5; never terminates."""
    return Task(
        model="half_cheetah",
        frame_skip=frame_skip,
        horizon=horizon,
        reset_noise_scale=reset_noise_scale,
        normal_velocity_noise=True,
        forward_reward_weight=forward_reward_weight,
        ctrl_cost_weight=ctrl_cost_weight,
        left_out=int(exclude_current_positions_from_observation),
    )
