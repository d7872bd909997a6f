from tests.rigs.header import *


class Toy(Box):
    def put(self, row: Row, irr: Mask[Pin], pin: Pin, on: bool) -> None:
        row.line = on
        irr.add(pin)

    @step(by="guest")
    def go(self, cpu: Cpu) -> None:
        self.put(self.rows[cpu], on=self.pin != 1, pin=self.pin, irr=self.irr)
        self.pin = 1
