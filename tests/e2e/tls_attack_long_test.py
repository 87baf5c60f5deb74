#!/usr/bin/env python3
"""The attacks of tls_attack_test.py a hundred times, and what testssl.sh finds."""
# suite: long
# timeout: 7200

import json
import os
import shutil
import subprocess
import sys
import tempfile

import tls_attack_runs

CHECKS = ["--protocols", "--std", "--pfs", "--vulnerable"]
# Pages that are compressed beside secrets: this site has none.
EXPECTED = {"BREACH"}
GRAVE = ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL")


def testssl_finds_nothing(vm, _rounds):
    tool = shutil.which("testssl") or shutil.which("testssl.sh")
    assert tool, "no testssl.sh: tools/setup long installs it"
    with tempfile.TemporaryDirectory() as folder:
        found = os.path.join(folder, "found.json")
        subprocess.run([tool, "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none",
                        "--connect-timeout", "20", "--openssl-timeout", "20", *CHECKS, "--jsonfile",
                        found, f"127.0.0.1:{vm.https_port}"], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, timeout=1800, check=False, cwd=folder)
        with open(found, encoding="utf-8") as stream:
            findings = {finding["id"]: finding for finding in json.load(stream)}
    for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1"):
        assert findings[name]["finding"] == "not offered", findings[name]
    for name in ("TLS1_2", "TLS1_3", "PFS"):
        assert findings[name]["severity"] == "OK", findings[name]
    grave = [finding for finding in findings.values()
             if finding["severity"] in GRAVE and finding["id"] not in EXPECTED]
    assert not grave, grave
    assert len(findings) > 30, f"testssl.sh looked at {len(findings)} things only"
    print(f"     testssl.sh: {len(findings)} findings, none grave but {', '.join(EXPECTED)}, which "
          f"needs secrets in pages")


if __name__ == "__main__":
    sys.exit(tls_attack_runs.run_all(rounds=100, more=[testssl_finds_nothing]))
