"""The same IR in z3: each step's transition relation, and whether an invariant is inductive."""
