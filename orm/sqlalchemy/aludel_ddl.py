#!/usr/bin/env python3
"""Prints the tables of SQLAlchemy models as PostgreSQL's DDL, without a database.

    python aludel_ddl.py app.models:Base

It is what the models command of Aludel runs. Each argument is MODULE:ATTRIBUTE,
where the attribute is a MetaData, something that has one as its .metadata (a
declarative base, Flask-SQLAlchemy's db, SQLModel), or a list of such. A MODULE
alone is only imported: models are in the metadata once their module has been.

    python aludel_ddl.py app.users app.orders sqlmodel:SQLModel

Needs SQLAlchemy 1.4 or 2, no driver. Copy it into your repository.
"""

import importlib
import inspect
import itertools
import os
import re
import sys
import sysconfig
import traceback


class Failure(Exception):
    """What the user is told, in one line."""


def main(arguments):
    if not arguments or any(a.startswith("-") for a in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    try:
        import sqlalchemy  # noqa: F401
    except ImportError as error:
        print("aludel_ddl: SQLAlchemy is not there for %s: %s" % (sys.executable, error), file=sys.stderr)
        return 1
    sys.path.insert(0, os.getcwd())
    stdout, sys.stdout = sys.stdout, sys.stderr  # stdout is for DDL, whatever models print
    try:
        stdout.write(ddl(find(arguments)))
    except Failure as failure:
        print("aludel_ddl: %s" % failure, file=sys.stderr)
        return 1
    finally:
        sys.stdout = stdout
    return 0


def find(arguments):
    """The things that the arguments name: pairs of a name and a MetaData."""
    found = []
    for argument in arguments:
        module_name, colon, attribute = argument.partition(":")
        module = load(module_name)
        if not colon:
            continue
        value = module
        for part in attribute.split("."):
            try:
                value = getattr(value, part)
            except AttributeError:
                raise Failure("module %s (%s) has no attribute %s%s" % (module_name, path_of(module), attribute, hint(module)))
        metadata = metadata_of(value)
        if metadata is None:
            raise Failure("%s (%s) neither has metadata nor is a list of what has%s" % (argument, type(value).__name__, hint(module)))
        found += [(value, m) for m in metadata]
    if not found:
        raise Failure("no argument names an attribute: one has to be MODULE:ATTRIBUTE, such as app.models:Base")
    return found


def load(name):
    try:
        return importlib.import_module(name)
    except (KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:  # a module may also call sys.exit
        raise Failure("importing %s: %s" % (name, describe(error)))


def metadata_of(value):
    """The MetaData objects of a value, or None."""
    from sqlalchemy import MetaData

    if isinstance(value, MetaData):
        return [value]
    if isinstance(getattr(value, "metadata", None), MetaData):
        return [value.metadata]
    if isinstance(value, (list, tuple, set, frozenset)):
        lists = [metadata_of(v) for v in value]
        if lists and None not in lists:
            return [m for found in lists for m in found]
    return None


def hint(module):
    """What may have been meant: metadata itself before what has it."""
    names = [n for n, v in vars(module).items() if metadata_of(v) is not None and not hasattr(v, "__table__")]
    return "; it has %s" % ", ".join(sorted(names)) if names else ""


def ddl(found):
    from sqlalchemy.dialects.postgresql.base import PGDialect
    from sqlalchemy.engine.mock import MockConnection
    from sqlalchemy.schema import DDLElement

    # Parameters by name: others have every % in a text doubled.
    dialect = PGDialect(paramstyle="named")
    # Compilers ask what the server can do. Versions after this one add nothing
    # to definitions that SQLAlchemy would write by itself.
    dialect.server_version_info = (17, 0)
    script = []

    def note(statement, *args, **kwargs):
        if not isinstance(statement, str):
            literal = {} if isinstance(statement, DDLElement) else {"literal_binds": True}
            statement = str(statement.compile(dialect=dialect, compile_kwargs=literal))
        statement = "\n".join(line.rstrip() for line in statement.strip().rstrip("; \n").split("\n"))
        if statement:
            script.append(statement + ";\n")

    connection = MockConnection(dialect, note)
    done = []
    for name in schemas(m for _, m in found):
        script.append("CREATE SCHEMA IF NOT EXISTS %s;\n" % dialect.identifier_preparer.quote_schema(name))
    for value, metadata in found:
        if any(metadata is m for m in done):
            continue
        done.append(metadata)
        nameless = index_without_name(metadata)
        if nameless is not None:
            columns = ", ".join(c.name for c in nameless.columns)
            raise Failure("table '%s': its index of %s has no name: give it one, or the naming_convention an \"ix\"%s" % (
                nameless.table.fullname, columns, model_of(nameless.table.fullname, [v for v, _ in found])))
        try:
            add_keys_later(metadata)
            metadata.create_all(connection, checkfirst=False)
        except Exception as error:
            raise Failure(describe(error) + model_in(str(error), [v for v, _ in found]))
    if not any(m.tables for m in done):
        raise Failure("there are no tables in the metadata; models are there once the modules that define them are imported: name those, too")
    return "\n".join(in_order(script))


def add_keys_later(metadata):
    """Has every foreign key be an ALTER TABLE. SQLAlchemy does so by itself where
    tables refer to each other in circles, but for another one each time."""
    for table in metadata.tables.values():
        for key in table.foreign_key_constraints:
            key.use_alter = True
            for element in key.elements:
                element.column  # raises where there is none: DDL would only lack a type


def index_without_name(metadata):
    """An index that SQLAlchemy can't write: one of a column with index=True, where a
    naming_convention has nothing for indexes."""
    for table in metadata.tables.values():
        for index in table.indexes:
            if index.name is None:
                return index
    return None


def in_order(script):
    """The script with all foreign keys at its end: one may lead to the tables of
    a later MetaData. What SQLAlchemy keeps in sets is sorted."""
    key = re.compile(r"ALTER TABLE .* ADD (CONSTRAINT .* )?FOREIGN KEY")
    index = re.compile(r"CREATE (UNIQUE )?INDEX ")
    ordered = []
    for is_index, group in itertools.groupby((s for s in script if not key.match(s)), lambda s: bool(index.match(s))):
        ordered += sorted(group) if is_index else group
    return ordered + sorted(s for s in script if key.match(s))


def schemas(metadatas):
    """The schemas that tables, types and sequences are in, but for public."""
    names = set()
    for metadata in metadatas:
        names.add(metadata.schema)
        names.update(sequence.schema for sequence in metadata._sequences.values())
        for table in metadata.tables.values():
            names.add(table.schema)
            for column in table.columns:
                kind = getattr(column.type, "item_type", column.type)  # of an array
                names.add(getattr(kind, "schema", None))
    return sorted(n for n in names if isinstance(n, str) and n not in ("", "public"))


def describe(error):
    """An exception in one line, with the last place in the user's own code."""
    text = " ".join(str(error).split()) or "no message"
    text = re.sub(r"\s*\(Background on this error at: \S+\)", "", text)
    if isinstance(error, SyntaxError) and error.filename:
        return "%s:%s: %s: %s" % (show(error.filename), error.lineno, type(error).__name__, error.msg)
    line = "%s: %s" % (type(error).__name__, text)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if is_users(frame.filename):
            return "%s:%s: %s" % (show(frame.filename), frame.lineno, line)
    return line


def is_users(path):
    """Whether a file is neither Python's, nor a library's, nor this one."""
    if path.startswith("<") or os.path.abspath(path) == os.path.abspath(__file__):
        return False
    path = os.path.abspath(path)
    if re.search(r"[/\\](site|dist)-packages[/\\]", path):
        return False
    library = [sysconfig.get_path(k) for k in ("stdlib", "platstdlib")]
    return not any(path.startswith(p + os.sep) for p in library if p)


def show(path):
    short = os.path.relpath(path)
    return path if short.startswith("..") else short


def path_of(module):
    return show(module.__file__) if getattr(module, "__file__", None) else "a namespace package"


def model_in(message, values):
    """Where the model is declared whose table a message names by one of its columns."""
    table = re.search(r"column '([^']+)\.[^'.]+'|table '([^']+)', column", message)
    return model_of(table.group(1) or table.group(2), values) if table else ""


def model_of(table, values):
    """Where the model of a table is declared."""
    for value in values:
        for mapper in getattr(getattr(value, "registry", None), "mappers", ()):
            if getattr(mapper.local_table, "fullname", None) == table:
                return ", in model %s%s" % (mapper.class_.__name__, place(mapper.class_))
    return ""


def place(cls):
    try:
        return " (%s:%s)" % (show(inspect.getsourcefile(cls)), inspect.getsourcelines(cls)[1])
    except (OSError, TypeError):
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
