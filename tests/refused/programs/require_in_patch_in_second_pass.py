from tests.rigs.header import *


class Base(Box):
    def notify(self, pin: Pin) -> None:
        self.irr.discard(pin)

    @step(by="guest")
    def go(self) -> None:
        for pin in self.lines:
            self.notify(pin)


class Toy(Base):
    patch = Patch("notify only what is pending")

    def notify(self, pin: Pin) -> None:
        require(pin in self.irr)
        super().notify(pin)
