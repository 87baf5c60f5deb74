# Libraries that are not ours, fetched by tools/third-party and built here with our configuration.
#
# They live outside the presets' folders, so that all presets (and, through the environment variable
# ROTUNDA_THIRD_PARTY, several checkouts) share one copy.  For programs there are the targets
# fdt, mbedtls and linenoise, and the function rotunda_lwip(); the kernel links fdt_kernel, host
# tests fdt_host.  Other people's headers are system headers: our warnings stop at them.

set(default_folder ${CMAKE_SOURCE_DIR}/build/third-party)
if(DEFINED ENV{ROTUNDA_THIRD_PARTY})
    set(default_folder $ENV{ROTUNDA_THIRD_PARTY})
endif()
set(ROTUNDA_THIRD_PARTY ${default_folder} CACHE PATH "Where tools/third-party has put its code")

execute_process(
    COMMAND ${CMAKE_COMMAND} -E env ROTUNDA_THIRD_PARTY=${ROTUNDA_THIRD_PARTY}
        ${CMAKE_SOURCE_DIR}/tools/third-party --check libfdt picolibc lwip mbedtls linenoise
    RESULT_VARIABLE third_party_missing)
if(third_party_missing)
    message(FATAL_ERROR "Third-party code is missing from ${ROTUNDA_THIRD_PARTY}: "
        "run ./tools/third-party first")
endif()

# A function that nobody declared is a wrong configuration, whatever else is tolerated.
set(ROTUNDA_THIRD_PARTY_FLAGS -Werror=implicit-function-declaration)

# --- libfdt ---

# The overlay part is left out: nothing here merges trees.
set(ROTUNDA_FDT_SOURCES fdt.c fdt_addresses.c fdt_check.c fdt_empty_tree.c fdt_ro.c fdt_rw.c
    fdt_strerror.c fdt_sw.c fdt_wip.c)
list(TRANSFORM ROTUNDA_FDT_SOURCES PREPEND ${ROTUNDA_THIRD_PARTY}/libfdt/)

function(rotunda_fdt name flags)
    add_library(${name} STATIC EXCLUDE_FROM_ALL ${ROTUNDA_FDT_SOURCES})
    target_include_directories(${name} SYSTEM PUBLIC ${ARGN} ${ROTUNDA_THIRD_PARTY}/libfdt)
    target_compile_options(${name} PRIVATE ${ROTUNDA_THIRD_PARTY_FLAGS})
    target_link_libraries(${name} PRIVATE ${flags})
endfunction()

# --- for programs ---

# Ours comes before the compiler's own headers, and no other C library's come at all.
function(rotunda_picolibc)
    execute_process(COMMAND ${CMAKE_C_COMPILER} -print-file-name=include
        OUTPUT_VARIABLE compiler_headers OUTPUT_STRIP_TRAILING_WHITESPACE
        COMMAND_ERROR_IS_FATAL ANY)
    set(folder ${ROTUNDA_THIRD_PARTY}/picolibc/usr/lib/picolibc/aarch64-linux-gnu)
    add_library(picolibc INTERFACE)
    target_compile_options(picolibc INTERFACE
        -nostdinc "SHELL:-isystem ${folder}/include/release" "SHELL:-isystem ${compiler_headers}")
    add_library(picolibc_archive STATIC IMPORTED GLOBAL)
    set_target_properties(picolibc_archive PROPERTIES
        IMPORTED_LOCATION ${folder}/lib/release/libc.a)
endfunction()

function(rotunda_mbedtls)
    set(folder ${ROTUNDA_THIRD_PARTY}/mbedtls)
    set(ours ${CMAKE_SOURCE_DIR}/third_party/mbedtls)
    file(GLOB sources ${folder}/library/*.c)
    list(REMOVE_ITEM sources ${folder}/library/net_sockets.c ${folder}/library/timing.c
        ${folder}/library/psa_its_file.c)
    set(everest ${folder}/3rdparty/everest)
    list(APPEND sources ${everest}/library/everest.c ${everest}/library/x25519.c
        ${everest}/library/Hacl_Curve25519_joined.c)

    add_library(mbedtls STATIC EXCLUDE_FROM_ALL ${sources})
    target_include_directories(mbedtls SYSTEM PUBLIC
        ${ours}/include ${folder}/include ${everest}/include)
    target_include_directories(mbedtls PRIVATE ${folder}/library
        ${everest}/include/everest ${everest}/include/everest/kremlib)
    target_compile_definitions(mbedtls PUBLIC MBEDTLS_CONFIG_FILE=<rotunda_mbedtls_config.h>)
    target_compile_options(mbedtls PRIVATE -O3 ${ROTUNDA_THIRD_PARTY_FLAGS})
    target_link_libraries(mbedtls PRIVATE rotunda_program_flags)

    # To these "Linux" means no more than: ask getauxval() what the CPU can do.
    set(detecting aes.c aesce.c gcm.c sha256.c)
    list(TRANSFORM detecting PREPEND ${folder}/library/)
    set_source_files_properties(${detecting} PROPERTIES
        COMPILE_OPTIONS "-D__linux__;-D__unix__;-I${ours}/detect")
    # And to this: there is an <endian.h>.
    set_source_files_properties(${everest}/library/Hacl_Curve25519_joined.c PROPERTIES
        COMPILE_OPTIONS "-D__linux__")
endfunction()

function(rotunda_linenoise)
    add_library(linenoise STATIC EXCLUDE_FROM_ALL ${ROTUNDA_THIRD_PARTY}/linenoise/linenoise.c)
    target_include_directories(linenoise SYSTEM PUBLIC ${ROTUNDA_THIRD_PARTY}/linenoise)
    target_compile_options(linenoise PRIVATE ${ROTUNDA_THIRD_PARTY_FLAGS} -U_DEFAULT_SOURCE
        -I${CMAKE_SOURCE_DIR}/third_party/linenoise/include)
    target_link_libraries(linenoise PRIVATE rotunda_program_flags)
endfunction()

# rotunda_lwip(<name> <folder>...): lwIP as the library <name>, configured by the lwipopts.h and
# arch/cc.h in the given folders.  The core with IPv4, IPv6 and Ethernet; no threads, no sockets.
function(rotunda_lwip name)
    set(folder ${ROTUNDA_THIRD_PARTY}/lwip/src)
    file(GLOB sources ${folder}/core/*.c ${folder}/core/ipv4/*.c ${folder}/core/ipv6/*.c)
    list(APPEND sources ${folder}/netif/ethernet.c)
    add_library(${name} STATIC EXCLUDE_FROM_ALL ${sources})
    target_include_directories(${name} SYSTEM PUBLIC ${ARGN} ${folder}/include)
    target_compile_options(${name} PRIVATE ${ROTUNDA_THIRD_PARTY_FLAGS})
    target_link_libraries(${name} PRIVATE
        $<TARGET_NAME_IF_EXISTS:rotunda_sdk> $<TARGET_NAME_IF_EXISTS:rotunda_host_flags>)
endfunction()

if(CMAKE_CROSSCOMPILING)
    rotunda_fdt(fdt_kernel rotunda_kernel_flags ${CMAKE_SOURCE_DIR}/third_party/libfdt/include)
    # It runs before the MMU is on too, and most of it not at all.
    target_compile_options(fdt_kernel PRIVATE -Os -mstrict-align -ffunction-sections)
    rotunda_picolibc()
    rotunda_fdt(fdt rotunda_program_flags)
    rotunda_mbedtls()
    rotunda_linenoise()
else()
    add_library(rotunda_host_flags INTERFACE)
    rotunda_fdt(fdt_host rotunda_host_flags)
endif()
