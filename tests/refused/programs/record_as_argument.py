from tests.rigs.header import *


class Toy(Box):
    def quench(self, cpu: Cpu) -> None:
        self.irr.clear()

    @step(by="guest")
    def go(self, cpu: Cpu) -> None:
        self.quench(self.rows[cpu])
