from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def all_pins(self) -> None:
        for pin in range(self.scope.pins):
            self.irr.add(pin)
        for bit in range(2):
            self.lines[bit] = True
