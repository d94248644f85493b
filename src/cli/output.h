/*
 * Standard output, written without stdio so that a failed write is seen and nothing is written
 * twice. What is printed in one turn of the loop leaves in one write, on a thread of libuv's pool:
 * a reader that is slow, or a terminal that is stopped, does not hold up the loop, and the
 * descriptor, which is shared with other programs, stays a blocking one.
 */
#ifndef UVWS_CLI_OUTPUT_H
#define UVWS_CLI_OUTPUT_H

#include <uv.h>

#include "cli/buffer.h"

struct cli_editor;

struct cli_output {
  uv_loop_t *loop;
  void (*on_written)(void *owner, int err); /* a write is done, another may be under way */
  void *owner;
  struct cli_editor *editor; /* what else writes to the terminal; NULL: nothing */

  int is_terminal; /* control characters are shown, not obeyed */
  int err;         /* the first error; nothing is written behind it */

  struct cli_buffer buffer; /* taken */
  struct cli_buffer wire;   /* being written while is_writing */
  uv_work_t work;
  int work_err;
  int is_writing;
};

void cli_output_init(struct cli_output *output, uv_loop_t *loop,
                     void (*on_written)(void *owner, int err), void *owner);
void cli_output_deinit(struct cli_output *output);

/* What is neither written nor given up. */
size_t cli_output_queued(const struct cli_output *output);

/* Start to write what was taken, unless a write is under way: then it follows by itself. */
void cli_output_flush(struct cli_output *output);

#endif
