"""Benchmarks: what is said to be fast, as ratios against a peer or a floor in the same run."""
