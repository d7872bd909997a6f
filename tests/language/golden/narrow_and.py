from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def eoi(self) -> None:
        vector = self.irr.highest()
        if vector is not None and not self.lines[vector]:
            self.irr.discard(vector)
        elif vector is None or self.on:
            self.irr.add(2)
        self.on = vector is None
