"""Sweeps on a real Slurm and a real Ray, each begun here for the test: `make test-cluster`."""
