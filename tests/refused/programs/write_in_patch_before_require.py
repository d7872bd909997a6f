from tests.rigs.header import *


class Base(Box):
    def notify(self) -> None:
        pass

    @step(by="guest")
    def go(self, pin: Pin) -> None:
        self.notify()
        require(pin in self.irr)
        self.irr.discard(pin)


class Toy(Base):
    patch = Patch("note that it was tried")

    def notify(self) -> None:
        if not self.on:
            self.on = True
