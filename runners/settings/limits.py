"""What numbers the settings may be."""

from collections.abc import Callable
from math import inf, isfinite

LIMITS: tuple[tuple[str, Callable[[float], bool], tuple[str, ...]], ...] = (
    (
        "at least 1",
        lambda x: 1 <= x < inf,
        (
            *("steps_per_iteration", "threads", "workers", "checkpoint_every"),
            *("total_steps", "iterations", "policy.hidden", "baseline.hidden"),
            *("sampler.trunks", "sampler.trunk_length", "sampler.states", "sampler.branches"),
            *("sampler.branch_length", "algo.sizes", "algo.spacing", "algo.memory_mib"),
            *("algo.extra_iterations", "sampler.rows"),
            *("env.count", "env.states", "env.branching", "env.observations"),
            *("direction.cg_steps", "direction.every", "baseline.cg_steps", "baseline.every"),
        ),
    ),
    (
        "at least 0",
        lambda x: 0 <= x < inf,
        (
            *("seed", "filter_clip", "direction.damping", "search.max_backtracks"),
            *("baseline.gauss_newton_steps", "baseline.max_halvings", "baseline.damping"),
            *(
                "baseline.ridge",
                "algo.extra_std",
                "algo.rounds",
                "algo.radius.poor",
                "algo.radius.good",
            ),
        ),
    ),
    (
        "positive",
        lambda x: 0 < x < inf,
        (
            *("step_scale", "algo.delta", "algo.penalty", "algo.epsilon", "algo.radius.delta_max"),
            *("algo.temperature", "algo.std", "algo.l2_radius"),
        ),
    ),
    ("finite", isfinite, ("policy.log_std", "policy.last_gain")),
    ("at least 2", lambda x: 2 <= x < inf, ("algo.repeats", "env.actions")),
    ("within (0, 1]", lambda x: 0 < x <= 1, ("algo.elite",)),
    ("above 1", lambda x: 1 < x < inf, ("algo.radius.factor",)),
    ("within [0, 1]", lambda x: 0 <= x <= 1, ("gamma", "estimator.lam")),
    ("within (0, 1)", lambda x: 0 < x < 1, ("search.shrink",)),
)
"""What numbers must be; a setting that is null or that the chosen options lack is passed over."""
