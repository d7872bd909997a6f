from tests.rigs.header import *


class Node(Struct):
    children: "Table[Pin, Node]"


class Toy(Box):
    root: Node

    @step(by="guest")
    def go(self) -> None:
        self.on = True
