/*
 * Standard input. Terminals, pipes and sockets are streams to libuv; a file is read by its thread
 * pool, one request at a time.
 */
#include "cli/input.h"

#include <string.h>

#include "cli/editor.h"

#define STDIN_FD 0

static int read_file(struct cli_input *input);

static void finish(struct cli_input *input, int err) {
  if (err == 0 && input->line.len > 0)
    input->events->on_line(input->owner, input->line.data, input->line.len);
  input->line.len = 0;
  if (input->kind == CLI_INPUT_CLOSED) return;
  cli_input_close(input);
  input->events->on_end(input->owner, err);
}

/* The owner may close the input inside on_line: then the rest is dropped. */
static int take_line(struct cli_input *input, const char *data, size_t len) {
  if (input->line.len == 0) {
    input->events->on_line(input->owner, data, len);
    return 0;
  }
  int err = cli_buffer_append(&input->line, data, len);
  if (err != 0) return err;
  input->events->on_line(input->owner, input->line.data, input->line.len);
  input->line.len = 0;
  return 0;
}

static void take_chunk(struct cli_input *input, const char *data, size_t len) {
  int err = 0;
  while (len > 0 && err == 0 && input->kind != CLI_INPUT_CLOSED) {
    const char *newline = memchr(data, '\n', len);
    if (newline == NULL) {
      err = cli_buffer_append(&input->line, data, len);
      break;
    }
    size_t line_len = (size_t)(newline - data);
    err = take_line(input, data, line_len);
    data += line_len + 1;
    len -= line_len + 1;
  }
  if (err != 0) finish(input, err);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
  (void)suggested;
  struct cli_input *input = handle->data;
  *out = uv_buf_init(input->chunk, sizeof input->chunk);
}

static void on_stream_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
  struct cli_input *input = stream->data;
  if (len > 0)
    take_chunk(input, buf->base, (size_t)len);
  else if (len < 0)
    finish(input, len == UV_EOF ? 0 : (int)len);
}

static void on_file_read(uv_fs_t *request) {
  struct cli_input *input = request->data;
  ssize_t len = request->result;
  uv_fs_req_cleanup(request);
  input->is_reading = 0;
  if (input->kind == CLI_INPUT_CLOSED) return;
  if (len <= 0) {
    finish(input, (int)len);
    return;
  }
  take_chunk(input, input->chunk, (size_t)len);
  if (input->kind == CLI_INPUT_CLOSED || input->is_paused) return;
  int err = read_file(input);
  if (err != 0) finish(input, err);
}

static int read_file(struct cli_input *input) {
  if (input->is_reading) return 0;
  uv_buf_t buf = uv_buf_init(input->chunk, sizeof input->chunk);
  input->as.file.data = input;
  int err = uv_fs_read(input->loop, &input->as.file, STDIN_FD, &buf, 1, -1, on_file_read);
  input->is_reading = err == 0;
  return err;
}

/* Once a handle is initialised it is closed by uv_close also when it cannot be opened. */
static int open_stream(struct cli_input *input, uv_handle_type type) {
  int err = 0;
  if (type == UV_TTY) return uv_tty_init(input->loop, &input->as.tty, STDIN_FD, 1);
  if (type == UV_TCP) {
    err = uv_tcp_init(input->loop, &input->as.tcp);
    if (err == 0) err = uv_tcp_open(&input->as.tcp, STDIN_FD);
  } else {
    err = uv_pipe_init(input->loop, &input->as.pipe, 0);
    if (err == 0) err = uv_pipe_open(&input->as.pipe, STDIN_FD);
  }
  if (err != 0) uv_close(&input->as.handle, NULL);
  return err;
}

static int open_editor(struct cli_input *input) {
  int err = cli_editor_open(input->loop, input->events, input->owner, &input->editor);
  if (err == 0) input->kind = CLI_INPUT_EDITOR;
  return err;
}

int cli_input_open(struct cli_input *input, uv_loop_t *loop, const struct cli_input_events *events,
                   void *owner) {
  memset(input, 0, sizeof *input);
  input->loop = loop;
  input->events = events;
  input->owner = owner;
  if (cli_editor_is_possible()) return open_editor(input);
  uv_handle_type type = uv_guess_handle(STDIN_FD);
  int err = 0;
  if (type == UV_TTY || type == UV_TCP || type == UV_NAMED_PIPE) {
    err = open_stream(input, type);
    if (err != 0) return err;
    input->kind = CLI_INPUT_STREAM;
    input->as.handle.data = input;
    err = uv_read_start(&input->as.stream, on_alloc, on_stream_read);
  } else {
    input->kind = CLI_INPUT_FILE;
    err = read_file(input);
  }
  if (err != 0) cli_input_close(input);
  return err;
}

void cli_input_pause(struct cli_input *input) {
  if (input->is_paused || input->kind == CLI_INPUT_CLOSED) return;
  input->is_paused = 1;
  if (input->kind == CLI_INPUT_STREAM) uv_read_stop(&input->as.stream);
  if (input->kind == CLI_INPUT_EDITOR) cli_editor_pause(input->editor);
}

void cli_input_resume(struct cli_input *input) {
  if (!input->is_paused || input->kind == CLI_INPUT_CLOSED) return;
  input->is_paused = 0;
  if (input->kind == CLI_INPUT_EDITOR) {
    cli_editor_resume(input->editor);
    return;
  }
  int err = input->kind == CLI_INPUT_STREAM
                ? uv_read_start(&input->as.stream, on_alloc, on_stream_read)
                : read_file(input);
  if (err != 0) finish(input, err);
}

void cli_input_close(struct cli_input *input) {
  if (input->kind == CLI_INPUT_STREAM) {
    /* libuv made the description non-blocking; it is shared with whoever reads it next. */
    uv_read_stop(&input->as.stream);
    (void)uv_stream_set_blocking(&input->as.stream, 1);
    uv_close(&input->as.handle, NULL);
  } else if (input->kind == CLI_INPUT_FILE && input->is_reading) {
    (void)uv_cancel((uv_req_t *)&input->as.file);
  } else if (input->kind == CLI_INPUT_EDITOR) {
    cli_editor_close(input->editor);
  }
  input->kind = CLI_INPUT_CLOSED;
}

void cli_input_deinit(struct cli_input *input) {
  cli_buffer_deinit(&input->line);
  cli_editor_free(input->editor);
  input->editor = NULL;
}
