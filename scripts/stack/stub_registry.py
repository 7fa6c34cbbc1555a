"""A stub of Confluent's schema registry API, in this process, with faults.

    stub = StubRegistry().start()
    schema_id = stub.register("orders-value", schema_text)
    stub.fault(Fault(r"^/schemas/ids/7$", status=500, times=3))
    stub.requests                  # what was asked, in order

It knows ids, GUIDs, subjects, versions, references and schema types, answers a miss as the real one
does (404 with error_code 40403, 40401 or 40402), and checks a password if one is set.
"""

import base64
import contextlib
import dataclasses
import http.server
import json
import re
import socket
import socketserver
import threading
import time
import urllib.parse
import uuid

from .process import free_port

CONTENT_TYPE = "application/vnd.schemaregistry.v1+json"


@dataclasses.dataclass
class Fault:
    """What is answered instead, for requests whose path matches `path`.

    times     how often it applies; None: until it is removed
    delay_s   waits before the answer (also with status None: slow, but right)
    cut_after sends only so many bytes of the answer, then closes the connection
    """

    path: str
    status: int | None = None
    body: str | None = None
    error_code: int | None = None
    content_type: str = CONTENT_TYPE
    headers: dict[str, str] = dataclasses.field(default_factory=dict)
    times: int | None = None
    delay_s: float = 0.0
    cut_after: int | None = None

    def text(self) -> str:
        if self.body is not None:
            return self.body
        return json.dumps({"error_code": self.error_code or (self.status or 500) * 100 + 1,
                           "message": "injected"})


@dataclasses.dataclass
class Schema:
    text: str
    schema_type: str = "AVRO"
    references: list[dict] = dataclasses.field(default_factory=list)
    guid: str = ""

    def answer(self) -> dict:
        body: dict = {"schema": self.text, "guid": self.guid}
        if self.schema_type != "AVRO":
            body["schemaType"] = self.schema_type
        if self.references:
            body["references"] = self.references
        return body


@dataclasses.dataclass
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    at: float


