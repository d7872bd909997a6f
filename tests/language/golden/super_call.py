from tests.rigs.header import *


class Base(Box):
    def eoi(self, pin: Pin) -> None:
        self.irr.discard(pin)

    @step(by="guest")
    def end(self, pin: Pin) -> None:
        require(pin in self.irr or self.irr.highest() is None)
        self.irr.add(2)
        self.eoi(pin)


class Toy(Base):
    def eoi(self, pin: Pin) -> None:
        super().eoi(pin)
        self.isr.add(pin)
