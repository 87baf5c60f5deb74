"""tools/pack: what it puts where, and what it refuses.

Programs are linked from a few lines of assembly with the project's own linker script, or with one
that breaks a rule.
"""

import os
import struct
import subprocess
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PACK = os.path.join(ROOT, "tools", "pack")
SCRIPT = os.path.join(ROOT, "userland", "runtime", "program.ld")
GCC = "aarch64-linux-gnu-gcc"

KERNEL_SCRIPT = """
ENTRY(_start)
PHDRS { text PT_LOAD FLAGS(5); data PT_LOAD FLAGS(6); }
SECTIONS {
    . = 0xffffffff80000000;
    .text : { *(.text) } :text
    . = ALIGN(4096);
    .data : { *(.data) } :data
    .bss : { *(.bss) . = ALIGN(4096); } :data
    __image_end = .;
}
"""
KERNEL = """
        .text
        .global _start
_start: nop
        nop
        .space 48
        .ascii "ARM\\x64"
        .space 4
        .type kernel_work, %function
kernel_work:
        ret
        .data
        .quad 0x1122334455667788
        .bss
        .space 5000
"""
PROGRAM = """
        .section .crt0, "ax"
        .global _start
        .type _start, %function
_start: ret
        .type work, %function
work:   ret
        .section .rodata, "a"
        .ascii "constant"
        .data
pointer: .quad _start
        .bss
        .space 9000
"""


