/* What `uvws connect` shows: messages on standard output, everything else on standard error. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/connect.h"
#include "cli/json.h"
#include "cli/style.h"

#define BODY_LINES 5
#define BODY_BYTES 1024
#define STDERR_FD 2

/* https://no-color.org: set and not empty. */
static int wants_colors(void) {
  const char *no_color = getenv("NO_COLOR");
  const char *terminal = getenv("TERM");
  return (no_color == NULL || no_color[0] == '\0') && terminal != NULL &&
         strcmp(terminal, "dumb") != 0;
}

void cli_connect_choose_colors(struct connect *c) {
  c->has_colors = c->output.is_terminal && wants_colors();
  c->has_error_colors = uv_guess_handle(STDERR_FD) == UV_TTY && wants_colors();
}

static int append_text(struct connect *c, const void *data, size_t len) {
  struct cli_buffer *out = &c->output.buffer;
  if (c->options.is_json) {
    struct cli_json_style style = {.has_colors = c->has_colors,
                                   .is_terminal = c->output.is_terminal};
    int err = cli_json_append(out, (const char *)data, len, style);
    if (err != UV_EINVAL) return err;
  }
  return c->output.is_terminal ? cli_buffer_append_shown(out, data, len)
                               : cli_buffer_append(out, data, len);
}

/* Beside lines that are typed behind "> ", the server's need a mark of their own. */
static int append_mark(struct connect *c) {
  if (c->output.editor == NULL) return 0;
  return cli_buffer_append_str(&c->output.buffer,
                               c->has_colors ? CLI_STYLE_DIM "<" CLI_STYLE_RESET " " : "< ");
}

int cli_connect_show_message(struct connect *c, const uint8_t *data, size_t len) {
  size_t before = c->output.buffer.len;
  int err = append_mark(c);
  if (err == 0) err = append_text(c, data, len);
  if (err == 0) err = cli_buffer_append(&c->output.buffer, "\n", 1);
  if (err != 0) c->output.buffer.len = before;
  return err;
}

/* While lines are edited standard output is a terminal, and standard error in all likelihood the
 * same: what is told waits for the line to step aside. */
static void put(struct connect *c, const struct cli_buffer *line) {
  int is_shared = c->output.editor != NULL && uv_guess_handle(STDERR_FD) == UV_TTY;
  if (is_shared && c->output.err == 0 &&
      cli_buffer_append(&c->output.buffer, line->data, line->len) == 0) {
    cli_output_flush(&c->output);
    return;
  }
  fwrite(line->data, 1, line->len, stderr);
}

static void tell(struct connect *c, const char *style, const char *ours, const void *text,
                 size_t len) {
  struct cli_buffer line = {0};
  int err = c->has_error_colors ? cli_buffer_append_str(&line, style) : 0;
  if (err == 0) err = cli_buffer_append_str(&line, "uvws: ");
  if (err == 0) err = cli_buffer_append_str(&line, ours);
  if (err == 0) err = cli_buffer_append_shown(&line, text, len);
  if (err == 0 && c->has_error_colors) err = cli_buffer_append_str(&line, CLI_STYLE_RESET);
  if (err == 0) err = cli_buffer_append_str(&line, "\n");
  if (err == 0) put(c, &line);
  cli_buffer_deinit(&line);
}

void cli_connect_tell(struct connect *c, const char *ours, const void *text, size_t len) {
  tell(c, CLI_STYLE_DIM, ours, text, len);
}

void cli_connect_fail(struct connect *c, int err, const char *message) {
  char name[64];
  c->status = CLI_FAILED;
  snprintf(name, sizeof name, "%s: ", uvws_err_name(err));
  tell(c, CLI_STYLE_ERROR, name, message, strlen(message));
}

void cli_connect_show_body(struct connect *c, const uint8_t *body, size_t len) {
  struct cli_buffer shown = {0};
  size_t end = 0;
  int lines = 0;
  while (end < len && end < BODY_BYTES && lines < BODY_LINES)
    lines += body[end++] == '\n';
  int err = cli_buffer_append_shown(&shown, body, end);
  if (err == 0 && end > 0 && body[end - 1] != '\n') err = cli_buffer_append_str(&shown, "\n");
  if (err == 0 && end > 0) put(c, &shown);
  cli_buffer_deinit(&shown);
}
