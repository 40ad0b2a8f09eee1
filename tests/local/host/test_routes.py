"""Which function a path reaches."""

import azure.functions as func
import pytest

from local.host.declared import declare
from local.host.routes import Router


def _router(*routes: tuple[str, str, str]) -> Router:
    app = func.FunctionApp()
    for name, template, method in routes:

        @app.function_name(name)
        @app.route(template, methods=[method] if method else None)
        def handler(req: func.HttpRequest) -> str: ...

    return Router(map(declare, app.get_functions()), "api")


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        (
            "GET",
            "/api/v1/account/7f0c6b0e-6a3c-4b58-9c3e-2b1f1c7c1a11",
            ("a_guid", {"id": "7f0c6b0e-6a3c-4b58-9c3e-2b1f1c7c1a11"}),
        ),
        ("GET", "/api/v1/account/new", ("b_any", {"account": "new"})),
        ("GET", "/API/V1/Account/new/", ("b_any", {"account": "new"})),
        ("GET", "/api/v1/account/a%20b%2Fc", ("b_any", {"account": "a b%2Fc"})),
        ("POST", "/api/v1/account/new", ("c_literal", {})),
        ("PUT", "/api/v1/account/new", ("z_rest", {"rest": "v1/account/new"})),
        ("GET", "/api/files/a.json", ("d_mixed", {"name": "a"})),
        ("GET", "/api/list/7", ("e_optional", {"page": "7"})),
        ("GET", "/api/list", ("e_optional", {})),
        ("GET", "/api/list/x", None),
        ("PUT", "/api", ("z_rest", {})),
        ("GET", "/v1/account/new", None),
    ],
)
def test_find(method: str, path: str, expected: tuple[str, dict[str, str]] | None) -> None:
    """The first route by function name that fits path, constraints and method wins; nothing else ranks."""
    router = _router(
        ("z_rest", "{*rest}", "PUT"),
        ("e_optional", "list/{page:int?}", ""),
        ("d_mixed", "files/{name}.json", ""),
        ("c_literal", "v1/account/new", "POST"),
        ("b_any", "v1/account/{account}", "GET"),
        ("a_guid", "v1/account/{id:guid}", "GET"),
    )
    found = router.find(method, path)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert (found.function.name, found.route_params) == expected
