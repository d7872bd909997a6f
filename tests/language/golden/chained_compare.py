from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def window(self, pin: Pin) -> None:
        self.on = 0 < pin <= self.pin
        self.pin = pin
