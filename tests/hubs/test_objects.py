"""Object storage as a hub: a real server of S3, and whatever can go wrong on the way to it."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from testmon_cli.bundles.files import header_of
from testmon_cli.domain.errors import EnvironmentFailure, HubError
from testmon_cli.hubs.naming import name_of
from testmon_cli.hubs.opening import open_hub
from testmon_cli.hubs.store import Store
from tests.conftest import Project
from tests.hubs import azure, s3
from tests.hubs.stores import bundle_of, check_contract

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
MAIN = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push", "GITHUB_REF": "refs/heads/main"}


class Hub(NamedTuple):
    """A place in a bucket behind a proxy."""

    store: Store
    proxy: s3.Proxy
    url: str


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with s3.server() as found:
        yield found


@pytest.fixture
def hub(port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with s3.proxy(port) as (proxy, before):
        for name, value in {
            "ENDPOINT": f"http://127.0.0.1:{before}",
            "ACCESS_KEY_ID": "someone",
            "SECRET_ACCESS_KEY": "a-secret-of-ours",
            "REGION": "us-east-1",
            "ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        url = f"s3://bucket/{tmp_path.name}"
        yield Hub(open_hub(url), proxy, url)


def test_the_contract(hub: Hub, tmp_path: Path) -> None:
    check_contract(hub.store, tmp_path / "made")


def test_the_contract_on_a_server_of_webdav(tmp_path: Path) -> None:
    from cheroot import wsgi
    from wsgidav.wsgidav_app import WsgiDAVApp

    (tmp_path / "served" / "hub").mkdir(parents=True)
    options = {
        "provider_mapping": {"/": str(tmp_path / "served")},
        "simple_dc": {"user_mapping": {"*": True}},
    }
    serving = wsgi.Server(
        ("127.0.0.1", 0), WsgiDAVApp({**options, "verbose": 0, "logging": {"enable": False}})
    )
    serving.prepare()
    thread = threading.Thread(target=serving.serve, daemon=True)
    thread.start()
    try:
        check_contract(open_hub(f"http://127.0.0.1:{serving.bind_addr[1]}/hub"), tmp_path / "made")
    finally:
        serving.stop()
        thread.join()


@pytest.mark.skipif(
    azure.program() is None, reason="azurite is not installed: npm install -g azurite"
)
def test_the_contract_on_a_server_of_azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with azure.server() as port:
        for name, value in {
            "STORAGE_ACCOUNT_NAME": azure.ACCOUNT,
            "STORAGE_ACCOUNT_KEY": azure.KEY,
            "STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{azure.ACCOUNT}",
            "ALLOW_HTTP": "true",
        }.items():
            monkeypatch.setenv(f"AZURE_{name}", value)
        check_contract(open_hub("az://hub/team"), tmp_path / "made")


def test_the_contract_in_the_dialect_of_google(
    port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Google's own interface differs from that of S3 in the condition of a write.

    The proxy translates it.
    """
    with s3.proxy(port) as (proxy, before):
        credential = "someone/20260101/us-east-1/s3/aws4_request"
        scope = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=0"
        proxy.translated = {"x-goog-if-generation-match": ("if-none-match", "*")}
        proxy.given = {"authorization": f"AWS4-HMAC-SHA256 {scope}"}
        proxy.added = [("x-goog-generation", "1")]
        account = {"gcs_base_url": f"http://127.0.0.1:{before}", "disable_oauth": True}
        key = tmp_path / "key.json"
        key.write_text(
            json.dumps({**account, "client_email": "", "private_key": "", "private_key_id": ""})
        )
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(key))
        monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
        check_contract(open_hub(f"gs://bucket/{tmp_path.name}"), tmp_path / "made")
        assert any(request.startswith("PUT /bucket/") for request in proxy.requests)


FAULTS = {
    "500": ("", [s3.status(500)] * 2),
    "503": ("", [s3.status(503)] * 3),
    "slow": ("", [s3.slow(0.5)]),
    "no answer": ("", [s3.dropped(-1)] * 2),
    "a part of an answer": ("GET", [s3.dropped(40)] * 2),
    "the first byte": ("GET", [s3.dropped(1)]),
}


