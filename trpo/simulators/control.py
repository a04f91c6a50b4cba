"""Gymnasium's MuJoCo tasks of balancing and reaching; names and defaults are its v5's."""

from trpo.parameters import Count, NonNegative, checked
from trpo.simulators.starts import arm_and_object, arm_and_target, near_rest
from trpo.simulators.task import Reading, Sum, Task, Term, between, effort, inside, state, well


@checked
def inverted_pendulum(
    frame_skip: Count = 2, reset_noise_scale: NonNegative = 0.01, horizon: Count = 1000
) -> Task:
    """InvertedPendulum-v5: +1 a step until the pole leans by more than 0.2 rad."""
    return Task(
        model="inverted_pendulum",
        frame_skip=frame_skip,
        horizon=horizon,
        start=near_rest(reset_noise_scale),
        seen=state(0),
        reward=(Sum(1, (well(1.0),)),),
        healthy=(inside(Reading("qpos", 1, 2), (-0.2, 0.2)),),
        terminate_when_unhealthy=True,
    )


@checked
def inverted_double_pendulum(
    frame_skip: Count = 5,
    healthy_reward: float = 10.0,
    reset_noise_scale: NonNegative = 0.1,
    horizon: Count = 1000,
) -> Task:
    """InvertedDoublePendulum-v5: the tip high, near the middle and at rest."""
    tip, speeds = Reading("site_xpos", last=3), Reading("qvel", low=-10.0, high=10.0)
    height = tip._replace(first=2)
    return Task(
        model="inverted_double_pendulum",
        frame_skip=frame_skip,
        horizon=horizon,
        start=near_rest(reset_noise_scale, normal_velocities=True),
        seen=(
            Reading("qpos", last=1),
            Reading("qpos", 1, turned=1),
            Reading("qpos", 1, turned=2),
            speeds,
            Reading("qfrc_constraint", last=1, low=-10.0, high=10.0),
        ),
        reward=(
            Sum(1, (well(healthy_reward),)),
            Sum(
                -1,
                (
                    Term(tip._replace(last=1), 0.01, squared=2),
                    Term(height._replace(minus=2.0), squared=2),
                ),
            ),
            Sum(
                -1,
                (
                    Term(Reading("qvel", 1, 2), 1e-3, squared=2),
                    Term(Reading("qvel", 2, 3), 5e-3, squared=2),
                ),
            ),
        ),
        healthy=(between(height, (1.0, float("inf"))),),
        terminate_when_unhealthy=True,
    )


@checked
def reacher(
    frame_skip: Count = 2,
    reward_dist_weight: float = 1.0,
    reward_control_weight: float = 1.0,
    horizon: Count = 50,
) -> Task:
    """Reacher-v5: the fingertip at a target that is another one in every episode."""
    away = Reading("xpos", body="fingertip", minus="target")
    return Task(
        model="reacher",
        frame_skip=frame_skip,
        horizon=horizon,
        start=arm_and_target,
        seen=(
            Reading("qpos", last=2, turned=2),
            Reading("qpos", last=2, turned=1),
            Reading("qpos", 2),
            Reading("qvel", last=2),
            away._replace(last=2),
        ),
        reward=(
            Sum(-1, (Term(away, reward_dist_weight, squared=1, rooted=True),)),
            Sum(-1, (effort(reward_control_weight),)),
        ),
    )


@checked
def pusher(
    frame_skip: Count = 5,
    reward_near_weight: float = 0.5,
    reward_dist_weight: float = 1.0,
    reward_control_weight: float = 0.1,
    horizon: Count = 100,
) -> Task:
    """Pusher-v5: an object pushed to its goal by a hand that stays near it."""
    place = Reading("xpos", body="object")
    to_goal, to_hand = (place._replace(minus=body) for body in ("goal", "tips_arm"))
    return Task(
        model="pusher_v5",
        frame_skip=frame_skip,
        horizon=horizon,
        start=arm_and_object,
        seen=(
            Reading("qpos", last=7),
            Reading("qvel", last=7),
            *(Reading("xpos", body=body) for body in ("tips_arm", "object", "goal")),
        ),
        reward=(
            Sum(-1, (Term(to_goal, reward_dist_weight, squared=1, rooted=True),)),
            Sum(-1, (effort(reward_control_weight),)),
            Sum(-1, (Term(to_hand, reward_near_weight, squared=1, rooted=True),)),
        ),
    )
