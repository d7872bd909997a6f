from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def set(self, pin: Pin) -> None:
        if self.slot != pin:
            self.slot = pin
        elif pin == self.slot and self.slot != self.rows[0].vector:
            self.slot = None
