from model.designs.base import Base


class One(Base):
    """The first."""


class Two(Base):
    """The second."""
