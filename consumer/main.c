/* The program: everything is in the commands (consumer/cmd/). */
#include "consumer/cmd/cmd.h"

#include "base/ban.h"

int main(int argc, char **argv)
{
    return mr_cmd_main(argc, argv);
}
