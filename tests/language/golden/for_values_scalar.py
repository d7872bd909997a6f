from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def count(self) -> None:
        for line in self.lines.values():
            self.on = not self.on
            self.lines[1] = not line
