/* Where the history lies: the XDG Base Directory Specification's place for state. */
#include "cli/history.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

static const char *environment(const char *name) {
  const char *value = getenv(name);
  return value != NULL && value[0] != '\0' ? value : NULL;
}

/* What exists already is no error; what cannot be made shows when the file is opened. */
static void make_folders(char *path) {
  for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
    uv_fs_t request;
    *slash = '\0';
    (void)uv_fs_mkdir(NULL, &request, path, 0700, NULL);
    uv_fs_req_cleanup(&request);
    *slash = '/';
  }
}

static int append_all(struct cli_buffer *out, const char *folder, const char *rest) {
  int err = cli_buffer_append_str(out, folder);
  if (err == 0) err = cli_buffer_append_str(out, rest);
  return err != 0 ? err : cli_buffer_append(out, "", 1);
}

int cli_history_path(struct cli_buffer *out) {
  const char *named = getenv("UVWS_HISTORY");
  if (named != NULL) return named[0] != '\0' ? append_all(out, named, "") : 0;
  const char *state = environment("XDG_STATE_HOME");
  const char *home = environment("HOME");
  int err = 0;
  if (state != NULL && state[0] == '/')
    err = append_all(out, state, "/uvws/history");
  else if (home != NULL)
    err = append_all(out, home, "/.local/state/uvws/history");
  if (err == 0 && out->len > 0) make_folders(out->data);
  return err;
}
