from tests.rigs.header import *


class Base(Box):
    def send(self, pin: Pin, on: bool) -> None:
        self.lines[pin] = on

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.send(pin, True)


class Toy(Base):
    patch = Patch("drops the level")

    def send(self, pin: Pin) -> None:
        self.lines[pin] = True
