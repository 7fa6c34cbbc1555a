# Every compiler flag of the project, in one INTERFACE target that each layer and test links PRIVATE.
add_library(mr_flags INTERFACE)

set(mr_warnings
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
  -Wold-style-definition -Wvla -Wcast-qual -Wpointer-arith -Wwrite-strings -Wformat=2 -Wundef
  -Wswitch-enum -Wimplicit-fallthrough -Wdate-time)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND mr_warnings -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wformat-signedness
    -Wcast-align=strict -Walloca)
  # Noisy where a sanitizer rewrites the code or nothing was optimised.
  if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT MR_SANITIZE)
    list(APPEND mr_warnings -Wnull-dereference)
  endif()
elseif(CMAKE_C_COMPILER_ID MATCHES "Clang")
  list(APPEND mr_warnings -Wthread-safety -Wcomma -Wassign-enum -Wunreachable-code -Wcast-align)
endif()
# Red zones make every frame larger, so the bound means nothing under a sanitizer.
if(NOT MR_SANITIZE AND NOT MR_FUZZ)
  list(APPEND mr_warnings -Wframe-larger-than=16384)
endif()

target_compile_definitions(mr_flags INTERFACE _POSIX_C_SOURCE=200809L _DEFAULT_SOURCE)
target_compile_options(mr_flags INTERFACE ${mr_warnings} -fno-common -fvisibility=hidden)
if(MR_WERROR)
  target_compile_options(mr_flags INTERFACE -Werror)
endif()
if(MR_FAULTS)
  target_compile_definitions(mr_flags INTERFACE MR_FAULTS=1)
endif()

if(MR_SANITIZE)
  target_compile_options(mr_flags INTERFACE -fsanitize=${MR_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(mr_flags INTERFACE -fsanitize=${MR_SANITIZE})
endif()
if(MR_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "MR_FUZZ needs clang (libFuzzer). Remedy: configure with --preset fuzz")
  endif()
  target_compile_options(mr_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(mr_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(MR_COVERAGE)
  target_compile_options(mr_flags INTERFACE --coverage -O0)
  target_link_options(mr_flags INTERFACE --coverage)
endif()

if(CMAKE_BUILD_TYPE STREQUAL "Release" AND NOT MR_SANITIZE AND NOT MR_FUZZ)
  # -ftrivial-auto-var-init only here: elsewhere it would hide uninitialised reads from the tests.
  target_compile_options(mr_flags INTERFACE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong
    -fstack-clash-protection -ftrivial-auto-var-init=zero -fPIE)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    target_compile_options(mr_flags INTERFACE -mbranch-protection=standard)
  else()
    target_compile_options(mr_flags INTERFACE -fcf-protection)
  endif()
  target_link_options(mr_flags INTERFACE -pie -Wl,-z,relro,-z,now)
endif()
