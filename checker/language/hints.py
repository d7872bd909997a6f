"""The types that a function's annotations mean, worked out once: every cell of a matrix asks for them."""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable
from typing import Any


@functools.lru_cache(maxsize=4096)
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    return typing.get_type_hints(function, include_extras=True)


def type_hints(function: Callable[..., Any]) -> dict[str, Any]:
    """A copy of typing.get_type_hints with its extras. Raises NameError for an annotation that names nothing."""
    return dict(_hints(function))
