/* Calls that this project refuses: unbounded, locale-bound, or reading clock and chance outside
 * base/clock.c. Included last by every .c of ours. */
#ifndef MR_BASE_BAN_H
#define MR_BASE_BAN_H

#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gets rand srand random
#ifndef MR_CLOCK_OWNER
#pragma GCC poison sleep usleep nanosleep clock_gettime gettimeofday
#endif

#endif
