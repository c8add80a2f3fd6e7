"""The platform's schema as SQLAlchemy models, for 1.4 and 2."""

from sqlalchemy import (
    BigInteger, Boolean, CheckConstraint, Column, Computed, DateTime, ForeignKey, ForeignKeyConstraint, Identity, Index,
    Integer, MetaData, Numeric, String, Table, Text, UniqueConstraint, func, text,
)
from sqlalchemy.dialects.postgresql import ARRAY, ENUM, INET, JSONB
from sqlalchemy.orm import declarative_base, relationship

# PostgreSQL's own names.
Base = declarative_base(metadata=MetaData(naming_convention={
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
}))

print("models may print: this is not DDL")


def identity():
    return Column(BigInteger, Identity(always=True), primary_key=True)


def now():
    return Column(DateTime(timezone=True), nullable=False, server_default=func.now())


team_members = Table(
    "team_members", Base.metadata,
    Column("team_id", ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True),
    Column("user_id", ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
)


class User(Base):
    __tablename__ = "users"
    id = identity()
    email = Column(Text, nullable=False)
    display_name = Column(Text, nullable=False)
    manager_id = Column(ForeignKey("users.id", ondelete="SET NULL"))
    is_active = Column(Boolean, nullable=False, server_default=text("true"))
    created_at = now()
    __table_args__ = (
        CheckConstraint("position('@' IN email) > 1", name="email"),
        Index("users_lower_email_idx", func.lower(email), unique=True),
        {"comment": "People who run experiments"},
    )


class Team(Base):
    __tablename__ = "teams"
    id = identity()
    name = Column(Text, nullable=False, unique=True)
    members = relationship(User, secondary=team_members)


class Experiment(Base):
    __tablename__ = "experiments"
    id = identity()
    owner_id = Column(ForeignKey("users.id"), nullable=False)
    name = Column(Text, nullable=False)
    hypothesis = Column(Text, nullable=False, server_default="")
    status = Column(ENUM("draft", "running", "completed", name="experiment_status"), nullable=False, server_default="draft")
    traffic_percent = Column(
        Numeric(5, 2), nullable=False, server_default=text("100"), comment="Share of all subjects that takes part, 0 to 100%")
    labels = Column(ARRAY(Text), nullable=False, server_default="{}")
    settings = Column(JSONB, nullable=False, server_default="{}")
    winner_id = Column(ForeignKey("variants.id", ondelete="SET NULL"))
    starts_at = Column(DateTime(timezone=True))
    ends_at = Column(DateTime(timezone=True))
    __table_args__ = (
        CheckConstraint("btrim(name) <> ''", name="name"),
        CheckConstraint("traffic_percent BETWEEN 0 AND 100", name="traffic_percent"),
        CheckConstraint("ends_at > starts_at", name="schedule"),
        Index("experiments_owner_id_idx", owner_id, starts_at.desc()),
        Index("experiments_running_idx", name, postgresql_where=text("status = 'running'")),
        Index("experiments_labels_idx", labels, postgresql_using="gin"),
    )


class Variant(Base):
    __tablename__ = "variants"
    id = identity()
    experiment_id = Column(ForeignKey("experiments.id", ondelete="CASCADE"), nullable=False)
    name = Column(Text, nullable=False)
    is_control = Column(Boolean, nullable=False, server_default=text("false"))
    weight = Column(Integer, nullable=False, comment="Share of the experiment's traffic, relative to the other variants")
    parameters = Column(JSONB, nullable=False, server_default="{}")
    label = Column(Text, Computed("upper(name)", persisted=True))
    __table_args__ = (
        UniqueConstraint(experiment_id, name),
        UniqueConstraint(experiment_id, id),
        CheckConstraint("weight >= 0", name="weight"),
        Index("variants_one_control_idx", experiment_id, unique=True, postgresql_where=is_control),
    )


class Tag(Base):
    __tablename__ = "tags"
    id = identity()
    name = Column(String(40), nullable=False, unique=True)


class ExperimentTag(Base):
    __tablename__ = "experiment_tags"
    experiment_id = Column(ForeignKey("experiments.id", ondelete="CASCADE"), primary_key=True)
    tag_id = Column(ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True)
    added_at = now()


class Assignment(Base):
    __tablename__ = "assignments"
    id = identity()
    experiment_id = Column(BigInteger, nullable=False)
    variant_id = Column(BigInteger, nullable=False)
    subject_id = Column(Text, nullable=False)
    assigned_at = now()
    __table_args__ = (
        UniqueConstraint(experiment_id, subject_id),
        ForeignKeyConstraint([experiment_id, variant_id], ["variants.experiment_id", "variants.id"]),
        {"comment": "Which variant a subject sees; never changed once made"},
    )


class FeatureFlag(Base):
    __tablename__ = "feature_flags"
    id = identity()
    key = Column(Text, nullable=False, unique=True)
    experiment_id = Column(ForeignKey("experiments.id", ondelete="SET NULL"))
    rollout_percent = Column(Numeric(5, 2), nullable=False, server_default=text("0"))
    __table_args__ = (
        CheckConstraint("key ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name="key"),
        Index(None, experiment_id, postgresql_where=experiment_id.isnot(None)),
    )


class Entry(Base):
    __tablename__ = "entries"
    id = Column(BigInteger, primary_key=True)
    actor_id = Column(ForeignKey("users.id"))
    action = Column(String(40), nullable=False)
    address = Column(INET)
    details = Column(JSONB)
    happened_at = Column(DateTime(timezone=True), nullable=False)
    __table_args__ = (
        Index("entries_happened_at_idx", happened_at, postgresql_using="brin"),
        {"schema": "audit"},
    )
