"""The tables of catalog_test.go as SQLAlchemy has them, with a column more in the first five."""
import os
import sys

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

sys.setrecursionlimit(10**6)  # SQLAlchemy sorts the chain of foreign keys by recursion
metadata = sa.MetaData()
mood = postgresql.ENUM("sad", "ok", "happy", name="mood", create_type=False)
for i in range(int(os.environ["BENCH_TABLES"])):
    other = "t%d.id" % max(i - 1, 0)
    table = sa.Table(
        "t%d" % i, metadata,
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("a", sa.BigInteger, sa.ForeignKey(other)), sa.Column("b", sa.BigInteger, sa.ForeignKey(other)),
        sa.Column("c", sa.Text, nullable=False, comment="column c"), sa.Column("d", sa.Text), sa.Column("e", sa.Integer, server_default="0"),
        sa.Column("f", sa.Numeric(10, 2)), sa.Column("g", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("h", sa.Boolean), sa.Column("i", postgresql.JSONB), sa.Column("j", mood), sa.Column("k", sa.Date),
        sa.CheckConstraint("e >= 0"), comment="table %d" % i)
    sa.Index("t%d_a" % i, table.c.a)
    sa.Index("t%d_c" % i, sa.func.lower(table.c.c))
    sa.Index("t%d_e" % i, table.c.e, postgresql_where=table.c.h)
    if i < 5:
        table.append_column(sa.Column("extra", sa.Text))
