"""Gymnasium's MuJoCo tasks of moving forward; names and defaults are its v5's."""

from math import inf

from trpo.parameters import Count, NonNegative, checked
from trpo.simulators.starts import near_rest
from trpo.simulators.task import (
    ANGLE,
    HEIGHT,
    Point,
    Range,
    Reading,
    Task,
    Term,
    between,
    effort,
    forward,
    inside,
    of_bodies,
    speed,
    state,
    well,
)


@checked
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
    along = (Reading("qpos", last=1), ANGLE._replace(turned=2))
    return Task(
        model="swimmer",
        frame_skip=frame_skip,
        horizon=horizon,
        start=near_rest(reset_noise_scale),
        seen=state(2 * exclude_current_positions_from_observation),
        reward=forward(speed(forward_reward_weight, frame_skip), effort(ctrl_cost_weight)),
        point=Point(along, lambda model: [1.0, forward_point]),
    )


@checked
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
        start=near_rest(reset_noise_scale),
        seen=state(int(exclude_current_positions_from_observation), 10.0),
        reward=forward(
            speed(forward_reward_weight, frame_skip),
            effort(ctrl_cost_weight),
            well=well(healthy_reward),
        ),
        healthy=(
            between(HEIGHT, healthy_z_range),
            between(ANGLE, healthy_angle_range),
            between(Reading("qpos", 2), healthy_state_range),
            between(Reading("qvel"), healthy_state_range),
        ),
        terminate_when_unhealthy=terminate_when_unhealthy,
    )


@checked
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
        start=near_rest(reset_noise_scale),
        seen=state(int(exclude_current_positions_from_observation), 10.0),
        reward=forward(
            speed(forward_reward_weight, frame_skip),
            effort(ctrl_cost_weight),
            well=well(healthy_reward),
        ),
        healthy=(between(HEIGHT, healthy_z_range), between(ANGLE, healthy_angle_range)),
        terminate_when_unhealthy=terminate_when_unhealthy,
    )


@checked
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
        start=near_rest(reset_noise_scale, normal_velocities=True),
        seen=state(int(exclude_current_positions_from_observation)),
        reward=forward(speed(forward_reward_weight, frame_skip), effort(ctrl_cost_weight)),
    )


@checked
def ant(  # noqa: PLR0913 (the options of Gymnasium's task)
    frame_skip: Count = 5,
    forward_reward_weight: float = 1.0,
    ctrl_cost_weight: float = 0.5,
    contact_cost_weight: float = 5e-4,
    healthy_reward: float = 1.0,
    terminate_when_unhealthy: bool = True,
    healthy_z_range: Range = (0.2, 1.0),
    contact_force_range: Range = (-1.0, 1.0),
    reset_noise_scale: NonNegative = 0.1,
    exclude_current_positions_from_observation: bool = True,
    include_cfrc_ext_in_observation: bool = True,
    horizon: Count = 1000,
) -> Task:
    """Ant-v5. Its forces and the position of its torso are the engine's of the step before."""
    low, high = contact_force_range
    forces = Reading("cfrc_ext", low=low, high=high)
    seen = state(2 * exclude_current_positions_from_observation)
    if include_cfrc_ext_in_observation:
        seen += (of_bodies(forces),)
    return Task(
        model="ant",
        frame_skip=frame_skip,
        horizon=horizon,
        start=near_rest(reset_noise_scale, normal_velocities=True),
        seen=seen,
        reward=forward(
            speed(forward_reward_weight, frame_skip),
            effort(ctrl_cost_weight),
            Term(forces, contact_cost_weight, squared=1),
            well=well(healthy_reward),
        ),
        point=Point((Reading("xpos", last=1, body="torso"),)),
        healthy=(
            inside(Reading("qpos", 2, 3), healthy_z_range),
            between(Reading("qpos"), (-inf, inf)),
            between(Reading("qvel"), (-inf, inf)),
        ),
        terminate_when_unhealthy=terminate_when_unhealthy,
        contact_forces=True,
    )
