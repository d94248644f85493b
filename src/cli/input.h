/* Standard input on the loop, line by line: a terminal (with a line editor where there is one), a
 * pipe, a socket or a file. */
#ifndef UVWS_CLI_INPUT_H
#define UVWS_CLI_INPUT_H

#include <uv.h>

#include "cli/buffer.h"

struct cli_input_events {
  /* A line without its newline, borrowed until the call returns; of any length. The last one counts
   * without a newline too. */
  void (*on_line)(void *owner, const char *line, size_t len);

  /* No more lines: 0 at the end of the input, else an error. At most once. */
  void (*on_end)(void *owner, int err);
};

struct cli_editor;

struct cli_input {
  uv_loop_t *loop;
  const struct cli_input_events *events;
  void *owner;
  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tty_t tty;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
    uv_fs_t file; /* the request under way */
  } as;
  enum { CLI_INPUT_CLOSED, CLI_INPUT_STREAM, CLI_INPUT_FILE, CLI_INPUT_EDITOR } kind;
  struct cli_editor *editor; /* NULL: none; lives until deinit */
  int is_paused;
  int is_reading; /* a file read is under way */
  struct cli_buffer line;
  char chunk[65536];
};

/* Start reading. `input` must live until uv_run returns. 0, or an error and nothing fires. */
int cli_input_open(struct cli_input *input, uv_loop_t *loop, const struct cli_input_events *events,
                   void *owner);

/* Lines that were read already still come. */
void cli_input_pause(struct cli_input *input);
void cli_input_resume(struct cli_input *input);

/* Nothing fires behind this. Closed already: no-op. */
void cli_input_close(struct cli_input *input);

/* Behind uv_run. */
void cli_input_deinit(struct cli_input *input);

#endif
