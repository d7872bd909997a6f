from tests.rigs.header import *


class Base(Box):
    def send_eoi(self, pin: Pin) -> None:
        self.irr.discard(pin)

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.send_eoi(pin)


class Toy(Base):
    patch = Patch("misspelt")

    def send_eio(self, pin: Pin) -> None:
        self.irr.clear()
