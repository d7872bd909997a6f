"""Errors on their way between processes."""

from __future__ import annotations

import pickle
import traceback

from checker.errors import InternalError


def can_travel(error: Exception) -> Exception:
    """The error, if it arrives as what it is; else one that says all that it says."""
    try:
        arrived = pickle.loads(pickle.dumps(error))
        if type(arrived) is type(error) and str(arrived) == str(error):
            return error
    except Exception:  # whatever its class does
        pass
    return InternalError("in another process:\n" + "".join(traceback.format_exception(error)).rstrip())
