from model.lang import require as wait_for
from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, pin: Pin) -> None:
        wait_for(pin in self.irr or not self.on)
        slot = wait_for(self.irr.lowest())
        self.irr.discard(slot)

    @step(by="guest")
    def add(self, pin: Pin) -> None:
        self.irr.add(pin)
