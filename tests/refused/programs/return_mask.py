from tests.rigs.header import *


class Toy(Box):
    def pending(self) -> Mask[Pin]:
        return self.irr

    @step(by="guest")
    def go(self) -> None:
        self.on = 0 in self.pending()
