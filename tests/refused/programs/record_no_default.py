from tests.rigs.header import *


class Line(Struct):
    pin: Pin
    on: bool


class Toy(Box):
    each: Table[Cpu, Line]

    @step(by="guest")
    def go(self) -> None:
        self.each[0] = Line(on=True)
