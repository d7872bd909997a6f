from tests.rigs.header import *


class Toy(Box):
    @step(by="guest")
    def last(self) -> None:
        self.pin = self.scope.pins - 1
        if self.scope.version == Version.V20 and not self.scope.lazy:
            self.on = True
