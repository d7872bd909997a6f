from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, pin: int) -> None:
        self.pin = pin
