/*
 * JSON (RFC 8259) laid out for reading: one value a line, two spaces a level. The tokens stay as
 * they are written: no number is rounded, no escape undone, no key sorted or dropped.
 */
#ifndef UVWS_CLI_JSON_H
#define UVWS_CLI_JSON_H

#include <stddef.h>

#include "cli/buffer.h"

struct cli_json_style {
  int has_colors;
  int is_terminal; /* control characters are shown, not obeyed */
};

/* Append the text, without a newline at its end. 0; UV_EINVAL when it is not JSON or nested deeper
 * than 256, and UV_ENOMEM: then `out` is as it was. */
int cli_json_append(struct cli_buffer *out, const char *text, size_t len,
                    struct cli_json_style style);

#endif
