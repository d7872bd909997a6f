from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def exchange(self, pin: Pin) -> None:
        row = self.rows[0]
        row.vector = pin
        self.rows[0] = Row(vector=None, line=row.vector == self.pin, trigger=row.trigger)
