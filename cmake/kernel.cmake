# rotunda_kernel(<name> <variant> ...): the kernel ELF, from core/, domains/, arch/ and the board's
# folder.  Of what differs between kernels, the folders below domains/variant/, it gets those named.
#
# Each layer keeps its public headers in <folder>/include/<layer>/, so an include line names the
# layer it reaches into; tools/layers holds the lines against the layer map.

set(ROTUNDA_KERNEL_FOLDERS core domains arch/aarch64 board/${ROTUNDA_BOARD})
set(ROTUNDA_KERNEL_INCLUDES
    ${CMAKE_SOURCE_DIR}/core/abi/include
    ${CMAKE_SOURCE_DIR}/core/base/include
    ${CMAKE_SOURCE_DIR}/arch/aarch64/include
    ${CMAKE_SOURCE_DIR}/board/include
    ${CMAKE_SOURCE_DIR}/domains/include
    ${CMAKE_SOURCE_DIR}/core/include)

# What the figures of docs/measuring.md go through and gains most, byte for byte, by being compiled
# for speed; everything else is compiled for size.
set(ROTUNDA_KERNEL_FAST core/sys_view.c domains/frame.c domains/handle.c)

# Runs before the MMU is on, when words must be at their alignment.
set(ROTUNDA_KERNEL_BEFORE_MMU
    arch/aarch64/early_uart.c arch/aarch64/mmu_boot.c arch/aarch64/pmu.c core/base/format.c
    core/boot_greet.c core/devicetree.c core/devicetree_interrupt.c core/devicetree_reg.c
    core/machine.c)

# Runs while booting only, and then its memory is given away (core/include/core/boot_end.h): so it
# is not part of what is optimised as one, and kernel.ld tells it by that.
set(ROTUNDA_KERNEL_BOOT
    arch/aarch64/mmu_boot.c core/boot.c core/boot_greet.c core/boot_memory.c core/devicetree.c
    core/devicetree_interrupt.c core/devicetree_reg.c core/first_domain.c core/machine.c
    core/machine_cpu.c core/machine_gic.c core/machine_memory.c core/secondary.c)

# For size, and without what makes code larger for all that: found by trying each alone.
set(ROTUNDA_KERNEL_SMALL
    -Os -fno-tree-sink -fno-tree-tail-merge -fno-thread-jumps -fno-tree-loop-im
    -fno-move-loop-invariants -fno-partial-inlining -fno-ipa-modref -fno-tree-fre -fno-tree-sra)
set(ROTUNDA_KERNEL_CODE -fno-align-functions)

# No floating point, and no frame records: a panic finds who called whom without (core/panic.c).
# x18 is the domain's: a system call saves only what C doesn't keep by itself, and on arm64 Linux C
# doesn't keep x18.
add_library(rotunda_kernel_flags INTERFACE)
target_include_directories(rotunda_kernel_flags INTERFACE ${ROTUNDA_KERNEL_INCLUDES})
target_compile_options(rotunda_kernel_flags INTERFACE
    ${ROTUNDA_MACHINE_FLAGS} ${ROTUNDA_NOT_LINUX} ${ROTUNDA_KERNEL_CODE}
    -fmacro-prefix-map=${CMAKE_SOURCE_DIR}/=
    -ffreestanding -ffixed-x18 -fno-pie -fno-common -fno-stack-protector -fomit-frame-pointer
    -fno-asynchronous-unwind-tables -fno-unwind-tables
    $<$<COMPILE_LANGUAGE:C>:-mgeneral-regs-only>)

function(rotunda_kernel name)
    list(TRANSFORM ROTUNDA_KERNEL_FOLDERS PREPEND ${CMAKE_SOURCE_DIR}/ OUTPUT_VARIABLE folders)
    list(TRANSFORM folders APPEND /*.c OUTPUT_VARIABLE c_files)
    list(TRANSFORM folders APPEND /*.S OUTPUT_VARIABLE assembly_files)
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${c_files} ${assembly_files})
    list(FILTER sources EXCLUDE REGEX /domains/variant/)
    foreach(variant IN LISTS ARGN)
        file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/domains/variant/${variant}/*.c)
        list(APPEND sources ${files})
    endforeach()
    set(script ${CMAKE_SOURCE_DIR}/arch/aarch64/kernel.ld)
    if(NOT sources OR NOT EXISTS ${script})
        message(STATUS "no kernel sources yet: no kernel, no image")
        return()
    endif()

    foreach(source IN LISTS sources)
        cmake_path(RELATIVE_PATH source BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE file)
        set(options)
        if(source MATCHES "[.]c$" AND NOT file IN_LIST ROTUNDA_KERNEL_FAST
           AND NOT file IN_LIST ROTUNDA_KERNEL_BOOT)
            list(APPEND options ${ROTUNDA_KERNEL_SMALL})
        endif()
        if(file IN_LIST ROTUNDA_KERNEL_BOOT)
            list(APPEND options -fno-lto)
        endif()
        if(file IN_LIST ROTUNDA_KERNEL_BEFORE_MMU)
            list(APPEND options -mstrict-align)
        endif()
        set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${options}")
    endforeach()

    # The compiler makes calls of these functions out of nothing, so they stand outside of what it
    # optimises.
    set_source_files_properties(${CMAKE_SOURCE_DIR}/core/base/string.c
        ${CMAKE_SOURCE_DIR}/core/base/memset.c PROPERTIES COMPILE_OPTIONS
        "-fno-lto;-ffunction-sections")

    # Called through a table only, so they lose nothing outside; and kernel.ld places some.
    set_source_files_properties(${CMAKE_SOURCE_DIR}/arch/aarch64/gicv2.c
        ${CMAKE_SOURCE_DIR}/arch/aarch64/gicv3.c PROPERTIES COMPILE_OPTIONS
        "${ROTUNDA_KERNEL_SMALL};-fno-lto;-ffunction-sections")

    add_executable(${name}_kernel ${sources})
    set_target_properties(${name}_kernel PROPERTIES
        OUTPUT_NAME ${name}.elf LINK_DEPENDS ${script}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    target_link_libraries(${name}_kernel PRIVATE rotunda_kernel_flags rotunda_warnings)
    # The whole kernel is optimised at once: its paths go through many small functions in many
    # files, and an eighth of their instructions is calling them.
    target_compile_options(${name}_kernel PRIVATE $<$<COMPILE_LANGUAGE:C>:-flto=auto>)
    target_link_options(${name}_kernel PRIVATE
        -flto=auto -flto-partition=one -O2 ${ROTUNDA_KERNEL_CODE} -ffixed-x18 -mgeneral-regs-only
        -fomit-frame-pointer)
    # Without the checks, all of the image is within an instruction's reach (1 MiB): one gives an
    # address, not two.
    if(NOT checked IN_LIST ARGN)
        target_compile_options(${name}_kernel PRIVATE -mcmodel=tiny)
        target_link_options(${name}_kernel PRIVATE -mcmodel=tiny)
    endif()
    if(TARGET fdt_kernel)
        target_link_libraries(${name}_kernel PRIVATE fdt_kernel)
    endif()
    target_link_options(${name}_kernel PRIVATE
        -nostdlib -static -no-pie
        -Wl,-T,${script},--gc-sections,--build-id=none,-z,max-page-size=4096,-z,noexecstack
        -Wl,-Map,${CMAKE_BINARY_DIR}/${name}.map)
endfunction()
