"""Trust Region Policy Optimization (arXiv 1502.05477 v5) as small pure functions.

Start with `trpo.updates`: every update of the paper is one function with four slots.
"""
