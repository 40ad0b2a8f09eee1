"""
Terraform providers that know their schemas and can do nothing: enough for the real `terraform validate`.

Terraform asks them for the schema over gRPC (plugin protocol 6) where TF_REATTACH_PROVIDERS says that they run.
https://developer.hashicorp.com/terraform/plugin/terraform-plugin-protocol
https://developer.hashicorp.com/terraform/plugin/debugging
"""

import json
import os
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc

_SCHEMAS = Path(__file__).parent / "schemas"
_MORE = 0x80  # Set in every byte of a varint but the last.
_LIST = 2  # tfplugin6.Schema.NestedBlock.NestingMode


def schema(name: str) -> dict[str, Any]:
    """Returns the schema of the provider *name*."""
    known: dict[str, Any] = json.loads((_SCHEMAS / "others.json").read_text())[name]
    excerpt = _SCHEMAS / f"{name}.json"
    return known | json.loads(excerpt.read_text()) if excerpt.exists() else known


def encoded(known: dict[str, Any]) -> bytes:
    """Returns *known* as tfplugin6.GetProviderSchema.Response."""
    message = _field(1, _schema(known["provider"]))
    for number, kind in [(2, "resources"), (3, "data"), (8, "ephemeral")]:
        for name, block in known[kind].items():
            message += _field(number, _field(1, name.encode()) + _field(2, _schema(block)))
    return message


def _schema(block: dict[str, Any]) -> bytes:
    return _field(2, _block(block))


def _block(block: dict[str, Any]) -> bytes:
    message = b"".join(_field(2, _attribute(name, how)) for name, how in block["attributes"].items())
    for name, nested in block["blocks"].items():
        inner = _field(1, name.encode()) + _field(2, _block(nested["block"])) + _number(3, _LIST)
        message += _field(3, inner + _number(4, nested["min"]) + _number(5, nested["max"]))
    return message


def _attribute(name: str, how: dict[str, Any]) -> bytes:
    message = _field(1, name.encode()) + _field(2, json.dumps(how["type"]).encode())
    for number, flag in [(4, "required"), (5, "optional"), (6, "computed"), (11, "write_only")]:
        message += _number(number, int(how.get(flag, False)))
    return message


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _number(number: int, value: int) -> bytes:
    return _varint(number << 3) + _varint(value) if value else b""


def _varint(value: int) -> bytes:
    coded = bytearray()
    while value >= _MORE:
        coded.append(value % _MORE | _MORE)
        value //= _MORE
    return bytes([*coded, value])


class _Provider(grpc.GenericRpcHandler):
    """Answers the schema where it is asked for, and says of everything else that nothing is wrong with it."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "grpc.RpcMethodHandler[bytes, bytes]":
        """Returns the handler of one method; messages stay bytes."""
        answer = self._answer if handler_call_details.method.endswith("/GetProviderSchema") else b""
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: answer)


@contextmanager
def serving(sources: Mapping[str, str]) -> Iterator[str]:
    """Serves each provider of *sources* (its name and what Terraform calls it), and yields TF_REATTACH_PROVIDERS."""
    with ExitStack() as stack:
        told = {source: _told(stack.enter_context(_served(name))) for name, source in sources.items()}
        yield json.dumps(told)


@contextmanager
def _served(name: str) -> Iterator[int]:
    server = grpc.server(futures.ThreadPoolExecutor(4), options=[("grpc.max_send_message_length", -1)])
    server.add_generic_rpc_handlers((_Provider(encoded(schema(name))),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield port
    finally:
        server.stop(grace=None).wait()


def _told(port: int) -> dict[str, Any]:
    # In a test of the provider's own Terraform does not end its process, which is ours.
    return {
        "Protocol": "grpc",
        "ProtocolVersion": 6,
        "Pid": os.getpid(),
        "Test": True,
        "Addr": {"Network": "tcp", "String": f"127.0.0.1:{port}"},
    }
