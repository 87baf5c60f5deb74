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

# A unit's headers are compiled with all that its own targets see.
file(GLOB units CONFIGURE_DEPENDS LIST_DIRECTORIES true
    ${CMAKE_SOURCE_DIR}/userland/* ${CMAKE_SOURCE_DIR}/devices/*)
foreach(unit IN LISTS units)
    cmake_path(GET unit FILENAME unit_name)
    file(GLOB_RECURSE headers CONFIGURE_DEPENDS ${unit}/*.h)
    rotunda_header_check(headers_${unit_name} rotunda_sdk ${headers})
    if(NOT TARGET headers_${unit_name} OR NOT EXISTS ${unit}/CMakeLists.txt)
        continue()
    endif()
    target_include_directories(headers_${unit_name} PRIVATE ${unit})
    get_property(targets DIRECTORY ${unit} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target IN LISTS targets)
        get_target_property(libraries ${target} LINK_LIBRARIES)
        get_target_property(folders ${target} INCLUDE_DIRECTORIES)
        if(libraries)
            list(FILTER libraries EXCLUDE REGEX "^-")
            target_link_libraries(headers_${unit_name} PRIVATE ${libraries})
        endif()
        if(folders)
            target_include_directories(headers_${unit_name} PRIVATE ${folders})
        endif()
    endforeach()
endforeach()

get_property(header_checks GLOBAL PROPERTY ROTUNDA_HEADER_CHECKS)
if(header_checks)
    add_custom_target(headers DEPENDS ${header_checks})
    add_test(NAME check.headers
        COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target headers)
    set_tests_properties(check.headers PROPERTIES RUN_SERIAL ON TIMEOUT 600 LABELS check)
endif()
