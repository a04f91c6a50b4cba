"""Trust Region Policy Optimization (arXiv 1502.05477 v5) as small pure functions.

Start with `trpo.updates`: every update of the paper is one function with four slots. What is meant
to be used from elsewhere is here; a simulator of MuJoCo's or Gymnasium's is imported from its
module, `trpo.simulators.mujoco` or `.gymnasium`, so that neither package is loaded without need.

    >>> import trpo
    >>> simulator = trpo.CartPoleSimulator(trpo.CartPole(horizon=100), 8)
    >>> policy = trpo.linear_gaussian(simulator.space)
    >>> runner = trpo.Lockstep(simulator, policy)
    >>> paths = trpo.single_path(runner, rows=8, steps=800, boundary="complete", fresh=True)
    >>> algorithm = trpo.policy_optimisation(
    ...     policy,
    ...     trpo.trpo(delta=0.01),
    ...     trpo.from_paths(paths, policy, trpo.Estimator(gamma=0.99)),
    ...     trpo.no_baseline(),
    ...     simulator.space,
    ...     filter_clip=0.0,
    ...     compute=trpo.Compute(),
    ... )
    >>> state = algorithm.init(trpo.stream(0, "init"))
    >>> for i in range(20):
    ...     state, info = algorithm.step(trpo.stream(0, "step", i), state)
    >>> bool(state.recent.mean() > 50)  # of 100 steps; the first policy stands for some ten
    True
"""

from trpo.algorithms import Compute, policy_optimisation
from trpo.baselines import Baseline, cnn_value, linear_features, mlp_value, no_baseline
from trpo.black_box import black_box
from trpo.convolutions import convolutional
from trpo.dense import mlp
from trpo.distributions import Categorical, DiagGaussian, Distribution, FactoredCategorical
from trpo.evaluation import play, score
from trpo.line_search import LineSearch
from trpo.metrics import euclidean, kl_hessian, over_mean, score_covariance, worst_state
from trpo.networks import Linearisation, Network, network, with_free_parameters
from trpo.parameters import ParameterError, UnfitError
from trpo.policies import (
    Policy,
    categorical_cnn,
    categorical_mlp,
    gaussian_mlp,
    linear_gaussian,
)
from trpo.samplers.batches import Estimator, from_paths, from_vine
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.runner import Acting, Row, Runner, Until
from trpo.samplers.single_path import single_path
from trpo.samplers.vine import Sizes, vine
from trpo.searches import Search, cem, cma_es
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.simulators.protocol import Box, Choices, Simulator, Space
from trpo.solvers import conjugate_gradient, identity
from trpo.steps import (
    Radius,
    StepRule,
    adaptive_trust_region,
    ball,
    fixed_penalty,
    newton,
    trust_region,
)
from trpo.streams import stream
from trpo.surrogates import all_actions, importance_weighted, log_likelihood, self_normalised
from trpo.tabular.examples import garnet
from trpo.tabular.theory import theory
from trpo.tabular.world import aliased
from trpo.types import Algorithm, Rollout, Samples, UpdateInfo
from trpo.updates import (
    Direction,
    Rule,
    Update,
    adaptive,
    empirical_fim,
    max_kl,
    natural_gradient,
    rwr,
    theory_penalty,
    tnpg,
    trpo,
    update,
    vanilla_pg,
)
from trpo.variance import gradient_variance

__all__ = [
    "Acting",
    "Algorithm",
    "Baseline",
    "Box",
    "CartPole",
    "CartPoleSimulator",
    "Categorical",
    "Choices",
    "Compute",
    "DiagGaussian",
    "Direction",
    "Distribution",
    "Estimator",
    "FactoredCategorical",
    "LineSearch",
    "Linearisation",
    "Lockstep",
    "Network",
    "ParameterError",
    "Policy",
    "Radius",
    "Rollout",
    "Row",
    "Rule",
    "Runner",
    "Samples",
    "Search",
    "Simulator",
    "Sizes",
    "Space",
    "StepRule",
    "UnfitError",
    "Until",
    "Update",
    "UpdateInfo",
    "adaptive",
    "adaptive_trust_region",
    "aliased",
    "all_actions",
    "ball",
    "black_box",
    "categorical_cnn",
    "categorical_mlp",
    "cem",
    "cma_es",
    "cnn_value",
    "conjugate_gradient",
    "convolutional",
    "empirical_fim",
    "euclidean",
    "fixed_penalty",
    "from_paths",
    "from_vine",
    "garnet",
    "gaussian_mlp",
    "gradient_variance",
    "identity",
    "importance_weighted",
    "kl_hessian",
    "linear_features",
    "linear_gaussian",
    "log_likelihood",
    "max_kl",
    "mlp",
    "mlp_value",
    "natural_gradient",
    "network",
    "newton",
    "no_baseline",
    "over_mean",
    "play",
    "policy_optimisation",
    "rwr",
    "score",
    "score_covariance",
    "self_normalised",
    "single_path",
    "stream",
    "theory",
    "theory_penalty",
    "tnpg",
    "trpo",
    "trust_region",
    "update",
    "vanilla_pg",
    "vine",
    "with_free_parameters",
    "worst_state",
]
