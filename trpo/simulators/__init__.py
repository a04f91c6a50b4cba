"""Simulators: N rows stepped in lockstep, any row saved and restored exactly."""
