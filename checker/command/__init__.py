"""The command `eoi`: parse, ask, print, exit code."""
