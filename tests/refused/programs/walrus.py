from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        if (v := self.slot) is not None:
            self.irr.add(v)
