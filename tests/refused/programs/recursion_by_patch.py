from tests.rigs.header import *


class Base(Box):
    def send(self, pin: Pin) -> None:
        self.irr.add(pin)

    def broadcast(self, pin: Pin) -> None:
        self.send(pin)

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.broadcast(pin)


class Toy(Base):
    patch = Patch("send through the broadcast")

    def send(self, pin: Pin) -> None:
        self.broadcast(pin)
