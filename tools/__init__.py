"""What the Makefile runs: the main job and the benchmarks."""
