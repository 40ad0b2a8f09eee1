"""What the worker and the host refuse, and the sentence that says so."""

from pathlib import Path

import azure.functions as func
import pytest

from local.host import index, rules
from local.host.errors import StartRefused
from tests.local.host.conftest import write_app

_HTTP = "app = func.FunctionApp()\n@app.route('{route}')\n{code}\n"


def _http(code: str, route: str = "x") -> str:
    return _HTTP.format(route=route, code=code)


ADVERSE = {
    "union": (_http("def f(req: func.HttpRequest) -> func.HttpResponse | None: ..."), "f is annotated to return"),
    "optional": (_http("def f(req) -> typing.Optional[func.HttpResponse]: ..."), "no Union"),
    "route parameter": (_http("def f(req, id): ...", "x/{id}"), r'req.route_params\["id"\]'),
    "unwrapped": (
        "def d(f):\n    def w(*a, **k):\n        return f(*a, **k)\n    w.__name__ = f.__name__\n    return w\n"
        + _http("@d\ndef f(req: func.HttpRequest) -> str: ..."),
        "functools.wraps",
    ),
    "two names": (_http("def f(req): ...") + "application = app\n", "exactly one FunctionApp"),
    "same name": (
        _http("def f(req): ...") + "@app.function_name('f')\n@app.route('y')\ndef g(req): ...\n",
        "unique function name",
    ),
    "own message type": (
        "class Mail: ...\napp = func.FunctionApp()\n@app.queue_trigger('msg', 'work', 'C')\ndef f(msg: Mail): ...\n",
        r"annotated Mail: write func\.QueueMessage",
    ),
    "import error": ("import no_such_module\n", "cannot be imported: ModuleNotFoundError"),
    "reserved route": (_http("def f(req): ...", "administration/x"), "starts with admin or runtime"),
    "same route": (
        _http("def f(req): ...", "v1/a") + "@app.route('V1/a', methods=['POST'])\ndef g(req): ...\n",
        "Functions f and g share the route",
    ),
    "queue name": ("app = func.FunctionApp()\n@app.queue_trigger('msg', 'Work_1', 'C')\ndef f(msg): ...\n", "Work_1"),
    "schedule": ("app = func.FunctionApp()\n@app.timer_trigger('t', '61 * * * * *')\ndef f(t): ...\n", "'61' is no"),
    "function name": (
        "app = func.FunctionApp()\n@app.function_name('1st')\n@app.route('x')\ndef f(req): ...\n",
        "begin with a letter",
    ),
}


@pytest.mark.usefixtures("fresh_import")
@pytest.mark.parametrize(("source", "sentence"), ADVERSE.values(), ids=ADVERSE.keys())
def test_adverse_app(tmp_path: Path, source: str, sentence: str) -> None:
    """An app that would lose its functions in Azure does not start here, and a sentence names the mend."""
    with pytest.raises(StartRefused, match=sentence):
        index.load(write_app(tmp_path, source))


@pytest.mark.usefixtures("fresh_import")
def test_good_app(tmp_path: Path) -> None:
    """Wrapped decorators, str answers, a context and blueprints are all fine."""
    source = """
        app, blue = func.FunctionApp(), func.Blueprint()
        def d(f):
            @functools.wraps(f)
            def w(*a, **k):
                return f(*a, **k)
            return w
        @blue.route("x/{id}")
        @d
        def f(req: func.HttpRequest, context: func.Context) -> str: ...
        @blue.queue_trigger("msg", "%QUEUE%", "C")
        @blue.queue_output("out", "other", "C")
        async def g(msg: str, out: func.Out[str]) -> None: ...
        app.register_functions(blue)
    """
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("QUEUE", "work-items")
        functions = {function.name: function for function in index.load(write_app(tmp_path, source))}
    assert functions["f"].takes_context
    assert functions["g"].trigger.properties["queueName"] == "work-items"


def test_shadowed() -> None:
    """A parameter whose function sorts first hides a literal, and the warning names both."""
    app = func.FunctionApp()

    @app.route("v1/account/{account}", methods=["GET"])
    def account(req: func.HttpRequest) -> str: ...

    @app.route("v1/account/new", methods=["GET"])
    def account_new(req: func.HttpRequest) -> str: ...

    @app.route("v1/account/new", methods=["POST"])
    def register(req: func.HttpRequest) -> str: ...

    [warning] = rules.shadowed(app.get_functions())
    assert warning.startswith("Function account_new ('v1/account/new') is hidden by account ")
