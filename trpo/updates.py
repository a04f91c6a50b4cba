"""One update, four slots: the page to read first.

    samples → surrogate L → gradient g = ∇L(θ_old) → direction x with F x = g → step

TRPO, natural gradient and vanilla policy gradient (Eqs. 12, 17, 18) are the same function; they
differ only in the `Rule` that fills the slots. (A fifth slot, `weigh`, comes before them all, and
only `rwr` fills it.) Each named rule below is one line of composition, and its keyword arguments
are all the settings that it has.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch

from trpo.line_search import LineSearch
from trpo.metrics import (
    Direct,
    Metric,
    euclidean,
    kl_hessian,
    over_mean,
    score_covariance,
    worst_state,
)
from trpo.objective import Objective
from trpo.parameters import (
    Count,
    Delta,
    Natural,
    NonNegative,
    Penalty,
    Positive,
    Range,
    checked,
)
from trpo.policies import Policy
from trpo.solvers import Solver, conjugate_gradient, identity
from trpo.steps import (
    Local,
    Radius,
    StepRule,
    adaptive_trust_region,
    ball,
    fixed_penalty,
    newton,
    trust_region,
)
from trpo.surrogates import Surrogate, importance_weighted, log_likelihood
from trpo.types import Map, Samples, Tensor, UpdateInfo

Weighing = Callable[[Samples], Samples]


def as_they_are(samples: Samples) -> Samples:
    """Leave the weights of the states alone."""
    return samples


class Rule(NamedTuple):
    """What tells one algorithm from another."""

    metric: Metric  # F
    solver: Direct  # F x = g
    step: StepRule  # how far along x
    surrogate: Surrogate = importance_weighted  # L
    weigh: Weighing = as_they_are  # the states' weights in L and F


class Update(NamedTuple):
    """The result of one update."""

    theta: Tensor  # (P,) new parameters
    size: float  # δ or λ for the next update
    info: UpdateInfo


def update(
    policy: Policy, rule: Rule, samples: Samples, theta: Tensor, size: float, pmap: Map = map
) -> Update:
    """One policy update: ascend L along F⁻¹g. Eqs. 12, 17 and 18 differ only in `rule`.

    Args:
        policy: the network and its action distribution.
        rule: surrogate, metric, solver and step rule.
        samples: B states with K actions each, drawn under theta.
        theta: (P,) the old parameters; they are not changed.
        size: δ or λ, `rule.step.size` at first and then what the last update returned.
        pmap: spreads chunks over threads; the result does not depend on it.
    """
    samples = rule.weigh(samples)
    objective = Objective(policy, rule.surrogate, samples, theta, pmap)
    gradient = objective.gradient()
    curvature = rule.metric(policy, samples, theta, pmap)
    solution = rule.solver(curvature, gradient)
    step = rule.step.move(size, Local(theta, gradient, curvature, objective.evaluate), solution.x)
    info = UpdateInfo(
        surrogate_gain=step.evaluation.gain,
        kl_mean=step.evaluation.kl_mean,
        kl_max=step.evaluation.kl_max,
        grad_norm=float(gradient.norm()),
        step_norm=float((step.theta - theta).norm()),
        cg_residual=solution.residual,
        backtracks=step.backtracks,
        accepted=step.accepted,
        entropy=objective.entropy(),
        size=size,
    )
    return Update(step.theta, step.size, info)


@dataclass(frozen=True)
class Direction:
    """How F x = g is solved for every rule that has an F.

    Attributes:
        cg_steps: conjugate-gradient steps, one product with F each; the paper uses 10.
        damping: added to the diagonal of F; the paper does not say.
        every: use every k-th state for F; the paper uses 10 % of the data, k = 10.
    """

    cg_steps: Count = 10
    damping: NonNegative = 1e-5
    every: Count = 1

    def cg(self) -> Solver:
        """Conjugate gradient with these settings."""
        return conjugate_gradient(steps=self.cg_steps, damping=self.damping)

    def solver(self) -> Direct:
        """The same for F as the mean over states."""
        return over_mean(self.cg())


CG, SEARCH, RADIUS = Direction(), LineSearch(), Radius()


def trpo(*, delta: Delta = 0.01, direction: Direction = CG, search: LineSearch = SEARCH) -> Rule:
    """Trust region policy optimisation: max L s.t. mean KL ≤ δ (Eq. 12, App. C)."""
    step = trust_region(delta, search)
    return Rule(kl_hessian(every=direction.every), direction.solver(), step)


def empirical_fim(
    *, delta: Delta = 0.01, direction: Direction = CG, search: LineSearch = SEARCH
) -> Rule:
    """TRPO with the covariance of the scores in place of the Hessian of the KL (§6, Fig. 4)."""
    rule = trpo(delta=delta, direction=direction, search=search)
    return rule._replace(metric=score_covariance(every=direction.every))


def max_kl(
    *,
    delta: Delta = 0.01,
    rounds: Natural = 0,
    direction: Direction = CG,
    search: LineSearch = SEARCH,
) -> Rule:
    """TRPO with the KL bounded in every state: max L s.t. max KL ≤ δ (Eq. 11).

    Args:
        delta: bound on the KL of every state, in nats.
        rounds: of weighing the states, see `worst_state`; with 0 the direction is TRPO's. More make
            the quadratic model's gain larger, but not the learning faster (conf/DECISIONS.md).
        direction: how each F x = g is solved.
        search: the candidates.
    """
    rule = trpo(delta=delta, direction=direction, search=search)
    solver = worst_state(direction.cg(), rounds)
    return rule._replace(solver=solver, step=trust_region(delta, search, over="max"))


def adaptive(
    *,
    delta: Delta = 0.01,
    direction: Direction = CG,
    search: LineSearch = SEARCH,
    radius: Radius = RADIUS,
) -> Rule:
    """TRPO whose radius shrinks where the model was poor and grows where it was good."""
    rule = trpo(delta=delta, direction=direction, search=search)
    return rule._replace(step=adaptive_trust_region(delta, search, radius))


def natural_gradient(*, penalty: Penalty = 1.0, direction: Direction = CG) -> Rule:
    """Natural policy gradient (Kakade 2002): θ + F⁻¹g / λ, λ = `penalty` fixed (Eq. 17)."""
    return Rule(kl_hessian(every=direction.every), direction.solver(), fixed_penalty(penalty))


def tnpg(*, delta: Delta = 0.01, direction: Direction = CG) -> Rule:
    """Truncated natural policy gradient (Duan et al. 2016): TRPO's first candidate, unchecked."""
    return Rule(kl_hessian(every=direction.every), direction.solver(), ball(delta))


