# Libraries that are not ours, fetched by tools/third-party and built here with our configuration.
#
# They live outside the presets' folders, so that all presets (and, through the environment variable
# ROTUNDA_THIRD_PARTY, several checkouts) share one copy.

if(DEFINED ENV{ROTUNDA_THIRD_PARTY})
    set(ROTUNDA_THIRD_PARTY $ENV{ROTUNDA_THIRD_PARTY})
else()
    set(ROTUNDA_THIRD_PARTY ${CMAKE_SOURCE_DIR}/build/third-party)
endif()
