/* A build without libedit: the terminal's own line discipline is all the editing there is. */
#include "cli/editor.h"

int cli_editor_is_possible(void) {
  return 0;
}

int cli_editor_open(uv_loop_t *loop, const struct cli_input_events *events, void *owner,
                    struct cli_editor **out) {
  (void)loop;
  (void)events;
  (void)owner;
  (void)out;
  return UV_ENOTSUP;
}

void cli_editor_pause(struct cli_editor *editor) {
  (void)editor;
}

void cli_editor_resume(struct cli_editor *editor) {
  (void)editor;
}

void cli_editor_close(struct cli_editor *editor) {
  (void)editor;
}

void cli_editor_free(struct cli_editor *editor) {
  (void)editor;
}

void cli_editor_hide(struct cli_editor *editor) {
  (void)editor;
}

void cli_editor_show(struct cli_editor *editor) {
  (void)editor;
}

void cli_editor_reset_terminal(const struct cli_editor *editor) {
  (void)editor;
}
