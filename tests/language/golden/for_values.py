from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def serve(self, pin: Pin) -> None:
        for row in self.rows.values():
            if row.vector == pin:
                row.line = False
            else:
                row.vector = pin
