/* Standard output as blocking writes of whole buffers. */
#include "cli/output.h"

#include <string.h>
#include <uv.h>

#if !defined(_WIN32)
#include <poll.h>
#endif

#define STDOUT_FD 1
#define FLUSH_AT 65536

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

void cli_output_init(struct cli_output *output) {
  memset(output, 0, sizeof *output);
  output->is_terminal = uv_guess_handle(STDOUT_FD) == UV_TTY;
}

void cli_output_deinit(struct cli_output *output) {
  cli_buffer_deinit(&output->buffer);
}

int cli_output_flush(struct cli_output *output) {
  if (output->err == 0 && output->buffer.len > 0)
    output->err = write_all(output->buffer.data, output->buffer.len);
  output->buffer.len = 0;
  return output->err;
}

int cli_output_line(struct cli_output *output, const void *data, size_t len) {
  if (output->err != 0) return output->err;
  int err = output->is_terminal ? cli_buffer_append_shown(&output->buffer, data, len)
                                : cli_buffer_append(&output->buffer, data, len);
  if (err == 0) err = cli_buffer_append(&output->buffer, "\n", 1);
  if (err != 0) {
    output->err = err;
    return err;
  }
  return output->buffer.len >= FLUSH_AT ? cli_output_flush(output) : 0;
}
