"""What §8.1 and Figure 4 claim, panel by panel."""

from collections.abc import Callable
from typing import Any

from analysis import published
from analysis.claim import Claim
from analysis.learned import Learned
from analysis.names import NATURAL, TRPO, TRPO_VINE, look, named, sampling
from analysis.rules import ABOVE, ALIKE, Rule
from analysis.sides import Likeness, Pairs, hundredth_of, pair, rivals, tenth_of

PANELS = {"cartpole": "cart-pole", "swimmer": "swimmer", "hopper": "hopper", "walker2d": "walker"}
"""The tasks, and what the paper calls them."""
EXPERIMENTS = {
    "cartpole": "figure4_cartpole",
    "swimmer": "figure4_swimmer",
    "hopper": "figure4_hopper",
    "walker2d": "figure4_walker",
}
SEEN = ("cartpole", "swimmer")
"""The panels whose runs were seen before these rules were written."""
EARLIER = {
    "cartpole": (NATURAL, "cem", "cma_es", "rwr"),
    "swimmer": (NATURAL, "cem", "cma_es", "rwr"),
    "hopper": (NATURAL, "cem", "rwr"),
    "walker2d": (NATURAL, "cem", "rwr"),
}
"""The methods in each panel of Figure 4 that are no form of TRPO."""
ONE_BY_ONE = {
    "swimmer": (NATURAL, "cem", "cma_es"),
    "hopper": (NATURAL, "cem"),
    "walker2d": (NATURAL, "cem"),
}
"""Those of which §8.1 speaks one by one."""
FALLING = ("hopper", "walker2d")
"""The tasks where standing scores 1 per step, and moving forward more."""
SAMPLED = (TRPO, TRPO_VINE)
EMPIRICAL, MAX_KL = "empirical_fim", "max_kl"
STANDING, LEARNED, FEW = 1.0, 9.0, 0.05
"""Reward per step of standing, and of a pole that is held; and a small share of a run."""
FINAL, MEAN = "reward per step at the end", "reward per step, mean over all iterations"
BELOW_BEST = (
    f"share of a run's iterations (few: {FEW:g}) that stand below its best so far by more than a "
    "tenth of TRPO's rise"
)
FIGURE = "§8.1, Figure 4"


Of = Callable[[Learned, str], Any]
"""Of what was learned on a task, what a rule compares."""


def _claim(
    env: str, text: str, sides: Of, rule: Rule[Any] = ABOVE, what: str = FINAL, source: str = FIGURE
) -> Claim[Learned, Any]:
    """A claim about a panel; the text says {} for the task."""
    said = text.format(f"the paper's {PANELS[env]}")
    said, own = said[0].upper() + said[1:], EXPERIMENTS[env]
    return Claim(said, source, own, what, rule, lambda f: sides(f, env), env in SEEN)


def _ends_best(env: str, method: str) -> Claim[Learned, Any]:
    *most, last = (named(other) for other in EARLIER[env])

    def sides(own: Learned, env: str) -> Pairs:
        others = {look(other).label: own.final(env, other) for other in EARLIER[env]}
        return rivals(own.final(env, method), others, own.tenth_of_rise(env))

    return _claim(env, f"{_named(method)} ends above {', '.join(most)} and {last} on {{}}", sides)


def _ends_above(env: str, other: str) -> Claim[Learned, Any]:
    def sides(own: Learned, env: str) -> Pairs:
        return own.above(env, TRPO, other, own.final)

    return _claim(env, f"TRPO ends above {named(other)} on {{}}", sides)


def _ends_as_published(env: str, method: str) -> Claim[Learned, Any]:
    """Within a tenth of what the paper's own curve has gained by then."""

    def sides(own: Learned, env: str) -> Likeness:
        mine = own.best[(own.best.env == env) & (own.best.method == method)]
        last = int(mine.updates.max()) if len(mine) else 0
        value, rise = published.figure4_value(env, method, last)
        return Likeness(own.final(env, method), value, tenth_of(rise))

    text = f"{_named(method)} ends where the paper's curve stands at that iteration on {{}}"
    return _claim(env, text, sides, ALIKE, source="Figure 4")


