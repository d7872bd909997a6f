from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        stale = self.slot
        self.on = self.pin > stale
