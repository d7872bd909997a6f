"""One-change mutants of the model's rules: would a walk of the real system notice them?"""
