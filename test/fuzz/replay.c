/*
 * A fuzz target without a fuzzer: runs every file of the folders named, one test point for each
 * folder, so that what was found once stays found. A wrong answer aborts.
 */
#include <dirent.h>

#include "fuzz.h"

static int replay_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file) return 0;
  /* Not fstat: MemorySanitizer of clang 14 does not know it. */
  long end = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : 0;
  size_t size = end > 0 ? (size_t)end : 0;
  rewind(file);
  uint8_t *data = malloc(size ? size : 1);
  MUST(data);
  MUST(fread(data, 1, size, file) == size);
  fclose(file);
  LLVMFuzzerTestOneInput(data, size);
  free(data);
  return 1;
}

static int replay_folder(const char *path) {
  DIR *folder = opendir(path);
  int count = 0;
  if (!folder) return 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    char name[4096];
    if (entry->d_name[0] == '.') continue;
    snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
    count += replay_file(name);
  }
  closedir(folder);
  return count;
}

int main(int argc, char **argv) {
  int failed = 0;
  printf("1..%d\n", argc - 1);
  for (int i = 1; i < argc; i++) {
    int count = replay_folder(argv[i]);
    const char *name = strrchr(argv[i], '/') ? strrchr(argv[i], '/') + 1 : argv[i];
    printf("%sok %d - %s: %d inputs\n", count ? "" : "not ", i, name, count);
    failed |= !count;
  }
  return failed;
}
