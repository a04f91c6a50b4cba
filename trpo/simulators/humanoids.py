"""Gymnasium's humanoids, which see much of what the engine computes; as its v5 has them."""

from math import inf

from trpo.parameters import Count, NonNegative, checked
from trpo.simulators.starts import near_rest
from trpo.simulators.task import (
    Point,
    Range,
    Reading,
    Sum,
    Task,
    Term,
    between,
    effort,
    forward,
    of_bodies,
    speed,
    state,
    well,
)


@checked
def humanoid(  # noqa: PLR0913 (the options of Gymnasium's task)
    frame_skip: Count = 5,
    forward_reward_weight: float = 1.25,
    ctrl_cost_weight: float = 0.1,
    contact_cost_weight: float = 5e-7,
    contact_cost_range: Range = (-inf, 10.0),
    healthy_reward: float = 5.0,
    terminate_when_unhealthy: bool = True,
    healthy_z_range: Range = (1.0, 2.0),
    reset_noise_scale: NonNegative = 1e-2,
    exclude_current_positions_from_observation: bool = True,
    include_cinert_in_observation: bool = True,
    include_cvel_in_observation: bool = True,
    include_qfrc_actuator_in_observation: bool = True,
    include_cfrc_ext_in_observation: bool = True,
    horizon: Count = 1000,
) -> Task:
    """Humanoid-v5: the speed is that of the centre of mass."""
    low, high = contact_cost_range
    impact = Term(Reading("cfrc_ext"), contact_cost_weight, squared=1, low=low, high=high)
    masses = Reading("xipos", every=3)
    return Task(
        model="humanoid",
        frame_skip=frame_skip,
        horizon=horizon,
        start=near_rest(reset_noise_scale),
        seen=body_seen(
            exclude_current_positions_from_observation,
            include_cinert_in_observation,
            include_cvel_in_observation,
            include_qfrc_actuator_in_observation,
            include_cfrc_ext_in_observation,
        ),
        reward=forward(
            speed(forward_reward_weight, frame_skip),
            effort(ctrl_cost_weight),
            impact,
            well=well(healthy_reward),
        ),
        point=Point((masses,), lambda model: model.body_mass, mean=True),
        healthy=(between(Reading("qpos", 2, 3), healthy_z_range),),
        terminate_when_unhealthy=terminate_when_unhealthy,
        contact_forces=True,
    )


@checked
def humanoid_standup(  # noqa: PLR0913 (the options of Gymnasium's task)
    frame_skip: Count = 5,
    uph_cost_weight: float = 1.0,
    ctrl_cost_weight: float = 0.1,
    impact_cost_weight: float = 0.5e-6,
    impact_cost_range: Range = (-inf, 10.0),
    reset_noise_scale: NonNegative = 1e-2,
    exclude_current_positions_from_observation: bool = True,
    include_cinert_in_observation: bool = True,
    include_cvel_in_observation: bool = True,
    include_qfrc_actuator_in_observation: bool = True,
    include_cfrc_ext_in_observation: bool = True,
    horizon: Count = 1000,
) -> Task:
    """HumanoidStandup-v5: the higher the better; never terminates."""
    low, high = impact_cost_range
    impact = Term(Reading("cfrc_ext"), impact_cost_weight, squared=1, low=low, high=high)
    return Task(
        model="humanoidstandup",
        frame_skip=frame_skip,
        horizon=horizon,
        start=near_rest(reset_noise_scale),
        seen=body_seen(
            exclude_current_positions_from_observation,
            include_cinert_in_observation,
            include_cvel_in_observation,
            include_qfrc_actuator_in_observation,
            include_cfrc_ext_in_observation,
        ),
        reward=(
            Sum(1, (Term(Reading("qpos", 2, 3), steps=1),)),
            Sum(-1, (effort(ctrl_cost_weight),)),
            Sum(-1, (impact,)),
            Sum(1, (Term(Reading("one")),)),
        ),
        contact_forces=True,
    )


def body_seen(
    positions_left_out: bool, cinert: bool, cvel: bool, qfrc_actuator: bool, cfrc_ext: bool
) -> tuple[Reading, ...]:
    """What the humanoids see, as far as it is asked for."""
    more = (
        (cinert, of_bodies(Reading("cinert"))),
        (cvel, of_bodies(Reading("cvel"))),
        (qfrc_actuator, Reading("qfrc_actuator", 6)),
        (cfrc_ext, of_bodies(Reading("cfrc_ext"))),
    )
    return *state(2 * positions_left_out), *(reading for asked, reading in more if asked)
