# SPDX-License-Identifier: GPL-2.0-or-later
"""One test's world: a network with a client host and log servers. Owns all of it and takes all of it down."""

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from certificates import Certificate
from harness.client import Client
from harness.receiver import Receiver
from harness.server import Server
from harness.sink import Pace, Sink
from harness.stock_server import Program, Proxy, StockServer
from harness.syslog_ng import MODULE_DIR, configuration, destination
from network import Host, Network
from sender import Sender
from waiting import SOON_S, wait_until

class Lab:
    """Use it as a context manager."""

    def __init__(self, module_dir: Path = MODULE_DIR) -> None:
        # Not pytest's tmp_path: the path of a Unix socket must stay short.
        self.directory = Path(tempfile.mkdtemp(prefix="failover-e2e-"))
        self.network = Network(self.directory)
        self.servers: list[Receiver] = []
        self.sinks: list[Sink] = []
        self.proxies: list[Proxy] = []
        self.services: list[Server] = []  # of docs/recipes.md
        self.clients: list[Client] = []
        self._module_dir = module_dir

    def __enter__(self) -> "Lab":
        try:
            self.network.create()
            self.network.add_host("client")
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Building it

    @property
    def client_host(self) -> Host:
        """The host of the first client, where most tests have their only one."""
        return self.network.hosts["client"]

    def server(self, name: str, port: int = 514, *, certificate: Certificate | None = None, start: bool = True) -> Receiver:
        """A log server on a host of its own (made at first mention)."""
        host = self.network.hosts.get(name) or self.network.add_host(name)
        receiver = Receiver(host, port, self.directory, certificate)
        self.servers.append(receiver)
        return receiver.start() if start else receiver

    def start_servers(self, *names: str) -> list[Receiver]:
        """Log servers of these names on port 514."""
        return [self.server(name) for name in names]

    def sink(self, name: str, *, certificate: Certificate | None = None, kind: Pace | Program = Pace()) -> Sink:
        """A log server for many messages, on a host of its own: ours or a stock one; not started."""
        host = self.network.hosts.get(name) or self.network.add_host(name)
        make = Sink if isinstance(kind, Pace) else StockServer
        self.sinks.append(make(host, self.directory, certificate, kind))
        return self.sinks[-1]

    def proxy(self, name: str, backend: Sink) -> Proxy:
        """HAProxy on a host of its own, started."""
        self.proxies.append(Proxy(self.network.add_host(name), self.directory, backend))
        return self.proxies[-1]

    def config(self, driver: str, *, options: str = "time-reopen(1)", module: bool = True, flow_control: bool = False) -> str:
        """A complete configuration with one destination."""
        return configuration(destination("d_remote", driver), options=options, module=module, flow_control=flow_control)

    def start_client(self, config: str, *, host: str = "client", wrapper: tuple[str, ...] = (),
                     as_service: bool = False) -> Client:
        """The client; or one more, on a host of its own."""
        on = self.network.hosts.get(host) or self.network.add_host(host)
        client = Client(on, self.directory, config, wrapper, self._module_dir, as_service)
        self.clients.append(client)
        client.start()
        return client

    @property
    def client(self) -> Client:
        """The first client, in most tests the only one."""
        return self.clients[0]

    @property
    def sender(self) -> Sender:
        return self.client.sender

    # Using it

    def wait_in_use(self, server: Receiver, timeout_s: float = SOON_S) -> None:
        """Wait until the server has an open connection."""
        wait_until(server.open_connections, timeout_s, f"a connection to {server}")

    def deliver_to(self, server: Receiver, count: int = 3, timeout_s: float = SOON_S) -> None:
        """Once the server has a connection: what is sent arrives there, all of it, in order, and nowhere else."""
        self.wait_in_use(server, timeout_s)
        sent = list(self.sender.send(count))
        wait_until(lambda: set(sent) <= set(server.numbers()), timeout_s, f"messages {sent} at {server}")
        assert [number for number in server.numbers() if number in sent] == sent
        for other in self.servers:
            assert other is server or not set(sent) & set(other.numbers()), f"{other} got messages meant for {server}"

    def client_died(self) -> bool:
        return any(client.died for client in self.clients)

    def story(self) -> str:
        """What happened, for the report of a failed test."""
        parts = [f"syslog-ng on {c.host.name} (exit code {c.exit_code}):\n{c.log_text()}" for c in self.clients]
        for file in sorted(self.directory.glob("*.events")) + sorted(self.directory.glob("*.output")):
            parts.append(f"{file.name}:\n{file.read_text(errors='replace')}")
        return "\n".join(parts)

    def close(self) -> None:
        with ExitStack() as steps:  # Each is taken, whatever becomes of the one before; last in, first out.
            steps.callback(shutil.rmtree, self.directory, ignore_errors=True)
            steps.callback(self.network.close)
            for process in (*self.servers, *self.sinks, *self.proxies, *self.services, *self.clients):
                steps.callback(process.kill)
