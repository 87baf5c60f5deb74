# rotunda_program(<name> SOURCES ... [LIBRARIES ...] [INCLUDES ...] [OPTIONS ...] [TEST])
#
# One EL0 program: a static PIE whose text runs in place from the boot archive and whose data is
# copied, so it carries no relocation but R_AARCH64_RELATIVE, in data only.  TEST keeps the program
# out of the image that users boot.
#
# rotunda_library(<name> SOURCES ... [LIBRARIES ...] [INCLUDES ...]): code that programs share,
# held to the same flags.

set(ROTUNDA_PROGRAM_SCRIPT ${CMAKE_SOURCE_DIR}/userland/runtime/program.ld)
define_property(GLOBAL PROPERTY ROTUNDA_PROGRAMS)
define_property(GLOBAL PROPERTY ROTUNDA_TEST_PROGRAMS)

# What a program may see: the ABI, the runtime, and the protocol headers of services and drivers.
file(GLOB ROTUNDA_PROTOCOL_INCLUDES CONFIGURE_DEPENDS LIST_DIRECTORIES true
    ${CMAKE_SOURCE_DIR}/userland/*/include ${CMAKE_SOURCE_DIR}/devices/*/include)

# How anything that runs at EL0 is compiled, third-party code included.  Nothing is kept in v8-v15:
# they are lost across a portal call, and saving them would make every caller use the FP unit.
add_library(rotunda_program_flags INTERFACE)
target_compile_definitions(rotunda_program_flags INTERFACE _DEFAULT_SOURCE)
target_compile_options(rotunda_program_flags INTERFACE
    ${ROTUNDA_MACHINE_FLAGS} ${ROTUNDA_NOT_LINUX}
    -fPIE -ftls-model=local-exec -fno-omit-frame-pointer -fno-common -fno-stack-protector
    -fno-asynchronous-unwind-tables -fno-unwind-tables -ffunction-sections -fdata-sections
    -ffixed-v8 -ffixed-v9 -ffixed-v10 -ffixed-v11 -ffixed-v12 -ffixed-v13 -ffixed-v14 -ffixed-v15)
if(TARGET picolibc)
    target_link_libraries(rotunda_program_flags INTERFACE picolibc)
endif()

# Our own code leaves the FP registers alone: whoever touches them takes a trap first, and then they
# are saved, cleared and loaded again at crossings.  Libraries (cryptography, printf's %f) use them.
set(ROTUNDA_NO_FP $<$<COMPILE_LANGUAGE:C>:-mgeneral-regs-only>)

add_library(rotunda_sdk INTERFACE)
target_include_directories(rotunda_sdk INTERFACE
    ${CMAKE_SOURCE_DIR}/core/abi/include ${ROTUNDA_PROTOCOL_INCLUDES})
target_link_libraries(rotunda_sdk INTERFACE rotunda_program_flags)

function(rotunda_runtime)
    file(GLOB sources CONFIGURE_DEPENDS
        ${CMAKE_SOURCE_DIR}/core/abi/*.c ${CMAKE_SOURCE_DIR}/core/base/memset.c
        ${CMAKE_SOURCE_DIR}/userland/runtime/src/*.c ${CMAKE_SOURCE_DIR}/userland/runtime/src/*.S)
    if(NOT sources)
        message(STATUS "no runtime sources yet: programs won't link")
        return()
    endif()
    add_library(rotunda_runtime STATIC ${sources})
    # Or the compiler makes calloc() out of the malloc() and memset() in calloc().
    set_source_files_properties(${CMAKE_SOURCE_DIR}/userland/runtime/src/malloc.c
        PROPERTIES COMPILE_OPTIONS -fno-builtin)
    target_compile_options(rotunda_runtime PRIVATE ${ROTUNDA_NO_FP})
    set_source_files_properties(${CMAKE_SOURCE_DIR}/core/base/memset.c
        PROPERTIES INCLUDE_DIRECTORIES ${CMAKE_SOURCE_DIR}/core/base/include)
    target_link_libraries(rotunda_runtime PUBLIC rotunda_sdk PRIVATE rotunda_warnings)
endfunction()

function(rotunda_library name)
    cmake_parse_arguments(arg "" "" "SOURCES;LIBRARIES;INCLUDES;OPTIONS" ${ARGN})
    add_library(${name} STATIC ${arg_SOURCES})
    target_include_directories(${name} PUBLIC ${arg_INCLUDES})
    target_compile_options(${name} PRIVATE ${ROTUNDA_NO_FP} ${arg_OPTIONS})
    target_link_libraries(${name} PUBLIC rotunda_sdk ${arg_LIBRARIES} PRIVATE rotunda_warnings)
endfunction()

function(rotunda_program name)
    cmake_parse_arguments(arg "TEST" "" "SOURCES;LIBRARIES;INCLUDES;OPTIONS" ${ARGN})
    if(NOT arg_SOURCES)
        message(FATAL_ERROR "rotunda_program(${name}): no SOURCES")
    endif()
    set(target program_${name})
    if(NOT TARGET rotunda_runtime)
        # Nothing to link with yet: compile, so that mistakes show.
        add_library(${target} OBJECT ${arg_SOURCES})
        target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${arg_INCLUDES})
        target_compile_options(${target} PRIVATE ${ROTUNDA_NO_FP} ${arg_OPTIONS})
        target_link_libraries(${target} PRIVATE rotunda_sdk rotunda_warnings ${arg_LIBRARIES})
        return()
    endif()
    add_executable(${target} ${arg_SOURCES})
    set_target_properties(${target} PROPERTIES
        OUTPUT_NAME ${name}.elf LINK_DEPENDS ${ROTUNDA_PROGRAM_SCRIPT}
        RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/programs)
    target_include_directories(${target} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${arg_INCLUDES})
    target_compile_options(${target} PRIVATE ${ROTUNDA_NO_FP} ${arg_OPTIONS})
    # Libraries stand in one group: the runtime needs the C library and the other way round.
    target_link_libraries(${target} PRIVATE rotunda_sdk rotunda_warnings
        -Wl,--start-group ${arg_LIBRARIES} rotunda_runtime
        $<TARGET_NAME_IF_EXISTS:picolibc_archive> -lgcc -Wl,--end-group)
    target_link_options(${target} PRIVATE
        -nostdlib -static-pie
        -Wl,-z,text,--no-dynamic-linker,-z,max-page-size=4096,-z,noexecstack,-z,norelro
        # The runtime's locks, before the C library can bring its own that do nothing.
        -Wl,-u,__retarget_lock_acquire_recursive
        -Wl,--gc-sections,--build-id=none,-T,${ROTUNDA_PROGRAM_SCRIPT}
        -Wl,-Map,${CMAKE_BINARY_DIR}/programs/${name}.map)
    if(arg_TEST)
        set_property(GLOBAL APPEND PROPERTY ROTUNDA_TEST_PROGRAMS ${name})
    else()
        set_property(GLOBAL APPEND PROPERTY ROTUNDA_PROGRAMS ${name})
    endif()
endfunction()

rotunda_runtime()
