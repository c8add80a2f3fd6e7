"""Answers for pairs of databases how many differences Alembic's autogenerate finds: each line of stdin has two URLs, what is
there and what is wanted, which is read by reflection."""
import sys
import warnings

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

warnings.simplefilter("ignore")
for line in sys.stdin:
    is_there, wanted = line.split()
    metadata = sa.MetaData()
    engine = sa.create_engine(wanted, poolclass=sa.pool.NullPool)
    metadata.reflect(engine)
    with sa.create_engine(is_there, poolclass=sa.pool.NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        print(len(compare_metadata(context, metadata)), flush=True)
