from tests.rigs.header import *


class Toy(Box):
    def top(self) -> Pin:
        vector = require(self.irr.highest())
        return vector

    @step(by="guest")
    def go(self) -> None:
        self.pin = self.top()