def vanilla_pg(*, delta: Delta = 0.01) -> Rule:
    """Policy gradient as the ℓ2 special case: max gᵀs s.t. ½‖s‖² ≤ δ (Eq. 18)."""
    return Rule(euclidean, over_mean(identity), ball(delta))


@checked
def theory_penalty(
    gamma: Annotated[float, Range(0, 1, (False, False))],
    *,
    epsilon: Positive = 1.0,
    direction: Direction = CG,
) -> Rule:
    """The penalty that the theory asks for, C = 4 ε γ / (1−γ)² (Eq. 9), in the quadratic model.

    The theory's L is a sum over ρ, 1/(1−γ) times our mean over states, so that λ = (1−γ) C.

    Args:
        gamma: the task's discount.
        epsilon: max |A(s, a)|, in the units of the samples' q.
        direction: how F x = g is solved.
    """
    return natural_gradient(penalty=4 * epsilon * gamma / (1 - gamma), direction=direction)


def rwr(
    *, temperature: Positive = 1.0, direction: Direction = CG, search: LineSearch = SEARCH
) -> Rule:
    """Reward-weighted regression (Peters and Schaal 2007): regress on what was done, by its worth.

    The M-step of an EM algorithm: maximise Σ u(Q̂) log π_θ(a|s) over θ, with the exponential
    transformation u(Q̂) ∝ exp(Q̂ / (temperature · std Q̂)). It is taken by one step
    of Fisher scoring, for a policy whose mean is linear in θ the weighted least-squares solution
    itself. They adapt the temperature within the M-step; here it follows the batch's spread.
    The paper's Figure 4 has RWR in its legends and describes it nowhere.

    Args:
        temperature: in standard deviations of Q̂ over the batch; small follows only the best.
        direction: how F x = g is solved.
        search: the step is shrunk until the weighted likelihood rises.
    """
    metric, solver = kl_hessian(every=direction.every), direction.solver()
    return Rule(metric, solver, newton(search), log_likelihood, by_worth(temperature))


def by_worth(temperature: float) -> Weighing:
    """Give each state the weight exp((Q̂ − max Q̂) / (temperature · std Q̂)) of its one action."""

    def weigh(samples: Samples) -> Samples:
        q = samples.q[:, 0].double()
        spread = temperature * q.std(correction=0)
        worth = torch.exp((q - q.max()) / spread) if spread > 0 else torch.ones_like(q)
        return samples._replace(weight=(worth / worth.mean()).to(samples.weight.dtype))

    return weigh
