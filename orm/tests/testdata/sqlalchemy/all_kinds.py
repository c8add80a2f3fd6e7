"""What SQLAlchemy's DDL has besides the platform's."""

from sqlalchemy import (
    ARRAY, BigInteger, Boolean, CheckConstraint, Column, Date, DateTime, DDL, Enum, Float, ForeignKey, Integer, Interval,
    LargeBinary, MetaData, Numeric, Sequence, SmallInteger, String, Table, Text, Time, UniqueConstraint, event,
)
from sqlalchemy.dialects import postgresql as pg

plain = MetaData()
other = MetaData(schema="other schema")

Table(
    "kinds", plain,
    Column("id", Integer, primary_key=True),
    Column("small", SmallInteger), Column("big", BigInteger, Sequence("kinds_big_seq", schema="numbers")),
    Column("flag", Boolean), Column("f", Float), Column("n", Numeric), Column("s", String), Column("t", Text, server_default="100% it's"),
    Column("d", Date), Column("tm", Time), Column("ts", DateTime), Column("iv", Interval), Column("b", LargeBinary),
    Column("u", pg.UUID), Column("j", pg.JSON), Column("jb", pg.JSONB), Column("h", pg.CIDR), Column("r", pg.TSTZRANGE),
    Column("a", ARRAY(Enum("x", "y", name="letters", schema="types"))), Column("v", pg.TSVECTOR), Column("bit", pg.BIT(3)),
    Column("mac", pg.MACADDR), Column("money", pg.MONEY), Column("tz", pg.TIMESTAMP(timezone=True, precision=3)),
    Column("checked", Enum("p", "q", name="pq", native_enum=False, create_constraint=True)),
    CheckConstraint("t LIKE '%x%'", name="like"),
    pg.ExcludeConstraint(("r", "&&"), using="gist"),
    comment="a 'comment' of 100%",
)
one = Table("one", other, Column("id", Integer, primary_key=True), Column("two_id", ForeignKey("other schema.two.id")))
two = Table("two", other, Column("id", Integer, primary_key=True), Column("one_id", ForeignKey("other schema.one.id")))
three = Table(
    "three", plain, Column("id", Integer, primary_key=True), Column("one_id", ForeignKey(one.c.id, deferrable=True, initially="DEFERRED")),
    UniqueConstraint("one_id", deferrable=True),
)
event.listen(plain, "before_create", DDL("CREATE DOMAIN positive AS integer CHECK (VALUE > 0)"))
event.listen(three, "after_create", DDL("COMMENT ON CONSTRAINT three_pkey ON %(table)s IS 'x'"))

everything = [plain, other]
