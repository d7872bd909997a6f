from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        mask = self.irr if self.on else self.isr
        self.irr.clear()
        self.pin = 1 if 1 in mask else 0
