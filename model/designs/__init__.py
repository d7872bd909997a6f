"""Proposed changes, one file each. A design restates only the functions that its patch touches."""