def _seldom_worse(env: str, method: str) -> Claim[Learned, Any]:
    def sides(own: Learned, env: str) -> Pairs:
        far = own.tenth_of_rise(env)
        return pair(FEW, own.worse(env, method), FEW / 10 if far > 0 else far)

    text = f"{_named(method)} stands far below its best so far in few iterations only on {{}}"
    return _claim(
        env, text, sides, what=BELOW_BEST, source="Abstract and §9, monotonic improvement"
    )


def _moves(env: str, method: str) -> Claim[Learned, Any]:
    def sides(own: Learned, env: str) -> Pairs:
        return pair(own.final(env, method), STANDING, hundredth_of(STANDING))

    return _claim(env, f"{_named(method)} ends above the 1 per step for standing on {{}}", sides)


def _stands(env: str, method: str) -> Claim[Learned, Any]:
    def sides(own: Learned, env: str) -> Pairs:
        return pair(STANDING, own.final(env, method), hundredth_of(STANDING))

    return _claim(env, f"{named(method)} ends below the 1 per step for standing on {{}}", sides)


def _learns_alike(env: str) -> Claim[Learned, Any]:
    def sides(own: Learned, env: str) -> Likeness:
        return own.alike(env, EMPIRICAL, TRPO, own.average)

    text = "Empirical FIM learns as fast as TRPO on {} (mean over all iterations)"
    return _claim(env, text, sides, ALIKE, MEAN, "§6 and §8.1, Figure 4")


def _ends_alike(env: str, other: str) -> Claim[Learned, Any]:
    def sides(own: Learned, env: str) -> Likeness:
        return own.alike(env, other, TRPO, own.final)

    return _claim(env, f"{look(other).label} ends where TRPO does on {{}}", sides, ALIKE)


def _gains_half(own: Learned, env: str) -> Pairs:
    """The natural gradient against half of what TRPO gains."""
    tenth = own.tenth_of_rise(env)
    return pair(own.final(env, NATURAL), own.start(env) + 5 * tenth, tenth)


def _slower(what: Callable[[Learned], Callable[[str, str], Any]]) -> Of:
    """TRPO above max KL."""
    return lambda own, env: own.above(env, TRPO, MAX_KL, what(own))


def _named(method: str) -> str:
    return f"TRPO ({sampling(method)})"


def _learned(method: str) -> Of:
    """A method above what a pole that is held scores."""
    return lambda own, env: pair(own.final(env, method), LEARNED, hundredth_of(LEARNED))


CLAIMS = (
    _claim(
        "cartpole",
        "TRPO is above 9 per step on {} by iteration 30",
        lambda own, env: pair(own.after(30)(env, TRPO), LEARNED, hundredth_of(LEARNED)),
        what="reward per step at iteration 30",
    ),
    *(
        _claim("cartpole", f"{name} ends above 9 per step on {{}}", _learned(method))
        for name, method in ((named(NATURAL), NATURAL), (_named(TRPO_VINE), TRPO_VINE))
    ),
    _claim(
        "cartpole",
        "Max KL learns more slowly than TRPO on {} (at iteration 15)",
        _slower(lambda own: own.after(15)),
        what="reward per step at iteration 15",
    ),
    _claim(
        "cartpole",
        "Max KL learns more slowly than TRPO on {} (mean over all iterations)",
        _slower(lambda own: own.average),
        what=MEAN,
    ),
    _ends_alike("cartpole", MAX_KL),
    *(_ends_alike(env, EMPIRICAL) for env in SEEN),
    *(_learns_alike(env) for env in SEEN),
    _claim(
        "swimmer", "the natural gradient gains at least half of what TRPO does on {}", _gains_half
    ),
    *(_ends_best(env, method) for env in PANELS for method in SAMPLED),
    *(_ends_above(env, other) for env, others in ONE_BY_ONE.items() for other in others),
    *(_moves(env, method) for env in FALLING for method in SAMPLED),
    *(_stands(env, method) for env in FALLING for method in (NATURAL, "cem")),
    *(_seldom_worse(env, method) for env in PANELS for method in SAMPLED),
    *(_ends_as_published(env, method) for env in PANELS for method in SAMPLED),
)