class _HttpServer(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    stub: "StubRegistry"
    open_sockets: set

    def handle_error(self, request, client_address):
        """A client that goes away in mid answer is part of the tests."""


class StubRegistry:
    def __init__(self, port: int | None = None, password: str | None = None):
        self.port = port or free_port()
        self.password = password  # "user:password", or None
        self.requests: list[Request] = []
        self._schemas: dict[int, Schema] = {}
        self._subjects: dict[str, dict[int, int]] = {}
        self._faults: list[Fault] = []
        self._lock = threading.RLock()
        self._server: _HttpServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def url_through(self, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    # -- life
    def start(self) -> "StubRegistry":
        if self._server is None:
            server = _HttpServer(("127.0.0.1", self.port), _Handler)
            server.stub = self
            server.open_sockets = set()
            self._server = server
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05},
                             daemon=True).start()
        return self

    def stop(self) -> None:
        """Connections are refused from here on; what was registered stays for the next start."""
        server, self._server = self._server, None
        if server is None:
            return
        server.shutdown()
        server.server_close()
        for link in list(server.open_sockets):
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)

    # -- content
    def register(self, subject: str, schema, *, schema_id: int | None = None,
                 schema_type: str = "AVRO", references: list[dict] | None = None,
                 guid: str | None = None) -> int:
        """Adds a version of a subject; equal content keeps its id. `schema` is text or a dict."""
        text = schema if isinstance(schema, str) else json.dumps(schema)
        with self._lock:
            wanted = Schema(text, schema_type, list(references or []))
            if schema_id is None:
                schema_id = self._id_of(wanted) or max(self._schemas, default=0) + 1
            if schema_id not in self._schemas:
                wanted.guid = guid or str(uuid.uuid5(uuid.NAMESPACE_OID, f"{schema_id}:{text}"))
                self._schemas[schema_id] = wanted
            versions = self._subjects.setdefault(subject, {})
            if schema_id not in versions.values():
                versions[max(versions, default=0) + 1] = schema_id
            return schema_id

    def _id_of(self, wanted: Schema) -> int | None:
        for known_id, known in self._schemas.items():
            if (known.text, known.schema_type, known.references) == (
                    wanted.text, wanted.schema_type, wanted.references):
                return known_id
        return None

    def guid(self, schema_id: int) -> str:
        return self._schemas[schema_id].guid

    def fault(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear_faults(self) -> None:
        with self._lock:
            self._faults.clear()

    def asked(self, path: str) -> list[Request]:
        """The requests whose path matches the expression."""
        return [r for r in list(self.requests) if re.search(path, r.path)]

    def take_fault(self, path: str) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if re.search(fault.path, path) and fault.times != 0:
                    if fault.times is not None:
                        fault.times -= 1
                    return fault
        return None

    # -- the API: each gives (status, body)
    def answer(self, method: str, path: str, body: bytes) -> tuple[int, object]:
        with self._lock:
            for verb, pattern, action in ROUTES:
                found = re.fullmatch(pattern, path)
                if verb == method and found:
                    names = [urllib.parse.unquote(g) for g in found.groups()]
                    return action(self, body, *names)
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def by_id(self, _body: bytes, schema_id: str):
        schema = self._schemas.get(int(schema_id))
        if schema is None:
            return 404, {"error_code": 40403, "message": f"Schema {schema_id} not found"}
        return 200, schema.answer()

    def by_guid(self, _body: bytes, guid: str):
        for schema in self._schemas.values():
            if schema.guid == guid.lower():
                return 200, schema.answer()
        return 404, {"error_code": 40403, "message": f"Schema {guid} not found"}

    def by_version(self, _body: bytes, subject: str, version: str):
        versions = self._subjects.get(subject)
        if versions is None:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        number = max(versions) if version in ("latest", "-1") else int(version)
        if number not in versions:
            return 404, {"error_code": 40402, "message": f"Version {version} not found."}
        schema_id = versions[number]
        return 200, {"subject": subject, "version": number, "id": schema_id,
                     **self._schemas[schema_id].answer()}

    def versions(self, _body: bytes, subject: str):
        if subject not in self._subjects:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        return 200, sorted(self._subjects[subject])

    def post_version(self, body: bytes, subject: str):
        wanted = json.loads(body)
        schema_id = self.register(subject, wanted["schema"],
                                  schema_type=wanted.get("schemaType", "AVRO"),
                                  references=wanted.get("references"))
        return 200, {"id": schema_id, "guid": self.guid(schema_id)}

    def subjects(self, _body: bytes):
        return 200, sorted(self._subjects)

    def types(self, _body: bytes):
        return 200, ["JSON", "PROTOBUF", "AVRO"]

    def level(self, _body: bytes, *_subject: str):
        return 200, {"compatibilityLevel": "BACKWARD"}

    def text_by_id(self, _body: bytes, schema_id: str):
        schema = self._schemas.get(int(schema_id))
        if schema is None:
            return 404, {"error_code": 404, "message": "No artifact with that id was found."}
        return 200, json.loads(schema.text)


ROUTES = [
    ("GET", r"/schemas/ids/(-?\d+)", StubRegistry.by_id),
    ("GET", r"/schemas/guids/([^/]+)", StubRegistry.by_guid),
    ("GET", r"/schemas/types", StubRegistry.types),
    ("GET", r"/subjects", StubRegistry.subjects),
    ("GET", r"/subjects/([^/]+)/versions", StubRegistry.versions),
    ("POST", r"/subjects/([^/]+)/versions", StubRegistry.post_version),
    ("GET", r"/subjects/([^/]+)/versions/(latest|-1|\d+)", StubRegistry.by_version),
    ("GET", r"/config(?:/([^/]+))?", StubRegistry.level),
    ("GET", r"/apis/registry/v2/ids/globalIds/(\d+)", StubRegistry.text_by_id),
    ("GET", r"/apis/registry/v2/ids/contentIds/(\d+)", StubRegistry.text_by_id),
    ("GET", r"/ids/globalIds/(\d+)", StubRegistry.text_by_id),
    ("GET", r"/ids/contentIds/(\d+)", StubRegistry.text_by_id),
]


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _HttpServer

    def setup(self):
        super().setup()
        self.server.open_sockets.add(self.connection)

    def finish(self):
        self.server.open_sockets.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, *_args):
        """The requests are kept in `requests`, not printed."""

    def do_GET(self):
        self._serve("GET")

    def do_POST(self):
        self._serve("POST")

    def _serve(self, method: str) -> None:
        stub = self.server.stub
        url = urllib.parse.urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        stub.requests.append(Request(method, url.path, dict(urllib.parse.parse_qsl(url.query)),
                                     dict(self.headers), time.monotonic()))
        fault = stub.take_fault(url.path)
        if fault is not None and fault.delay_s:
            time.sleep(fault.delay_s)
        if fault is not None and fault.status is not None:
            self._send(fault.status, fault.text().encode(), fault)
        elif not self._is_allowed(stub.password):
            self._send(401, b'{"error_code":40101,"message":"Unauthorized"}', None)
        else:
            status, answer = stub.answer(method, url.path, body)
            self._send(status, json.dumps(answer).encode(), fault)

    def _is_allowed(self, password: str | None) -> bool:
        if password is None:
            return True
        wanted = "Basic " + base64.b64encode(password.encode()).decode()
        return self.headers.get("Authorization") == wanted

    def _send(self, status: int, body: bytes, fault: Fault | None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", fault.content_type if fault else CONTENT_TYPE)
        for name, value in (fault.headers if fault else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault is not None and fault.cut_after is not None:
            self.wfile.write(body[:fault.cut_after])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            self.wfile.write(body)
