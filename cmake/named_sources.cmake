# rotunda_named_sources(<file> <out>): the files of the tree that a test compiles in, which it names
# itself, one a line, near its top:
#     // source: domains/segment.c

function(rotunda_named_sources file out)
    file(STRINGS ${file} lines REGEX "^// source: ")
    set(sources)
    foreach(line IN LISTS lines)
        string(REGEX REPLACE "^// source: *([^ ]+) *$" "\\1" source "${line}")
        list(APPEND sources ${CMAKE_SOURCE_DIR}/${source})
    endforeach()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${file})
    set(${out} ${sources} PARENT_SCOPE)
endfunction()
