"""What explores: CPython, which is the reference, and C made from the IR; and fairness on the graph they find."""
