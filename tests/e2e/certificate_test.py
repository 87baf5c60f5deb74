#!/usr/bin/env python3
"""
A certificate that the user brings along: of each kind that docs/web.md names, over TLS 1.2 and 1.3,
checked by the client as a browser would; and a pair that isn't one.
"""

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import time

import rotunda_vm

MAKER = os.path.join(rotunda_vm.ROOT, "userland", "web", "make_certificate")
KINDS = {
    "p256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "rsa": ["-newkey", "rsa:2048"],
}
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)
NAME = "rotunda.test"


def pair_make(kind, folder):
    certificate, key = (os.path.join(folder, kind + end) for end in (".crt", ".key"))
    subprocess.run(["openssl", "req", "-x509", *KINDS[kind], "-nodes", "-days", "30",
                    "-subj", f"/CN={NAME}", "-addext", f"subjectAltName=DNS:{NAME}",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


def certificate_take(certificate, key, out):
    command = [sys.executable, MAKER, out, f"--certificate={certificate}", f"--key={key}"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def image_make(kind, folder):
    """The build folder's image, but with this kind of certificate; and its path."""
    certificate, key = pair_make(kind, folder)
    out, image = os.path.join(folder, kind), os.path.join(folder, kind + ".Image")
    done = certificate_take(certificate, key, out)
    assert done.returncode == 0, done.stderr
    pack = os.path.join(rotunda_vm.build_folder(), "rotunda.pack")
    subprocess.run([sys.executable, os.path.join(rotunda_vm.ROOT, "tools", "pack"), "@" + pack,
                    "--file", "tls-certificate=" + os.path.join(out, "tls-certificate"),
                    "--file", "tls-key=" + os.path.join(out, "tls-key"), "--output", image],
                   check=True, stdout=subprocess.DEVNULL)
    return certificate, image


def shake_hands(port, certificate, version):
    context = ssl.create_default_context(cafile=certificate)
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", port), timeout=20) as stream:
        with context.wrap_socket(stream, server_hostname=NAME) as tls:
            tls.sendall(f"GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
            assert tls.recv(15) == b"HTTP/1.1 200 OK", "no page"


def is_served(kind, folder):
    certificate, image = image_make(kind, folder)
    with rotunda_vm.Machine(image) as vm:
        vm.wait_https()
        for version in VERSIONS:
            begin = time.monotonic()
            shake_hands(vm.https_port, certificate, version)
            print(f"     {kind}, {version.name}: {time.monotonic() - begin:.2f} s")


def strangers_are_refused(folder):
    certificate, _ = pair_make("p256", folder)
    _, key = pair_make("rsa", folder)
    done = certificate_take(certificate, key, os.path.join(folder, "strangers"))
    assert done.returncode != 0 and "is not the key of" in done.stderr, done.stderr


def main():
    rotunda_vm.wanted_tests()
    if not os.path.exists(rotunda_vm.default_image()):
        print(f"skipped: needs {rotunda_vm.default_image()}")
        return rotunda_vm.CANNOT_RUN
    failed = 0
    with tempfile.TemporaryDirectory() as folder:
        checks = {kind: lambda kind=kind: is_served(kind, folder) for kind in KINDS}
        checks["strangers"] = lambda: strangers_are_refused(folder)
        for name, check in checks.items():
            try:
                check()
                print(f"ok   {name}")
            except (AssertionError, OSError) as error:
                print(f"FAIL {name}: {error}")
                failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
