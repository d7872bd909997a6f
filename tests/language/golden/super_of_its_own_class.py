from tests.rigs.header import *


class First(Box):
    def eoi(self, pin: Pin) -> None:
        self.irr.discard(pin)


class Second(First):
    def eoi(self, pin: Pin) -> None:
        super().eoi(pin)
        self.on = True


class Third(Second):
    def eoi(self, pin: Pin) -> None:
        self.isr.add(pin)

    @step(by="guest")
    def end(self, pin: Pin) -> None:
        self.irr.add(2)
        self.eoi(pin)


class Toy(Third):
    eoi = Second.eoi  # its super() is First's, not Third's