@pytest.mark.parametrize("case", FAULTS)
def test_what_passes_is_tried_again(hub: Hub, tmp_path: Path, case: str) -> None:
    begins, faults = FAULTS[case]
    path, header, name = bundle_of(
        tmp_path / "made", 1.0, *(f"test_{number}" for number in range(300))
    )
    hub.proxy.faults = [(begins or "PUT", fault) for fault in faults]
    hub.store.put(name, path, header)
    hub.proxy.faults = [(begins or "GET", fault) for fault in faults]
    assert [entry.name for entry in hub.store.entries()] == [name]
    hub.proxy.faults = [(begins or "GET", fault) for fault in faults]
    hub.store.get(name, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == path.read_bytes()
    assert hub.proxy.faults == []


def test_what_does_not_pass_is_one_line_without_secrets(hub: Hub, tmp_path: Path) -> None:
    path, header, name = bundle_of(tmp_path / "made", 1.0, "test_one")
    for code, message in (
        (503, "it answered 503 Service Unavailable"),
        (403, "permission denied"),
        (404, "404"),
    ):
        for act in (lambda: hub.store.put(name, path, header), lambda: list(hub.store.entries())):
            hub.proxy.faults = [("", s3.status(code))] * 50
            with pytest.raises(HubError) as caught:
                act()
            assert message in str(caught.value) or "no such place" in str(caught.value)
            assert str(caught.value).startswith(f"the hub {hub.url} cannot be ")
            assert "secret" not in repr(caught.value)
            assert "\n" not in str(caught.value)
    hub.proxy.faults = []
    assert list(hub.store.entries()) == []


def test_a_listing_that_lags_costs_nothing_but_evidence(
    hub: Hub, tmp_path: Path, project: Project
) -> None:
    project.write(
        {"test_a.py": "def test_a():\n    pass\n", "test_b.py": "def test_b():\n    pass\n"}
    )
    before = (
        b'<?xml version="1.0"?><ListBucketResult><Name>bucket</Name>'
        b"<IsTruncated>false</IsTruncated></ListBucketResult>"
    )
    for file in ("test_a.py", "test_b.py"):
        assert project.testmon("collect", "-q", file, **MAIN).code == 0
    pushed = project.testmon("push", "--hub", hub.url, **MAIN)
    assert pushed.out.startswith("pushed 2 bundles of push main"), pushed.err
    (project.path / ".testmondata").unlink()
    hub.proxy.faults = [("GET /bucket?list", s3.instead(before))]
    assert project.testmon("pull", "--hub", hub.url, **MAIN).out.startswith("pulled 0 bundles")
    gone = next(hub.store.entries()).name
    # removed, and still listed
    hub.proxy.faults = [(f"GET /bucket/{tmp_path.name}/{gone}", s3.status(404))]
    assert project.testmon("pull", "--hub", hub.url, **MAIN).out.startswith("pulled 1 bundle,")
    assert project.testmon("pull", "--hub", hub.url, **MAIN).out.startswith("pulled 1 bundle,")
    assert project.testmon("select").out == ""


def test_a_push_that_breaks_off_is_finished_by_the_next(hub: Hub, project: Project) -> None:
    project.write({"test_a.py": "def test_a():\n    pass\n"})
    for _ in range(3):
        assert project.testmon("collect", "-q", **MAIN).code == 0
    passing = [("PUT", s3.slow(0))]
    hub.proxy.faults = passing + [("PUT", s3.status(503))] * 50
    broken = project.testmon("push", "--hub", hub.url, **MAIN)
    assert (broken.code, broken.out, broken.err) == (
        69,
        "",
        f"testmon: error: the hub {hub.url} cannot be written: it answered 503 Service Unavailable\n",
    )
    hub.proxy.faults = []
    assert project.testmon("push", "--hub", hub.url, **MAIN).out.startswith("pushed 2 bundles")
    names = [
        name_of(header_of(_got(hub, entry.name, project.path / "got")))
        for entry in hub.store.entries()
    ]
    assert len(set(names)) == 3


def _got(hub: Hub, name: str, path: Path) -> Path:
    hub.store.get(name, path)
    return path


def test_a_missing_library_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "obstore", None)
    with pytest.raises(
        EnvironmentFailure, match=r"needs the package obstore: install testmon-cli\[hub\]"
    ):
        open_hub("s3://bucket/x")
