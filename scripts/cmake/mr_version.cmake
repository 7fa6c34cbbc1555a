# version.h is written at build time, and only when its text changes, so `git describe` is never stale and
# nothing is recompiled without need. Users: #include "version.h".
set(MR_GENERATED_DIR "${PROJECT_BINARY_DIR}/generated")
add_custom_target(mr_version_header
  COMMAND ${CMAKE_COMMAND} -DVERSION=${PROJECT_VERSION} -DOUT=${MR_GENERATED_DIR}/version.h
    -DSOURCE_DIR=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_LIST_DIR}/write_version.cmake
  BYPRODUCTS ${MR_GENERATED_DIR}/version.h
  VERBATIM)
add_library(mr_version INTERFACE)
target_include_directories(mr_version INTERFACE "${MR_GENERATED_DIR}")
add_dependencies(mr_version mr_version_header)
