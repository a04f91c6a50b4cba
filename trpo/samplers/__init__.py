"""Samplers: simulators and a policy in, rollouts out."""
