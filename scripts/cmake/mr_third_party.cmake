# Third-party libraries as IMPORTED targets (their headers are SYSTEM). A layer links the ones it owns
# PRIVATE, so no other layer can see their headers; tests/lint/owners.txt names the owning files.
find_package(PkgConfig REQUIRED)
set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)

set(mr_missing "")
# mr_pkg(<target suffix> <pkg-config module>): required, gathered so that one run names all that is missing.
macro(mr_pkg name module)
  pkg_check_modules(${name} QUIET IMPORTED_TARGET ${module})
  if(NOT ${name}_FOUND)
    list(APPEND mr_missing ${module})
  endif()
endmacro()

mr_pkg(libconfig libconfig)
mr_pkg(jansson jansson)
mr_pkg(libcurl libcurl)
mr_pkg(avro avro-c)
mr_pkg(crypto libcrypto)
mr_pkg(libpq libpq)
mr_pkg(sqlite3 sqlite3)
mr_pkg(microhttpd libmicrohttpd)
pkg_check_modules(libsystemd QUIET IMPORTED_TARGET libsystemd)

# librdkafka: the static one that scripts/deps.sh built, else the system's. 2.3 is the floor: before 2.1,
# batch reads beside seek, pause and rebalance lose records; topic ids came with 2.3.
set(MR_RDKAFKA_FLOOR 2.3.0)
if(EXISTS "${MR_DEPS_DIR}/lib/librdkafka.a")
  set(mr_pkg_path_saved "$ENV{PKG_CONFIG_PATH}")
  set(ENV{PKG_CONFIG_PATH} "${MR_DEPS_DIR}/lib/pkgconfig:${mr_pkg_path_saved}")
  pkg_check_modules(rdkafka_built QUIET rdkafka-static)
  # What the archive itself needs, as targets: names, never paths of one machine.
  pkg_check_modules(rdkafka_needs REQUIRED QUIET IMPORTED_TARGET zlib libcrypto libssl libsasl2 libzstd liblz4 libcurl)
  set(ENV{PKG_CONFIG_PATH} "${mr_pkg_path_saved}")
  set(mr_rdkafka_version "${rdkafka_built_VERSION}")
  add_library(mr_rdkafka STATIC IMPORTED GLOBAL)
  set_target_properties(mr_rdkafka PROPERTIES
    IMPORTED_LOCATION "${MR_DEPS_DIR}/lib/librdkafka.a"
    INTERFACE_INCLUDE_DIRECTORIES "${MR_DEPS_DIR}/include"
    INTERFACE_LINK_LIBRARIES "PkgConfig::rdkafka_needs;Threads::Threads;m;${CMAKE_DL_LIBS}")
  set(mr_rdkafka_from "${MR_DEPS_DIR} (static)")
else()
  pkg_check_modules(rdkafka QUIET IMPORTED_TARGET rdkafka)
  if(rdkafka_FOUND)
    set(mr_rdkafka_version "${rdkafka_VERSION}")
    add_library(mr_rdkafka INTERFACE)
    target_link_libraries(mr_rdkafka INTERFACE PkgConfig::rdkafka)
    set(mr_rdkafka_from "the system")
  else()
    list(APPEND mr_missing "rdkafka (>= ${MR_RDKAFKA_FLOOR})")
  endif()
endif()

if(mr_missing)
  list(JOIN mr_missing ", " mr_missing)
  message(FATAL_ERROR "Missing libraries: ${mr_missing}.\nRemedy: run scripts/deps.sh, which installs or builds them.")
endif()
if(mr_rdkafka_version VERSION_LESS MR_RDKAFKA_FLOOR)
  message(FATAL_ERROR "librdkafka ${mr_rdkafka_version} (from ${mr_rdkafka_from}) is older than "
    "${MR_RDKAFKA_FLOOR}: older ones can lose records beside a seek or a rebalance.\n"
    "Remedy: run scripts/deps.sh, which builds librdkafka 2.8.0 into build/deps, then configure again.")
endif()
message(STATUS "librdkafka ${mr_rdkafka_version} from ${mr_rdkafka_from}")

# What each layer owns. Tests link the same lists, since a test may be its library's second reader.
set(MR_OWNS_base Threads::Threads)
set(MR_OWNS_config PkgConfig::libconfig)
set(MR_OWNS_schemas PkgConfig::jansson PkgConfig::libcurl PkgConfig::avro PkgConfig::crypto)
set(MR_OWNS_sinks PkgConfig::libpq PkgConfig::sqlite3)
set(MR_OWNS_consumer mr_rdkafka PkgConfig::microhttpd PkgConfig::jansson PkgConfig::libcurl)
if(libsystemd_FOUND)
  list(APPEND MR_OWNS_consumer PkgConfig::libsystemd)
  set(MR_HAVE_SYSTEMD 1)
endif()
