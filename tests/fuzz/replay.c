/*
 * replay.c - runs a fuzz target over its corpus, with any compiler.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
replay_file(const char *dir, const char *name)
{
	char path[4096];
	struct stat st;
	uint8_t *p;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "r")) == NULL || fstat(fileno(f), &st) == -1)
		err(1, "%s", path);
	/* Ends where the input ends, so that a sanitizer sees a slip. */
	if ((p = malloc((size_t)st.st_size)) == NULL && st.st_size > 0)
		err(1, NULL);
	if (fread(p, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		err(1, "%s", path);
	LLVMFuzzerTestOneInput(p, (size_t)st.st_size);
	free(p);
	fclose(f);
}

int
main(int argc, char **argv)
{
	struct dirent *entry;
	size_t files = 0;
	DIR *dir;

	if (argc != 2)
		errx(2, "usage: fuzz_NAME corpus");
	if ((dir = opendir(argv[1])) == NULL)
		err(1, "%s", argv[1]);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		replay_file(argv[1], entry->d_name);
		files++;
	}
	closedir(dir);
	if (files == 0)
		errx(1, "%s: no corpus", argv[1]);
	printf("%zu files\n", files);
	return (0);
}
