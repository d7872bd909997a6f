from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def flip(self, pin: Pin) -> None:
        if pin == self.pin:
            return
        self.pin = pin
