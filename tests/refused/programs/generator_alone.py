from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def go(self) -> None:
        lines = (line for line in self.lines.values())
        self.on = any(lines)
