"""A model's source -> typed IR. Start reading at program.py."""

from checker.language.lower.program import lower

__all__ = ["lower"]
