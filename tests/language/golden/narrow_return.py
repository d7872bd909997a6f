from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def take(self, pin: Pin) -> None:
        slot = self.slot
        if slot is None:
            self.slot = pin
            return
        self.irr.add(slot)
