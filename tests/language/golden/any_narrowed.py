from tests.rigs.header import *


class Toy(Box):
    def used(self, pin: Pin) -> bool:
        vector = self.slot
        return any(row.line and vector == pin for row in self.rows.values() if vector is not None)

    @step(by="guest")
    def set(self, cpu: Cpu, pin: Pin) -> None:
        require(not self.used(pin))
        self.slot = pin
        self.rows[cpu].line = True
