/* Standard output as blocking writes of whole buffers, one at a time. */
#include "cli/output.h"

#include <string.h>

#include "cli/editor.h"

#if !defined(_WIN32)
#include <poll.h>
#endif

#define STDOUT_FD 1

/* The descriptor may be non-blocking by somebody else's doing: another process, or standard input
 * when both are one socket. */
static void wait_until_writable(void) {
#if !defined(_WIN32)
  struct pollfd wait = {.fd = STDOUT_FD, .events = POLLOUT};
  (void)poll(&wait, 1, -1);
#endif
}

static int write_all(const char *data, size_t len) {
  while (len > 0) {
    uv_buf_t buf = uv_buf_init((char *)data, len < (1u << 30) ? (unsigned)len : (1u << 30));
    uv_fs_t request;
    int written = uv_fs_write(NULL, &request, STDOUT_FD, &buf, 1, -1, NULL);
    uv_fs_req_cleanup(&request);
    if (written == UV_EAGAIN) {
      wait_until_writable();
      continue;
    }
    if (written < 0) return written;
    data += written;
    len -= (size_t)written;
  }
  return 0;
}

/* On a thread of the pool. */
static void on_work(uv_work_t *work) {
  struct cli_output *output = work->data;
  cli_editor_hide(output->editor);
  output->work_err = write_all(output->wire.data, output->wire.len);
  cli_editor_show(output->editor);
}

static void on_work_done(uv_work_t *work, int status) {
  struct cli_output *output = work->data;
  output->is_writing = 0;
  output->wire.len = 0;
  output->err = status != 0 ? status : output->work_err;
  if (output->err != 0) output->buffer.len = 0;
  cli_output_flush(output);
  output->on_written(output->owner, output->err);
}

void cli_output_init(struct cli_output *output, uv_loop_t *loop,
                     void (*on_written)(void *owner, int err), void *owner) {
  memset(output, 0, sizeof *output);
  output->loop = loop;
  output->on_written = on_written;
  output->owner = owner;
  output->is_terminal = uv_guess_handle(STDOUT_FD) == UV_TTY;
}

void cli_output_deinit(struct cli_output *output) {
  cli_buffer_deinit(&output->buffer);
  cli_buffer_deinit(&output->wire);
}

size_t cli_output_queued(const struct cli_output *output) {
  return output->buffer.len + (output->is_writing ? output->wire.len : 0);
}

void cli_output_flush(struct cli_output *output) {
  if (output->is_writing || output->err != 0 || output->buffer.len == 0) return;
  struct cli_buffer empty = output->wire;
  output->wire = output->buffer;
  output->buffer = empty;
  output->work.data = output;
  /* Fails only without a callback. */
  (void)uv_queue_work(output->loop, &output->work, on_work, on_work_done);
  output->is_writing = 1;
}
