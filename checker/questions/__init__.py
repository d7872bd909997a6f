"""What one asks of designs: verdicts, comparisons, claims, litmus stories, tables, the gate."""