class PackTest(unittest.TestCase):
    def setUp(self):
        self.folder_object = tempfile.TemporaryDirectory()
        self.folder = self.folder_object.name
        self.kernel = self.link("kernel", KERNEL, ["-static", "-no-pie"],
                                self.write("kernel.ld", KERNEL_SCRIPT))
        self.manifest = self.write("manifest.dtb", "not really a tree")

    def tearDown(self):
        self.folder_object.cleanup()

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "w", encoding="utf-8") as stream:
            stream.write(text)
        return self.path(name)

    def link(self, name, assembly, options=("-static-pie",), script=SCRIPT):
        source = self.write(name + ".S", assembly)
        subprocess.run([GCC, "-nostdlib", *options, "-Wl,--no-dynamic-linker,--build-id=none",
                        "-Wl,-z,norelro,-z,max-page-size=4096,--no-warn-rwx-segments",
                        f"-Wl,-T,{script}", "-o", self.path(name), source], check=True)
        return self.path(name)

    def pack(self, *arguments):
        image = self.path("out.Image")
        done = subprocess.run([PACK, "--kernel", self.kernel, "--manifest", self.manifest,
                               *arguments, "--output", image], text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode != 0:
            return None, done.stderr
        with open(image, "rb") as stream:
            return stream.read(), done.stdout

    def archive(self, *arguments):
        image, said = self.pack(*arguments)
        self.assertIsNotNone(image, said)
        return image[image.index(b"ROTARCH1"):]

    def refused(self, *arguments):
        image, said = self.pack(*arguments)
        self.assertIsNone(image)
        return said

    def test_kernel_comes_first_with_its_bss_and_the_image_size(self):
        image, _ = self.pack()
        archive = image.index(b"ROTARCH1")
        self.assertEqual(archive, 0x1000 + 0x2000)
        self.assertEqual(struct.unpack_from("<Q", image, 16)[0], len(image))
        self.assertEqual(struct.unpack_from("<Q", image, 0x1000)[0], 0x1122334455667788)
        self.assertFalse(any(image[0x1008:archive]))

    def test_program_entry_describes_its_parts(self):
        archive = self.archive("--program", f"one={self.link('one', PROGRAM)}")
        count, total = struct.unpack_from("<IQ", archive, 12)
        self.assertEqual((count, total), (2, len(archive)))
        (name, text, text_bytes, rodata_bytes, data, data_file, data_memory, distance, entry,
         symbols, symbol_count) = struct.unpack_from("<32s10Q", archive, 128 + 128)
        self.assertEqual(name.rstrip(b"\0"), b"one")
        self.assertEqual((text % 4096, text_bytes, rodata_bytes), (0, 4096, 4096))
        self.assertEqual(archive[text + text_bytes:][:8], b"constant")
        self.assertEqual((distance, entry), (0x200000, 0))
        self.assertGreater(data_memory, data_file + 9000 - 16)
        self.assertEqual(data % 64, 0)
        self.assertEqual(symbol_count, 2)
        strings = struct.unpack_from("<Q", archive, 64)[0]
        names = [archive[strings + struct.unpack_from("<II", archive, symbols + 8 * i)[1]:]
                 .split(b"\0")[0] for i in range(symbol_count)]
        self.assertEqual(names, [b"_start", b"work"])

    def test_spare_text_is_the_same_and_has_a_checksum(self):
        one = f"one={self.link('one', PROGRAM)}"
        archive = self.archive("--program", one, "--spare", "one")
        text, size, constants = struct.unpack_from("<3Q", archive, 128 + 128 + 32)
        spare, total = struct.unpack_from("<2Q", archive, 128 + 128 + 112)
        self.assertNotIn(spare, (0, text))
        content = archive[text:text + size + constants]
        self.assertEqual(archive[spare:spare + size + constants], content)
        wanted = 0xcbf29ce484222325
        for at in range(0, len(content), 8):
            wanted ^= int.from_bytes(content[at:at + 8], "little")
            wanted = wanted * 0x9e3779b97f4a7c15 % 2**64
            wanted ^= wanted >> 32
        self.assertEqual(total, wanted)
        archive = self.archive("--program", one)
        self.assertEqual(struct.unpack_from("<2Q", archive, 128 + 128 + 112), (0, 0))
        self.assertIn("no program 'two'", self.refused("--program", one, "--spare", "two"))

    def test_files_are_sorted_and_page_aligned(self):
        self.write("site/b.txt", "second")
        self.write("site/a/x.txt", "first")
        archive = self.archive("--folder", "site=" + self.path("site"))
        files, count = struct.unpack_from("<QQ", archive, 32)
        self.assertEqual(count, 2)
        found = []
        strings = struct.unpack_from("<Q", archive, 64)[0]
        for i in range(count):
            offset, size, _, name, length = struct.unpack_from("<QQQII", archive, files + 32 * i)
            self.assertEqual(offset % 4096, 0)
            found.append((archive[strings + name:][:length], archive[offset:offset + size]))
        self.assertEqual(found, [(b"site/a/x.txt", b"first"), (b"site/b.txt", b"second")])

    def test_later_folder_replaces_the_earlier_one(self):
        self.write("old/a", "old")
        self.write("new/b", "new")
        archive = self.archive("--folder", "site=" + self.path("old"),
                               "--folder", "site=" + self.path("new"))
        self.assertEqual(struct.unpack_from("<Q", archive, 40)[0], 1)
        self.assertIn(b"site/b\0", archive)

    def test_relocation_of_another_type_is_refused(self):
        program = self.link("imports", PROGRAM + "\n.data\n.quad elsewhere\n.weak elsewhere\n",
                            ["-shared"])
        self.assertIn("relocation type", self.refused("--program", f"imports={program}"))

    def test_writable_text_is_refused(self):
        with open(SCRIPT, encoding="utf-8") as stream:
            script = stream.read().replace("FLAGS(5)", "FLAGS(7)")
        program = self.link("rwx", PROGRAM, script=self.write("rwx.ld", script))
        self.assertIn("rights rwx", self.refused("--program", f"rwx={program}"))

    def test_data_in_the_slot_of_the_text_is_refused(self):
        with open(SCRIPT, encoding="utf-8") as stream:
            script = stream.read().replace("ALIGN(0x200000)", "ALIGN(4096)")
            script = script[:script.index("ASSERT")]
        program = self.link("near", PROGRAM, script=self.write("near.ld", script))
        self.assertIn("2 MiB slot", self.refused("--program", f"near={program}"))

    def test_fixed_address_program_is_refused(self):
        program = self.link("fixed", PROGRAM, ["-static", "-no-pie"])
        self.assertIn("position-independent", self.refused("--program", f"fixed={program}"))

    def test_long_and_repeated_names_are_refused(self):
        program = self.link("one", PROGRAM)
        self.assertIn("longer than 31", self.refused("--program", f"{'n' * 32}={program}"))
        self.assertIn("two programs", self.refused("--program", f"one={program}",
                                                   "--program", f"one={program}"))

    def test_missing_file_is_named(self):
        self.assertIn("/no/such", self.refused("--file", "x=/no/such"))


if __name__ == "__main__":
    unittest.main()
