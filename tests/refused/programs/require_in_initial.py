from tests.rigs.header import *


class Toy(Box):
    def initial(self) -> None:
        require(self.on)
