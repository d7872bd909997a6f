from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def latch(self, pin: Pin) -> None:
        pending = self.irr
        pending.add(pin)
        if 0 in pending and 1 in self.irr:
            pending.clear()
