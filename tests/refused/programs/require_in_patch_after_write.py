from tests.rigs.header import *


class Base(Box):
    def claim(self, pin: Pin) -> None:
        self.irr.discard(pin)

    def take(self, pin: Pin) -> None:
        self.claim(pin)

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.pin = pin
        self.take(pin)


class Toy(Base):
    patch = Patch("claim only what is there")

    def claim(self, pin: Pin) -> None:
        require(pin in self.irr)
        super().claim(pin)
