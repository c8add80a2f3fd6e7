from sqlalchemy import Column, Integer
from sqlalchemy.orm import declarative_base

Base = declarative_base()
other = 7


class NoKey(Base):
    __tablename__ = "no_keys"
    name = Column(Integer)
