"""The theory on finite MDPs, where nothing is sampled and everything is exact."""
