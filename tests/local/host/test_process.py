"""The host as a process: how it starts, and how it ends."""

import threading
from pathlib import Path

import pytest
import requests
from azure.storage.queue import QueueClient

from tests.local.host.conftest import StartHost, launch, write_app

APP = """
    app = func.FunctionApp()
    @app.route("slow")
    async def slow(req: func.HttpRequest) -> str:
        logging.getLogger("mine").info("under way")
        await asyncio.sleep(0.3)
        return "finished"
    @app.timer_trigger("timer", "0 0 0 1 1 *")
    def yearly(timer: func.TimerRequest) -> None:
        logging.getLogger("mine").info("fired by hand")
    @app.queue_trigger("msg", "%QUEUE%", "AzureWebJobsStorage")
    async def work(msg: func.QueueMessage) -> None:
        logging.info("worked on %s", msg.get_body().decode())
"""


def test_sigterm(start_host: StartHost, azurite: str) -> None:
    """SIGTERM lets a request under way finish, exits 0, and leaves no traceback."""
    host = start_host(APP, AzureWebJobsStorage=azurite, QUEUE="process-a")
    answers: list[str] = []
    client = threading.Thread(target=lambda: answers.append(requests.get(f"{host.url}/slow", timeout=60).text))
    client.start()
    said = host.read_until("under way")
    code, log = host.stop()
    client.join()
    assert (code, answers) == (0, ["finished"])
    assert "Traceback" not in said + log


def test_by_hand(start_host: StartHost, azurite: str) -> None:
    """POST /admin/functions/NAME fires a timer or a queue function, and its own log line is shown."""
    host = start_host(APP, AzureWebJobsStorage=azurite, QUEUE="process-b")
    for name, given in (("yearly", ""), ("work", "a letter")):
        answer = requests.post(f"{host.url}/admin/functions/{name}", json={"input": given}, timeout=60)
        assert answer.status_code == 202
    _, log = host.stop()
    assert "INFO mine: fired by hand" in log
    assert "worked on a letter" in log
    assert QueueClient.from_connection_string(azurite, "process-b").get_queue_properties().name == "process-b"


def test_storage_unreachable(start_host: StartHost) -> None:
    """Without storage the host still serves HTTP, and says what it waits for."""
    nobody = "AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:9/a"
    host = start_host(APP, AzureWebJobsStorage=nobody, QUEUE="process-c")
    assert requests.get(host.url, timeout=60).status_code == 204
    host.read_until("storage does not answer, trying again")
    code, _ = host.stop()
    assert code == 0


def test_port_taken(start_host: StartHost, tmp_path: Path, azurite: str) -> None:
    """A port that is taken is named in one sentence, and the exit code is 1."""
    host = start_host(APP, AzureWebJobsStorage=azurite, QUEUE="process-d")
    port = int(host.url.rpartition(":")[2])
    second = launch(tmp_path, port, AzureWebJobsStorage=azurite, QUEUE="process-d")
    _, log = second.communicate(timeout=200)
    assert second.returncode == 1
    assert log.splitlines()[-1].startswith(f"Port {port} of 127.0.0.1 cannot be used")
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        ("function_app.py", "There is no function_app.py in"),
        ("host.json", "There is no host.json in"),
        ("QUEUE", "'%QUEUE%' names the setting QUEUE, which is not set"),
        ("AzureWebJobsStorage", "The connection AzureWebJobsStorage is not set"),
    ],
)
def test_refused_start(tmp_path: Path, missing: str, sentence: str) -> None:
    """What is missing is named in one sentence, and the exit code is 1."""
    write_app(tmp_path, APP)
    (tmp_path / missing).unlink(missing_ok=True)
    storage = "AccountName=a;AccountKey=a2V5;QueueEndpoint=http://127.0.0.1:9/a"
    environment = {"AzureWebJobsStorage": storage, "QUEUE": "process-e", missing: ""}
    environment = {name: value for name, value in environment.items() if value}
    process = launch(tmp_path, 0, **environment)
    _, log = process.communicate(timeout=200)
    assert process.returncode == 1
    assert sentence in log.splitlines()[-1]
