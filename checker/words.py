"""Numbers of things, as one would say them."""

from __future__ import annotations


def count(number: int, noun: str, nouns: str = "") -> str:
    """`1 cell`, `2,000 cells`; nouns: the plural where it is not the noun with an s."""
    return f"{number:,} {noun if number == 1 else nouns or noun + 's'}"
