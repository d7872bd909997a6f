from tests.rigs.header import *


class Toy(Box):
    def send_eoi(self, pin: Pin) -> None:
        self.irr.discard(pin)

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.send_eio(pin)
