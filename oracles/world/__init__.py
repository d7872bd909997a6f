"""Is the matrix large enough? Mutants of the rules, judged by the shipped properties."""
