# check.headers: every header of ours compiles on its own, and twice in a row.
#
# A file with nothing but the header in it is compiled for each, with the flags and include folders
# of the side the header belongs to.  The objects are built by the test, not by the normal build.

function(rotunda_header_check name flags)
    set(sources)
    foreach(header IN LISTS ARGN)
        cmake_path(RELATIVE_PATH header BASE_DIRECTORY ${CMAKE_SOURCE_DIR} OUTPUT_VARIABLE path)
        set(source ${CMAKE_CURRENT_BINARY_DIR}/headers/${path}.c)
        file(CONFIGURE OUTPUT ${source} CONTENT
            "#include \"${header}\"\n#include \"${header}\"\nextern int header_is_not_empty;\n")
        list(APPEND sources ${source})
    endforeach()
    if(sources)
        add_library(${name} OBJECT EXCLUDE_FROM_ALL ${sources})
        target_link_libraries(${name} PRIVATE ${flags} rotunda_warnings)
        set_property(GLOBAL APPEND PROPERTY ROTUNDA_HEADER_CHECKS ${name})
    endif()
endfunction()

set(kernel_patterns core/*.h arch/*.h board/*.h domains/*.h)
list(TRANSFORM kernel_patterns PREPEND ${CMAKE_SOURCE_DIR}/)
file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${kernel_patterns})
rotunda_header_check(headers_kernel "rotunda_kernel_flags;fdt_kernel" ${headers})

# Each program's private headers see its own folder; lwIP's see the configuration that is theirs.
file(GLOB units CONFIGURE_DEPENDS LIST_DIRECTORIES true
    ${CMAKE_SOURCE_DIR}/userland/* ${CMAKE_SOURCE_DIR}/devices/*)
file(GLOB client_includes CONFIGURE_DEPENDS LIST_DIRECTORIES true
    ${CMAKE_SOURCE_DIR}/userland/*/*/include ${CMAKE_SOURCE_DIR}/devices/*/*/include)
foreach(unit IN LISTS units)
    cmake_path(GET unit FILENAME unit_name)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${unit}/*.h)
    rotunda_header_check(headers_${unit_name} "rotunda_sdk;fdt;mbedtls;linenoise" ${headers})
    if(TARGET headers_${unit_name})
        target_include_directories(headers_${unit_name} PRIVATE ${unit} ${client_includes})
        target_include_directories(headers_${unit_name} SYSTEM PRIVATE
            ${ROTUNDA_THIRD_PARTY}/lwip/src/include)
    endif()
endforeach()

get_property(header_checks GLOBAL PROPERTY ROTUNDA_HEADER_CHECKS)
if(header_checks)
    add_custom_target(headers DEPENDS ${header_checks})
    add_test(NAME check.headers
        COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target headers)
    set_tests_properties(check.headers PROPERTIES RUN_SERIAL ON TIMEOUT 600 LABELS check)
endif()
