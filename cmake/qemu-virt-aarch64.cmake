# The board "QEMU virt": which compiler builds for it, and which board folder belongs to it.
#
# The compiler is Debian's cross compiler for arm64 Linux, used freestanding.  What it predefines
# about Linux is untrue here and is taken away, so that third-party code asks for nothing we lack.

set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR aarch64)

set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_ASM_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_AR aarch64-linux-gnu-ar)
set(CMAKE_RANLIB aarch64-linux-gnu-ranlib)

# There is no C library to link CMake's own trial programs with.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)

set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)

set(ROTUNDA_BOARD qemu-virt)

# Any ARMv8.0 core must run the result, so no LSE atomics; the outlined ones ask Linux for them.
set(ROTUNDA_MACHINE_FLAGS -march=armv8-a -mtune=cortex-a72 -mno-outline-atomics)
set(ROTUNDA_NOT_LINUX -U__linux__ -U__linux -Ulinux -U__gnu_linux__ -U__unix__ -U__unix -Uunix)
