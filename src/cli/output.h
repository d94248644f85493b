/*
 * Standard output, written without stdio so that a failed write is seen and nothing is written
 * twice. What is printed in one turn of the loop leaves in one write. A reader that is slower than
 * the server holds up the loop, and so, by TCP, the server.
 */
#ifndef UVWS_CLI_OUTPUT_H
#define UVWS_CLI_OUTPUT_H

#include "cli/buffer.h"

/* A zeroed struct is an empty one. */
struct cli_output {
  struct cli_buffer buffer;
  int is_terminal; /* control characters are shown, not obeyed */
  int err;         /* the first error; nothing is written behind it */
};

void cli_output_init(struct cli_output *output);
void cli_output_deinit(struct cli_output *output);

/* Take a message and the newline behind it; a lot of it is written at once. 0 or an error. */
int cli_output_line(struct cli_output *output, const void *data, size_t len);

/* Write what was taken. 0 or an error. */
int cli_output_flush(struct cli_output *output);

#endif
