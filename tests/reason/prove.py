"""Proofs with CBMC, over the files that ship.

usage: prove.py SUBJECT BUILD_DIR COMPILER

tests/reason/SUBJECT_proof.c includes the shipped code and is preprocessed by the kernel's compiler.
Its lines "// proof: FUNCTION OPTIONS" name the proofs.  Every property must hold; every claim must
fail in a scratch copy with a change of SUBJECT.changes, or it claims nothing.
"""

import json
import os
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import changes
from changes import ROOT, Wrong

INCLUDES = ["tests/reason/scaled", "tests/reason", ".", "core/abi/include", "core/base/include",
            "arch/aarch64/include", "domains/include", "userland/runtime/include"]
PREFIX = "claim: "


def cbmc_path():
    folder = os.environ.get("ROTUNDA_THIRD_PARTY") or os.path.join(ROOT, "build", "third-party")
    return os.path.join(folder, "cbmc", "cbmc")


class Subject:
    def __init__(self, name, build, compiler):
        self.name = name
        self.source = os.path.join(ROOT, "tests", "reason", f"{name}_proof.c")
        self.compiler = compiler
        self.folder = os.path.join(build, "reason", name)
        shutil.rmtree(self.folder, ignore_errors=True)
        os.makedirs(self.folder)
        self.proofs = {}
        with open(self.source, encoding="utf-8") as stream:
            for line in stream:
                if line.startswith("// proof: "):
                    function, *options = line.split()[2:]
                    self.proofs[function] = options

    def preprocess(self, overlay=None):
        """The proofs and the shipped code as one text, an overlay's files before the tree's."""
        out = os.path.join(overlay or self.folder, "preprocessed.i")
        includes = [os.path.join(ROOT, folder) for folder in INCLUDES]
        if overlay:
            includes.insert(0, overlay)
        subprocess.run([self.compiler, "-std=c17", "-ffreestanding", "-E",
                        *[f"-I{folder}" for folder in includes], "-o", out, self.source],
                       check=True)
        return out

    def cbmc(self, text, function, *options):
        """CBMC's report as a list of messages."""
        done = subprocess.run([cbmc_path(), "--json-ui", "--arch", "arm64", text,
                               "--function", function, *self.proofs[function], *options],
                              text=True, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE)
        try:
            return json.loads(done.stdout)
        except json.JSONDecodeError as error:
            raise Wrong(f"{function}: CBMC ended with {done.returncode}:\n"
                        f"{done.stdout[-2000:]}{done.stderr[-2000:]}") from error

    def results(self, text, function, *options):
        """Each property's description and whether it holds."""
        report = self.cbmc(text, function, *options)
        for message in report:
            if "result" in message:
                return [(r["description"], r["status"] == "SUCCESS", r) for r in message["result"]]
        raise Wrong(f"{function}: CBMC gives no result: {report[-1]}")

    def claims(self, text):
        """Numbers of each claim's properties, in all proofs."""
        found = {}
        for message in self.cbmc(text, next(iter(self.proofs)), "--show-properties"):
            for entry in message.get("properties", []):
                if entry["description"].startswith(PREFIX):
                    claim = entry["description"].removeprefix(PREFIX)
                    found.setdefault(claim, []).append(entry["name"])
        return found

    def prove(self, text, function):
        started = time.monotonic()
        results = self.results(text, function)
        failed = [r for _, holds, r in results if not holds]
        for r in failed:
            place = r.get("sourceLocation", {})
            print(f"FAILED {function}: {r['description']} "
                  f"({place.get('file')}:{place.get('line')})")
        if failed:
            raise Wrong(f"{function}: {len(failed)} of {len(results)} properties don't hold")
        print(f"{function}: {len(results)} properties hold, "
              f"{time.monotonic() - started:.0f} s", flush=True)

    def must_break(self, number, change, claims):
        started = time.monotonic()
        overlay = os.path.join(self.folder, str(number))
        # Where the changed file is found by the name that it is included by.
        name = change.path.split("/include/")[-1]
        path = os.path.join(overlay, name)
        os.makedirs(os.path.dirname(path))
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(change.applied())
        only = [word for number in claims[change.claim] for word in ("--property", number)]
        results = self.results(self.preprocess(overlay), change.where, "--no-standard-checks",
                               *only)
        if all(holds for _, holds, _ in results):
            raise Wrong(f"'{change.what}' does not break '{change.claim}' in {change.where}")
        print(f"{change.where}: '{change.claim}' fails with '{change.what}', "
              f"{time.monotonic() - started:.0f} s", flush=True)


def main():
    name, build, compiler = sys.argv[1:]
    if not os.access(cbmc_path(), os.X_OK):
        print(f"no {cbmc_path()}: tools/third-party fetches it")
        return changes.SKIPPED
    subject = Subject(name, build, compiler)
    text = subject.preprocess()
    listed = list(changes.read(os.path.join(ROOT, "tests", "reason", f"{name}.changes")))
    claims = subject.claims(text)
    odd = set(claims) ^ {change.claim for change in listed}
    if odd:
        raise Wrong(f"claims without a change, or changes without a claim: {sorted(odd)}")
    for function in subject.proofs:
        subject.prove(text, function)
    for number, change in enumerate(listed):
        subject.must_break(number, change, claims)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Wrong as wrong:
        sys.exit(f"reason: {wrong}")
