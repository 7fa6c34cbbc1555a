/* Calls that this project refuses: unbounded, shared between threads, bound to a locale or a time
 * zone, or reading clock and chance outside base/clock.c. Included last by every .c of ours: a
 * header behind it that declares one of them does not compile (both compilers say so at once),
 * macros of headers before it still may use them. */
#ifndef MR_BASE_BAN_H
#define MR_BASE_BAN_H

/* clang refuses to poison what is a macro; with _FORTIFY_SOURCE the C library makes some of these
 * so. */
#undef sprintf
#undef vsprintf
#undef strcpy
#undef strcat
#undef gets
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atoll atof gets
#pragma GCC poison rand srand random srandom drand48
#pragma GCC poison localtime gmtime ctime asctime
#ifndef MR_CLOCK_OWNER
#pragma GCC poison sleep usleep nanosleep clock_gettime gettimeofday getrandom
/* Not poisoned, since `time` is a good name for a variable: only the call does not compile. */
#undef time
#define time(...) mr_refused_time_is_read_in_base_clock_only
#endif

#endif
