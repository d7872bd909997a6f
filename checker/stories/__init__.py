"""Counterexamples for people: replayed, told in text, read back from a mail, drawn."""
