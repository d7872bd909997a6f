from model.designs.base import Base


class One(Base):
    """The first."""

    source = "one.c"


class Two(Base):
    """The second."""

    source = "two.c"
