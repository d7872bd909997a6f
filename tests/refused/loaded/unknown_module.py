from model.design.base import Base


class Mine(Base):
    """Misspelt."""
