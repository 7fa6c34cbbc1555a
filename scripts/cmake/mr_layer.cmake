# mr_layer(<name> FOLDER <dir> SEES <layers...> SOURCES <files...>)
#
# Makes the static library mr_<name>. The include root of a layer is a folder of links in the build tree
# that holds nothing but that layer, so "base/err.h" and "schemas/rows.h" resolve, and a header of a layer
# that the target does not see is not found by the compiler at all.
set(MR_INCLUDE_ROOT "${PROJECT_BINARY_DIR}/include")

function(mr_layer name)
  cmake_parse_arguments(arg "" "FOLDER" "SEES;SOURCES" ${ARGN})
  file(MAKE_DIRECTORY "${MR_INCLUDE_ROOT}/${name}")
  file(CREATE_LINK "${arg_FOLDER}" "${MR_INCLUDE_ROOT}/${name}/${name}" SYMBOLIC)
  list(TRANSFORM arg_SEES PREPEND mr_)

  if(arg_SOURCES)
    add_library(mr_${name} STATIC ${arg_SOURCES})
    target_include_directories(mr_${name} PUBLIC "${MR_INCLUDE_ROOT}/${name}")
    target_link_libraries(mr_${name} PUBLIC ${arg_SEES} PRIVATE mr_flags ${MR_OWNS_${name}})
  else()
    add_library(mr_${name} INTERFACE)
    target_include_directories(mr_${name} INTERFACE "${MR_INCLUDE_ROOT}/${name}")
    target_link_libraries(mr_${name} INTERFACE ${arg_SEES})
  endif()
endfunction()
