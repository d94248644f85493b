/* libuv as the library sees it in these tests: each call fails when it is to. */
#include "fault/uv_calls.h"

#include <string.h>
#include <sys/socket.h>

#include "fault/fault.h"

enum uv_try uv_calls_try;
int uv_calls_look_ups;

#define DECLARE(name, parameters, arguments, error)                                                \
  int __real_##name parameters;                                                                    \
  int __wrap_##name parameters;
UV_CALLS(DECLARE)
UV_CALLS_OF_FILES(DECLARE)
UV_CALLS_BACK(DECLARE)
int __real_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
                          const char *node, const char *service, const struct addrinfo *hints);
int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
                          const char *node, const char *service, const struct addrinfo *hints);
void __real_uv_close(uv_handle_t *handle, uv_close_cb cb);
void __wrap_uv_close(uv_handle_t *handle, uv_close_cb cb);
int __real_uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned count);
int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned count);

#define WRAP(name, parameters, arguments, error)                                                   \
  int __wrap_##name parameters {                                                                   \
    return fault_is_due(FAULT_UV) ? (error) : __real_##name arguments;                             \
  }
UV_CALLS(WRAP)

#define WRAP_FILE(name, parameters, arguments, error)                                              \
  int __wrap_##name parameters {                                                                   \
    if (!fault_is_due(FAULT_UV)) return __real_##name arguments;                                   \
    memset(req, 0, sizeof *req);                                                                   \
    req->result = (error);                                                                         \
    return (error);                                                                                \
  }
UV_CALLS_OF_FILES(WRAP_FILE)

/* The library has one callback for each. */
static uv_getaddrinfo_cb getaddrinfo_cb;
static uv_connect_cb cb_of_uv_tcp_connect;
static uv_read_cb cb_of_uv_read_start;
static uv_write_cb cb_of_uv_write;

static void on_getaddrinfo(uv_getaddrinfo_t *req, int status, struct addrinfo *list) {
  uv_calls_look_ups--;
  if (!fault_is_due(FAULT_UV)) {
    getaddrinfo_cb(req, status, list);
    return;
  }
  uv_freeaddrinfo(list);
  getaddrinfo_cb(req, UV_EAI_AGAIN, NULL);
}

static void on_connect(uv_connect_t *req, int status) {
  cb_of_uv_tcp_connect(req, fault_is_due(FAULT_UV) ? UV_ECONNREFUSED : status);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf) {
  cb_of_uv_read_start(stream, fault_is_due(FAULT_UV) ? UV_ECONNRESET : nread, buf);
}

static void on_write(uv_write_t *req, int status) {
  cb_of_uv_write(req, fault_is_due(FAULT_UV) ? UV_EPIPE : status);
}

#define WRAP_BACK(name, parameters, arguments, error)                                              \
  int __wrap_##name parameters {                                                                   \
    cb_of_##name = cb;                                                                             \
    return fault_is_due(FAULT_UV) ? (error) : __real_##name arguments;                             \
  }
UV_CALLS_BACK(WRAP_BACK)

int __wrap_uv_getaddrinfo(uv_loop_t *loop, uv_getaddrinfo_t *req, uv_getaddrinfo_cb cb,
                          const char *node, const char *service, const struct addrinfo *hints) {
  getaddrinfo_cb = cb;
  if (fault_is_due(FAULT_UV)) return UV_EAI_MEMORY;
  int err = __real_uv_getaddrinfo(loop, req, on_getaddrinfo, node, service, hints);
  uv_calls_look_ups += err == 0;
  return err;
}

int __wrap_uv_try_write(uv_stream_t *stream, const uv_buf_t bufs[], unsigned count) {
  if (fault.kind == FAULT_UV && uv_calls_try == UV_TRY_NEVER) return UV_EAGAIN;
  if (!fault_is_due(FAULT_UV)) return __real_uv_try_write(stream, bufs, count);
  if (uv_calls_try == UV_TRY_FAILS) return UV_ECONNRESET;
  if (uv_calls_try == UV_TRY_WAITS) return UV_EAGAIN;
  uv_buf_t one = uv_buf_init(bufs[0].base, 1);
  return __real_uv_try_write(stream, &one, 1);
}

/* Thousands of connections would keep as many ports busy for a minute (TIME_WAIT), which others on
 * this machine may want. Both ends close with a reset here, when all has been said. */
void __wrap_uv_close(uv_handle_t *handle, uv_close_cb cb) {
  const struct linger at_once = {.l_onoff = 1};
  uv_os_fd_t fd;
  if (uv_handle_get_type(handle) == UV_TCP && uv_fileno(handle, &fd) == 0)
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  __real_uv_close(handle, cb);
}
