from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def toggle(self, pin: Pin) -> None:
        self.pin = pin
        self.on = not self.on


@always()
def one_bit_at_a_time(before: Toy, s: Toy, pin: Pin) -> bool:
    """The pin never jumps back to 0."""
    return before.on != s.on and (s.pin != 0 or before.pin != pin or pin == 0)
