# rotunda_image(<name> MANIFEST <dts> [WITH_TESTS] [LAUNCHER <program>] [KERNEL <kernel>]): what
# boots.
#
# With LAUNCHER the image holds that one program, in the launcher's place and with its powers.
# KERNEL is another than rotunda.
# Compiles the manifest, then lets tools/pack put kernel, programs, manifest and files together as
# <name>.Image.  The arguments are kept in <name>.pack, so that a test can pack the same image with
# another site:  tools/pack @build/qemu-virt/rotunda.pack --folder site=DIR --output FILE
#
# rotunda_file(<name in the archive> <path>) and rotunda_folder(<prefix> <path>): plain files to go
# along, called from any program's CMakeLists.txt.  A path may be a build product.

define_property(GLOBAL PROPERTY ROTUNDA_FILES)
define_property(GLOBAL PROPERTY ROTUNDA_FILE_DEPENDS)

function(rotunda_file name path)
    set_property(GLOBAL APPEND PROPERTY ROTUNDA_FILES --file ${name}=${path})
    set_property(GLOBAL APPEND PROPERTY ROTUNDA_FILE_DEPENDS ${path})
endfunction()

function(rotunda_folder prefix path)
    file(GLOB_RECURSE files CONFIGURE_DEPENDS ${path}/*)
    set_property(GLOBAL APPEND PROPERTY ROTUNDA_FILES --folder ${prefix}=${path})
    set_property(GLOBAL APPEND PROPERTY ROTUNDA_FILE_DEPENDS ${files} ${ARGN})
endfunction()

find_package(Python3 REQUIRED COMPONENTS Interpreter)

function(rotunda_image name)
    cmake_parse_arguments(arg "WITH_TESTS" "MANIFEST;LAUNCHER;KERNEL" "" ${ARGN})
    if(NOT arg_KERNEL)
        set(arg_KERNEL rotunda)
    endif()
    if(NOT TARGET ${arg_KERNEL}_kernel)
        return()
    endif()
    if(NOT EXISTS ${arg_MANIFEST})
        message(STATUS "no ${arg_MANIFEST} yet: no ${name}.Image")
        return()
    endif()
    find_program(ROTUNDA_DTC dtc REQUIRED)

    get_property(programs GLOBAL PROPERTY ROTUNDA_PROGRAMS)
    if(arg_WITH_TESTS)
        get_property(test_programs GLOBAL PROPERTY ROTUNDA_TEST_PROGRAMS)
        list(APPEND programs ${test_programs})
    endif()
    get_property(files GLOBAL PROPERTY ROTUNDA_FILES)
    get_property(file_depends GLOBAL PROPERTY ROTUNDA_FILE_DEPENDS)
    list(TRANSFORM programs PREPEND program_ OUTPUT_VARIABLE targets)
    if(arg_LAUNCHER)
        set(programs launcher)
        set(targets program_${arg_LAUNCHER})
        set(files)
        set(file_depends)
    endif()

    cmake_path(GET arg_MANIFEST PARENT_PATH manifest_folder)
    set(dts ${CMAKE_BINARY_DIR}/${name}.manifest.dts)
    set(dtb ${CMAKE_BINARY_DIR}/${name}.manifest.dtb)
    add_custom_command(OUTPUT ${dtb}
        COMMAND ${CMAKE_C_COMPILER} -E -P -nostdinc -undef -D__DTS__ -x assembler-with-cpp
            -I${manifest_folder} -I${CMAKE_SOURCE_DIR}/core/abi/include
            -MD -MF ${dtb}.d -MT ${dtb} -o ${dts} ${arg_MANIFEST}
        COMMAND ${ROTUNDA_DTC} -q -I dts -O dtb -o ${dtb} ${dts}
        DEPENDS ${arg_MANIFEST} DEPFILE ${dtb}.d
        COMMENT "Compiling the manifest of ${name}" VERBATIM)

    set(arguments --kernel $<TARGET_FILE:${arg_KERNEL}_kernel> --manifest ${dtb})
    foreach(program target IN ZIP_LISTS programs targets)
        list(APPEND arguments --program ${program}=$<TARGET_FILE:${target}>)
        # A driver's text is kept twice, for when a bit of it flips.
        get_target_property(folder ${target} SOURCE_DIR)
        if(folder MATCHES "^${CMAKE_SOURCE_DIR}/devices/")
            list(APPEND arguments --spare ${program})
        endif()
    endforeach()
    list(APPEND arguments ${files})
    file(GENERATE OUTPUT ${CMAKE_BINARY_DIR}/${name}.pack CONTENT "$<JOIN:${arguments},\n>\n")

    set(image ${CMAKE_BINARY_DIR}/${name}.Image)
    add_custom_command(OUTPUT ${image}
        COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/pack
            @${CMAKE_BINARY_DIR}/${name}.pack --output ${image}
        DEPENDS ${arg_KERNEL}_kernel ${targets} ${dtb} ${file_depends}
            ${CMAKE_SOURCE_DIR}/tools/pack ${CMAKE_BINARY_DIR}/${name}.pack
        COMMENT "Packing ${name}.Image" VERBATIM)
    add_custom_target(${name}_image ALL DEPENDS ${image})
endfunction()
