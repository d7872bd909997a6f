from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, pin) -> None:
        self.pin = pin
