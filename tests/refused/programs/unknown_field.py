from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self, cpu: Cpu) -> None:
        self.rows[cpu].vectr = None
