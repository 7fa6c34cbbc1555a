# Run by the build (see mr_version.cmake): writes OUT from VERSION and `git describe` in SOURCE_DIR.
set(describe "unknown")
find_program(git_program git)
if(git_program AND EXISTS "${SOURCE_DIR}/.git")
  execute_process(COMMAND ${git_program} describe --always --dirty --tags --abbrev=10
    WORKING_DIRECTORY "${SOURCE_DIR}" OUTPUT_VARIABLE out ERROR_QUIET OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE rc)
  if(rc EQUAL 0 AND out)
    set(describe "${out}")
  endif()
endif()
set(text "/* Written by the build from the project's version and `git describe`. */
#ifndef MR_VERSION_H
#define MR_VERSION_H

#define MR_VERSION \"${VERSION}\"
#define MR_GIT_DESCRIBE \"${describe}\"

#endif
")
set(old "")
if(EXISTS "${OUT}")
  file(READ "${OUT}" old)
endif()
if(NOT old STREQUAL text)
  file(WRITE "${OUT}" "${text}")
endif()
