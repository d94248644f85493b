/* The program's growing buffer, and the one place that makes a stranger's text safe to show. */
#include "cli/buffer.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#define FIRST_CAP 1024

int cli_buffer_reserve(struct cli_buffer *buffer, size_t more) {
  if (more <= buffer->cap - buffer->len) return 0;
  if (more > SIZE_MAX / 2 - buffer->len) return UV_ENOMEM;
  size_t cap = buffer->cap > 0 ? buffer->cap : FIRST_CAP;
  while (cap < buffer->len + more)
    cap *= 2;
  char *data = realloc(buffer->data, cap);
  if (data == NULL) return UV_ENOMEM;
  buffer->data = data;
  buffer->cap = cap;
  return 0;
}

int cli_buffer_append(struct cli_buffer *buffer, const void *data, size_t len) {
  if (len == 0) return 0;
  int err = cli_buffer_reserve(buffer, len);
  if (err != 0) return err;
  memcpy(buffer->data + buffer->len, data, len);
  buffer->len += len;
  return 0;
}

int cli_buffer_append_str(struct cli_buffer *buffer, const char *text) {
  return cli_buffer_append(buffer, text, strlen(text));
}

/* How many bytes at `data` are one control character: C0, DEL, or C1 in its UTF-8 form, which some
 * terminals obey as well. */
static size_t control_len(const uint8_t *data, size_t len) {
  if (data[0] == '\t' || data[0] == '\n') return 0;
  if (data[0] < 0x20 || data[0] == 0x7f) return 1;
  if (data[0] == 0xc2 && len > 1 && data[1] >= 0x80 && data[1] <= 0x9f) return 2;
  return 0;
}

int cli_buffer_append_shown(struct cli_buffer *buffer, const void *data, size_t len) {
  const uint8_t *bytes = data;
  size_t plain = 0;
  if (len == 0) return 0; /* `data` may be NULL */
  for (size_t i = 0; i < len;) {
    size_t hidden = control_len(bytes + i, len - i);
    if (hidden == 0) {
      i++;
      continue;
    }
    int err = cli_buffer_append(buffer, bytes + plain, i - plain);
    if (err != 0) return err;
    for (size_t end = i + hidden; i < end; i++) {
      char text[8];
      snprintf(text, sizeof text, "\\x%02x", bytes[i]);
      err = cli_buffer_append_str(buffer, text);
      if (err != 0) return err;
    }
    plain = i;
  }
  return cli_buffer_append(buffer, bytes + plain, len - plain);
}

void cli_buffer_deinit(struct cli_buffer *buffer) {
  free(buffer->data);
  memset(buffer, 0, sizeof *buffer);
}
