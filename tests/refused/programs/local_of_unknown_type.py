from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        pin: Pn = 0
        self.pin = pin
