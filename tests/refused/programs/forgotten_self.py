from tests.rigs.header import *


class Toy(Box):
    def wanted(self, pin: Pin) -> bool:
        return pin in self.irr

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        require(wanted(pin))
