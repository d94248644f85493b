/* A growing run of bytes. A zeroed struct is an empty one. */
#ifndef UVWS_CLI_BUFFER_H
#define UVWS_CLI_BUFFER_H

#include <stddef.h>

struct cli_buffer {
  char *data;
  size_t len;
  size_t cap;
};

/* Each returns 0, or UV_ENOMEM and changes nothing. */
int cli_buffer_reserve(struct cli_buffer *buffer, size_t more);
int cli_buffer_append(struct cli_buffer *buffer, const void *data, size_t len);
int cli_buffer_append_str(struct cli_buffer *buffer, const char *text);

/* Append text from a stranger so that a terminal shows it and does not obey it: control characters,
 * but for tab and newline, become \xNN. */
int cli_buffer_append_shown(struct cli_buffer *buffer, const void *data, size_t len);

/* Give the memory back; the buffer is an empty one again. */
void cli_buffer_deinit(struct cli_buffer *buffer);

#endif
