from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def check(self, pin: Pin) -> None:
        self.lines[pin] = True
        self.on = any(v in self.isr for v in self.irr if self.lines[v])
        if all(line for p, line in self.lines.items() if p != 1):
            self.isr.add(pin)
