"""Many runs: what a sweep consists of and how it goes."""
