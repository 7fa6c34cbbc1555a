"""A TCP proxy that can be cut, made to refuse, to swallow, or to lose one answer.

    proxy = TcpProxy(postgres.port).start()
    proxy.cut()                    # open connections end, new ones are refused
    proxy.resume()
    proxy.lose_answer(b"COMMIT")   # the server executes it, the client never hears of it
"""

import contextlib
import select
import socket
import threading

from .process import free_port

CHUNK_BYTES = 65536


class _Link:
    """One connection through the proxy: a thread that carries bytes both ways."""

    def __init__(self, proxy: "TcpProxy", client: socket.socket):
        self.proxy = proxy
        self.client = client
        self.server: socket.socket | None = None
        self.closed = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        try:
            if self.proxy.swallowing:
                self.closed.wait()
                return
            self.server = socket.create_connection(("127.0.0.1", self.proxy.upstream), timeout=5)
            self.server.settimeout(None)
            self._carry()
        except OSError:
            pass
        finally:
            self.close()
            self.proxy.forget(self)

    def _carry(self) -> None:
        doomed = False  # the next answer of the server is lost, and the connection with it
        while not self.closed.is_set():
            ready, _, _ = select.select([self.client, self.server], [], [], 0.2)
            if self.proxy.swallowing:
                continue
            if self.client in ready:
                data = self.client.recv(CHUNK_BYTES)
                if not data:
                    return
                doomed = doomed or self.proxy.takes_loss(data)
                self.server.sendall(data)
            if self.server in ready:
                data = self.server.recv(CHUNK_BYTES)
                if not data or doomed:
                    return
                self.client.sendall(data)

    def close(self) -> None:
        self.closed.set()
        for end in (self.client, self.server):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                with contextlib.suppress(OSError):
                    end.close()


class TcpProxy:
    def __init__(self, upstream: int, port: int | None = None):
        self.upstream = upstream
        self.port = port or free_port()
        self.swallowing = False
        self._links: set[_Link] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None
        self._loss: bytes | None = None
        self._losses_left = 0
        self.losses = 0  # answers lost so far

    # -- life
    def start(self) -> "TcpProxy":
        if self._listener is None:
            listener = socket.socket()
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", self.port))
            listener.listen(64)
            self._listener = listener
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return self

    def stop(self) -> None:
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = _Link(self, client)
            with self._lock:
                if self._listener is not listener:
                    link.close()
                    return
                self._links.add(link)
            link.thread.start()

    def forget(self, link: _Link) -> None:
        with self._lock:
            self._links.discard(link)

    # -- faults
    def cut_connections(self) -> None:
        """Ends the open connections; new ones are accepted."""
        with self._lock:
            links = list(self._links)
        for link in links:
            link.close()

    def cut(self) -> None:
        """Ends the open connections and refuses new ones."""
        with self._lock:
            listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        self.cut_connections()

    def swallow(self) -> None:
        """Accepts connections and bytes, and delivers nothing: a network that drops packets."""
        self.swallowing = True

    def resume(self) -> None:
        """Ends every fault. Connections that were swallowed are cut: their bytes are gone."""
        if self.swallowing:
            self.swallowing = False
            self.cut_connections()
        with self._lock:
            self._loss = None
        self.start()

    def lose_answer(self, marker: bytes, times: int = 1) -> None:
        """When the client sends bytes with `marker`, they go through; what the server answers does
        not: the connection is cut in that moment."""
        with self._lock:
            self._loss, self._losses_left = marker, times

    def takes_loss(self, data: bytes) -> bool:
        with self._lock:
            if self._loss is None or self._loss not in data:
                return False
            self._losses_left -= 1
            self.losses += 1
            if self._losses_left <= 0:
                self._loss = None
            return True

    def __enter__(self) -> "TcpProxy":
        return self.start()

    def __exit__(self, *_exc) -> None:
        self.stop()
