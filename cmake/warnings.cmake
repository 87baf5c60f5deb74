# What every file of ours is compiled with.  Third-party code is not held to it.

add_library(rotunda_warnings INTERFACE)
target_compile_options(rotunda_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-Wall;-Wextra;-Wpedantic;-Wshadow;-Wconversion;-Wcast-qual>
    $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes;-Wstrict-prototypes;-Wundef;-Wvla;-Werror>)
