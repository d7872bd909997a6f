from tests.rigs.header import *


class Toy(Box):
    def send(self, pin: Pin) -> None:
        super().send(pin)

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.send(pin)
