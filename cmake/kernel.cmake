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

# No floating point, no unaligned access (the MMU is off at first), and a frame record per function
# so that a panic can show who called whom.  x18 is the domain's: a system call saves only what C
# doesn't keep by itself, and on arm64 Linux C doesn't keep x18.
add_library(rotunda_kernel_flags INTERFACE)
target_include_directories(rotunda_kernel_flags INTERFACE ${ROTUNDA_KERNEL_INCLUDES})
target_compile_options(rotunda_kernel_flags INTERFACE
    ${ROTUNDA_MACHINE_FLAGS} ${ROTUNDA_NOT_LINUX}
    -ffreestanding -ffixed-x18 -fno-pie -fno-common -fno-stack-protector -fno-omit-frame-pointer
    -fno-asynchronous-unwind-tables -fno-unwind-tables
    $<$<COMPILE_LANGUAGE:C>:-mgeneral-regs-only;-mstrict-align>)

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

    # Copying is all about words at any alignment; nothing copies before the MMU is on.  The
    # compiler makes calls of these functions out of nothing, so they stand outside of what it
    # optimises.
    set_source_files_properties(${CMAKE_SOURCE_DIR}/core/base/string.c
        ${CMAKE_SOURCE_DIR}/core/base/memset.c PROPERTIES COMPILE_OPTIONS
        "$<IF:$<C_COMPILER_ID:Clang>,-munaligned-access,-mno-strict-align>;-fno-lto")

    add_executable(${name}_kernel ${sources})
    set_target_properties(${name}_kernel PROPERTIES
        OUTPUT_NAME ${name}.elf LINK_DEPENDS ${script}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    target_link_libraries(${name}_kernel PRIVATE rotunda_kernel_flags rotunda_warnings)
    # The whole kernel is optimised at once: its paths go through many small functions in many
    # files, and an eighth of their instructions is calling them.
    target_compile_options(${name}_kernel PRIVATE $<$<COMPILE_LANGUAGE:C>:-flto=auto>)
    target_link_options(${name}_kernel PRIVATE
        -flto=auto -O2 -ffixed-x18 -mgeneral-regs-only -mstrict-align -fno-omit-frame-pointer)
    if(TARGET fdt_kernel)
        target_link_libraries(${name}_kernel PRIVATE fdt_kernel)
    endif()
    target_link_options(${name}_kernel PRIVATE
        -nostdlib -static -no-pie
        -Wl,-T,${script},--build-id=none,-z,max-page-size=4096,-z,noexecstack
        -Wl,-Map,${CMAKE_BINARY_DIR}/${name}.map)
endfunction()
