"""tools/third-party: which archive it takes from, what it refuses, what it unpacks."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import sys
import tarfile
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("third_party",
                                              os.path.join(ROOT, "tools", "third-party"))
module = importlib.util.module_from_spec(importlib.util.spec_from_loader("third_party", loader))
loader.exec_module(module)


class ThirdPartyTest(unittest.TestCase):
    def setUp(self):
        self.folder_object = tempfile.TemporaryDirectory()
        self.folder = self.folder_object.name

    def tearDown(self):
        self.folder_object.cleanup()

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as stream:
            stream.write(text)
        return path

    def chosen(self, sources):
        return [uri for uri, suite, components, key in sources
                if module.is_debian_archive(suite, components, key)]

    def test_one_line_sources_are_read(self):
        path = self.write("sources.list", """\
# deb http://comment.example/debian bookworm main
deb-src http://source.example/debian bookworm main
deb [signed-by=/k/vendor.gpg] http://vendor.example/apt stable main
deb http://security.example/debian-security bookworm-security main
deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] \
http://right.example/debian bookworm main contrib # the one
deb cdrom:[Debian_12]/ bookworm main
""")
        self.assertEqual(self.chosen(module.one_line_sources(path))[:1],
                         ["http://right.example/debian"])

    def test_deb822_sources_are_read(self):
        path = self.write("debian.sources", """\
Types: deb
# a comment in between
URIs: http://right.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://off.example/debian
Suites: trixie
Components: main
Enabled: no

Types: deb
URIs: http://vendor.example/apt
Suites: stable
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 xyz
""")
        self.assertEqual(self.chosen(module.deb822_sources(path)), ["http://right.example/debian"])

    def target(self, expected):
        target = module.Folder(self.folder)
        target.expected = expected
        return target

    def test_altered_file_is_refused(self):
        path = self.write("lib_1.0.orig.tar.xz", "altered")
        target = self.target({"lib": ("lib_1.0.orig.tar.xz", "0" * 64)})
        with self.assertRaises(module.Failed):
            target.check("lib", path)

    def test_newer_release_is_a_warning(self):
        path = self.write("lib_1.1.orig.tar.xz", "newer")
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            self.target({"lib": ("lib_1.0.orig.tar.xz", "0" * 64)}).check("lib", path)
        self.assertIn("tested with lib_1.0", said.getvalue())

    def test_unpacking_keeps_to_the_part_asked_for(self):
        archive = os.path.join(self.folder, "x.tar")
        with tarfile.open(archive, "w") as tar:
            for name in ("x-1/deps/lib/a.c", "x-1/deps/other.c", "x-1/../escape.c"):
                member = tarfile.TarInfo(name)
                member.size = 3
                tar.addfile(member, io.BytesIO(b"abc"))
        out = os.path.join(self.folder, "out")
        module.unpack(archive, out, "deps/lib/")
        found = [os.path.join(folder, name) for folder, _, names in os.walk(out) for name in names]
        self.assertEqual(found, [os.path.join(out, "a.c")])

    def test_every_expected_file_has_a_checksum(self):
        expected = module.read_expected()
        self.assertLessEqual({"libfdt", "lwip", "mbedtls", "linenoise", "picolibc"}, set(expected))
        for _, checksum in expected.values():
            self.assertRegex(checksum, r"^[0-9a-f]{64}$")


if __name__ == "__main__":
    unittest.main()
