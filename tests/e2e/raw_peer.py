"""
The whole network around a machine, as raw frames over `-netdev stream`: a gateway that owns every
address but the machine's, a TCP small enough to be honest with, and all the means not to be.

    with Network() as network, Machine(network=False, options=network.options(),
                                       append=GUEST_ARGUMENTS) as vm:
        network.page(seconds=2.0)
        network.send_tcp(source, 443, SYN, sequence=1)

Standard library only.
"""

import contextlib
import os
import random
import shutil
import socket
import ssl
import struct
import tempfile
import threading
import time

import rotunda_vm

GUEST_MAC = bytes.fromhex("525400123456")
GATEWAY_MAC = bytes.fromhex("020000000001")
GUEST, GATEWAY = "10.0.2.15", "10.0.2.2"
GUEST_ARGUMENTS = f"net.address={GUEST}/24 net.gateway={GATEWAY} net.slaac=off"
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
ETHERNET_IP, ETHERNET_ARP = b"\x08\x00", b"\x08\x06"
MSS = 1460
WINDOW = 60000
RELAY_PORT = 10  # of the echo program: connects to where it is told
# A sender sends again after this long, as hosts do.
SYN_SECONDS, DATA_SECONDS = 1.0, 0.3


def packed(address):
    return socket.inet_aton(address)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def ip_packet(source, protocol, payload, target=packed(GUEST)):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0, 0x4000, 64, protocol, 0,
                       source, target)
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def tcp_segment(source, source_port, port, flags, sequence=0, acknowledged=0, data=b"",
                options=b"", window=WINDOW):
    head = struct.pack(">HHIIBBHHH", source_port, port, sequence & 0xffffffff,
                       acknowledged & 0xffffffff, (5 + len(options) // 4) << 4, flags, window, 0, 0)
    segment = head + options + data
    pseudo = source + packed(GUEST) + struct.pack(">BBH", 0, 6, len(segment))
    return segment[:16] + struct.pack(">H", checksum(pseudo + segment)) + segment[18:]


class Segment:
    """What the machine sent: one TCP segment."""

    def __init__(self, packet):
        size = (packet[0] & 15) * 4
        total = struct.unpack(">H", packet[2:4])[0]
        self.target = packet[16:20]
        tcp = packet[size:total]
        (self.source_port, self.port, self.sequence, self.acknowledged, offset, self.flags,
         self.window) = struct.unpack(">HHIIBBH", tcp[:16])
        self.data = tcp[(offset >> 4) * 4:]


class Network:
    """The other end of the machine's cable."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="rotunda-net-")
        self.path = os.path.join(self.folder, "cable")
        self.listener = rotunda_vm.listen(self.path)
        self.cable = None
        self.sending = threading.Lock()
        self.lock = threading.Lock()
        self.connections = {}  # (our address, our port) -> Connection
        self.is_present = lambda address: True  # does anybody answer for it?
        self.strangers = None  # called with each Segment for nobody
        self.ports = random.Random(7)
        self.is_up = threading.Event()
        threading.Thread(target=self.listen, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for end in (self.cable, self.listener):
            if end is not None:
                end.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def options(self):
        return ["-netdev", f"stream,id=net0,server=off,addr.type=unix,addr.path={self.path}",
                "-device", "virtio-net-device,netdev=net0,bus=virtio-mmio-bus.0"]

    # Frames.

    def listen(self):
        """The thread that takes in whatever the machine sends."""
        try:
            self.cable = rotunda_vm.accept(self.listener)
            # What waits here waits in front of an honest client's frames too.
            self.cable.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 15)
            self.is_up.set()
            stream = self.cable.makefile("rb")
            while head := stream.read(4):
                self.on_frame(stream.read(struct.unpack(">I", head)[0]))
        except (OSError, ValueError, struct.error):
            pass

    def send_frame(self, frame):
        with self.sending:
            self.cable.sendall(struct.pack(">I", len(frame)) + frame)

    def send_ip(self, packet):
        self.send_frame(GUEST_MAC + GATEWAY_MAC + ETHERNET_IP + packet)

    def send_tcp(self, source, source_port, port, flags, **fields):
        self.send_ip(ip_packet(source, 6, tcp_segment(source, source_port, port, flags, **fields)))

    def on_frame(self, frame):
        if frame[12:14] == ETHERNET_ARP and frame[20:22] == b"\0\1":
            if self.is_present(frame[38:42]):
                self.send_frame(frame[6:12] + GATEWAY_MAC + frame[12:20] + b"\0\2"
                                + GATEWAY_MAC + frame[38:42] + frame[22:32])
        elif frame[12:14] == ETHERNET_IP and frame[23] == 6:
            segment = Segment(frame[14:])
            with self.lock:
                connection = self.connections.get((segment.target, segment.port))
            if connection is not None:
                connection.on_segment(segment)
            elif self.strangers is not None:
                self.strangers(segment)

    @contextlib.contextmanager
    def strangers_go_to(self, on_stranger):
        """Segments for nobody, meanwhile."""
        self.strangers = on_stranger
        try:
            yield
        finally:
            self.strangers = None

    # What the machine chooses.

    def sequence_numbers(self, source, port, source_ports, seconds, options=b""):
        """Those of its SYN-ACKs to SYNs from these ports, one after the other."""
        found, news = {}, threading.Condition()

        def on_stranger(segment):
            if segment.target == source and segment.flags & (SYN | ACK) == SYN | ACK:
                self.send_tcp(source, segment.port, port, RST, sequence=segment.acknowledged)
                with news:
                    found.setdefault(segment.port, segment.sequence)
                    news.notify()

        with self.strangers_go_to(on_stranger):
            for source_port in source_ports:
                self.send_tcp(source, source_port, port, SYN, options=options)
                with news:
                    arrived = news.wait_for(lambda wanted=source_port: wanted in found, seconds)
                assert arrived, f"no answer to a SYN from port {source_port}"
        return [found[source_port] for source_port in source_ports]

    def ports_taken(self, count, seconds):
        """Those from which it connects, as the relay does when it is asked to."""
        found, news = {}, threading.Condition()
        targets = range(5000, 5000 + count)

        def on_stranger(segment):
            if segment.flags & SYN and not segment.flags & ACK:
                with news:
                    found.setdefault(segment.port, segment.source_port)
                    news.notify()

        with self.strangers_go_to(on_stranger):
            for target in targets:
                with Connection(self, RELAY_PORT, time.monotonic() + seconds) as relay:
                    relay.send(f"{GATEWAY} {target}\n".encode())
                    with news:
                        arrived = news.wait_for(lambda wanted=target: wanted in found, seconds)
                    assert arrived, "no SYN came"
        return [found[target] for target in targets]

    # An honest client.

    def page(self, path="/", seconds=30.0):
        """How long one GET over TLS took, from the SYN to the last byte."""
        begin = time.monotonic()
        with Connection(self, 443, begin + seconds) as connection:
            tls = Tls(connection)
            tls.send(f"GET {path} HTTP/1.1\r\nHost: rotunda\r\nConnection: close\r\n\r\n".encode())
            received = b""
            while data := tls.receive():
                received += data
        assert received.startswith(b"HTTP/1.1 200 "), f"no page, but {received[:60]}"
        return time.monotonic() - begin


class Connection:
    """A TCP connection to the machine: in order, sent again when nobody acknowledges it."""

    def __init__(self, network, port, deadline, source="198.51.100.7"):
        self.network, self.port, self.deadline = network, port, deadline
        self.source, self.source_port = packed(source), network.ports.randrange(20000, 60000)
        self.news = threading.Condition()
        self.sent = self.network.ports.getrandbits(32)  # the next of ours
        self.acknowledged = self.sent  # of ours, by them
        self.received = None  # the next of theirs
        self.data = b""
        self.is_finished = self.is_reset = False

    def __enter__(self):
        with self.network.lock:
            self.network.connections[self.source, self.source_port] = self
        try:
            self.transmit(SYN, options=struct.pack(">BBH", 2, 4, MSS), again=SYN_SECONDS)
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *exception):
        with self.network.lock:
            del self.network.connections[self.source, self.source_port]
        if not self.is_reset:
            self.segment(RST | ACK if self.received is not None else RST, self.sent)

    def segment(self, flags, sequence, data=b"", options=b""):
        self.network.send_tcp(self.source, self.source_port, self.port, flags, sequence=sequence,
                              acknowledged=self.received or 0, data=data, options=options)

    def transmit(self, flags, data=b"", options=b"", again=DATA_SECONDS):
        """Send until it is acknowledged."""
        first = self.sent
        self.sent = (first + len(data) + (1 if flags & (SYN | FIN) else 0)) & 0xffffffff
        with self.news:
            while self.acknowledged != self.sent:
                if self.is_reset:
                    raise ConnectionResetError("the machine has reset the connection")
                if time.monotonic() > self.deadline:
                    raise TimeoutError("an honest client has waited too long")
                self.segment(flags, first, data, options)
                self.news.wait_for(lambda: self.acknowledged == self.sent or self.is_reset, again)

    def send(self, data):
        for start in range(0, len(data), MSS):
            self.transmit(PSH | ACK, data[start:start + MSS])

    def receive(self):
        with self.news:
            self.news.wait_for(lambda: self.data or self.is_finished or self.is_reset,
                               max(0.0, self.deadline - time.monotonic()))
            data, self.data = self.data, b""
            if not data and not self.is_finished:
                raise ConnectionResetError("reset") if self.is_reset else \
                    TimeoutError("an honest client has waited too long")
            return data

    def on_segment(self, segment):
        with self.news:
            if segment.flags & RST:
                self.is_reset = True
            elif segment.flags & SYN:
                if self.received is None and segment.acknowledged == self.sent:
                    self.received = (segment.sequence + 1) & 0xffffffff
                    self.acknowledged = segment.acknowledged
                self.segment(ACK, self.sent)
            elif self.received is not None:
                self.on_data(segment)
            self.news.notify_all()

    def on_data(self, segment):
        if (segment.acknowledged - self.acknowledged) & 0xffffffff < 1 << 31:
            self.acknowledged = segment.acknowledged
        if segment.sequence == self.received:
            self.data += segment.data
            self.received += len(segment.data)
            if segment.flags & FIN:
                self.is_finished = True
                self.received += 1
            self.received &= 0xffffffff
        if segment.data or segment.flags & FIN:
            self.segment(ACK, self.sent)


class Tls:
    """TLS over a Connection."""

    def __init__(self, connection):
        self.connection = connection
        self.inward, self.outward = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = rotunda_vm.any_certificate().wrap_bio(self.inward, self.outward,
                                                         server_hostname="rotunda")
        self.drive(self.tls.do_handshake)

    def drive(self, step):
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                self.flush()
                if data := self.connection.receive():
                    self.inward.write(data)
                else:
                    self.inward.write_eof()
            finally:
                self.flush()

    def flush(self):
        if data := self.outward.read():
            self.connection.send(data)

    def send(self, data):
        self.drive(lambda: self.tls.write(data))

    def receive(self):
        """b"" at the end."""
        try:
            return self.drive(lambda: self.tls.read(1 << 16))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""
