from model.lang import always
from model.machine import Machine


@always()
def opens(s: Machine) -> bool:
    """A sentence."""
    return True
