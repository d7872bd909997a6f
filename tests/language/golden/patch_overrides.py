from tests.rigs.header import *


class Base(Box):
    def wanted(self, pin: Pin) -> bool:
        return True

    @step(by="guest", fair=Fair.WEAK)
    def send(self, pin: Pin) -> None:
        require(self.wanted(pin))
        self.irr.add(pin)


class Toy(Base):
    patch = Patch("only the pins above 0")

    def wanted(self, pin: Pin) -> bool:
        return pin > 0
