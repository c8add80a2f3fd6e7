"""Drives Alembic in one long-lived process: a request in JSON on each line of
standard input, an answer in JSON on each line of standard output."""
import io
import json
import sys
import warnings

import alembic.command
import alembic.config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

warnings.simplefilter("ignore")


def run(request):
    config = alembic.config.Config(stdout=io.StringIO())
    config.set_main_option("script_location", request["script"].replace("%", "%%"))
    config.attributes["url"] = request["url"]
    verb, args = request["verb"], request["args"]
    if verb == "current":
        script = ScriptDirectory.from_config(config)
        seen = []
        with EnvironmentContext(config, script, fn=lambda rev, context: seen.append(rev) or [], dont_mutate=True):
            script.run_env()
        return sorted(seen[0])
    if verb == "stamp":
        alembic.command.stamp(config, args)
    else:
        getattr(alembic.command, verb)(config, *args)
    return []


for line in sys.stdin:
    try:
        answer = {"rows": run(json.loads(line))}
    except BaseException as e:  # crashes are answers, too
        answer = {"error": type(e).__name__, "message": str(e)}
    print(json.dumps(answer), flush=True)
