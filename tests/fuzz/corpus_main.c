/* main() of a fuzz target in a build without libFuzzer: feeds each file of the corpus folders given
 * as arguments to the target once, so that ctest runs every input that fuzzing ever found. A
 * missing or empty corpus is a failure: a target that sees no input tests nothing. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PATH_BYTES 4096
#define MAX_INPUT_BYTES (16L * 1024 * 1024)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The buffer has exactly the input's size, so that ASan sees a read past its end. */
static int feed_file(const char *path)
{
    int rc = -1;
    uint8_t *data = NULL;
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        goto out;
    if (fseek(file, 0, SEEK_END) != 0)
        goto out;
    long size = ftell(file);
    if (size < 0 || size > MAX_INPUT_BYTES || fseek(file, 0, SEEK_SET) != 0)
        goto out;
    data = malloc(size == 0 ? 1 : (size_t)size);
    if (data == NULL || fread(data, 1, (size_t)size, file) != (size_t)size)
        goto out;
    printf("input %s\n", path);
    fflush(stdout); /* the last line printed names the input that crashed */
    LLVMFuzzerTestOneInput(data, (size_t)size);
    rc = 0;
out:
    if (rc < 0)
        fprintf(stderr, "%s: cannot be read: %s\n", path, strerror(errno));
    free(data);
    if (file != NULL)
        fclose(file);
    return rc;
}

static long feed_folder(const char *folder)
{
    long n_inputs = 0;
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        fprintf(stderr, "%s: %s\n", folder, strerror(errno));
        return -1;
    }
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        char path[MAX_PATH_BYTES];
        if (entry->d_name[0] == '.')
            continue;
        int n = snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
        if (n < 0 || (size_t)n >= sizeof(path) || feed_file(path) < 0) {
            n_inputs = -1;
            break;
        }
        n_inputs++;
    }
    closedir(dir);
    return n_inputs;
}

int main(int argc, char **argv)
{
    long n_inputs = 0;
    for (int i = 1; i < argc; i++) {
        long n = feed_folder(argv[i]);
        if (n < 0)
            return 1;
        n_inputs += n;
    }
    if (n_inputs == 0) {
        fprintf(stderr, "no input: the corpus is empty\n");
        return 1;
    }
    printf("%ld inputs passed\n", n_inputs);
    return 0;
}
