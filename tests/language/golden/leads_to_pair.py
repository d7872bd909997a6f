from tests.rigs.header import *


class Toy(Box):
    @step(by="device", fair=Fair.FINITE)
    def interrupt(self, pin: Pin) -> None:
        self.irr.add(pin)

    @step(by="guest", fair=Fair.WEAK)
    def serve(self) -> None:
        vector = require(self.irr.highest())
        self.irr.discard(vector)


@leads_to()
def is_served(s: Toy, pin: Pin) -> tuple[bool, bool]:
    """A pending vector is served."""
    if pin == 0:
        return pin in s.irr, 0 not in s.irr
    return pin in s.irr, pin not in s.irr
