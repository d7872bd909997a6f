from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        self.pin = LIMIT
        LIMIT = 2
        self.pin = LIMIT
