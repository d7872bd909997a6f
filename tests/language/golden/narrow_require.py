from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def fill(self, pin: Pin) -> None:
        self.irr.add(pin)

    @step(by="guest")
    def inject(self) -> None:
        vector = require(self.irr.lowest())
        require(vector != self.pin)
        self.irr.discard(vector)
