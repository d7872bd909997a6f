from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def choose(self, pin: Pin) -> None:
        self.slot = None if pin == self.pin else pin
        self.pin = pin if self.on else 0
        self.kind = Trigger.EDGE if self.slot is None else Trigger.LEVEL
        self.on = not self.on
