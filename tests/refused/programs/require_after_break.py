from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        for pin in self.lines:
            if pin in self.irr:
                self.irr.discard(pin)
                break
        require(self.on)
