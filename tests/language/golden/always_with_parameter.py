from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def take(self, pin: Pin) -> None:
        self.irr.add(pin)
        self.slot = pin


@always()
def slot_is_pending(s: Toy, pin: Pin) -> bool:
    """What is in the slot is pending."""
    return s.slot != pin or pin in s.irr


@reachable()
def full(s: Toy) -> bool:
    """All vectors are pending."""
    return all(pin in s.irr for pin in range(s.scope.pins))
