/* The functions for other threads: arguments checked, then handed on. Nothing of the loop's thread
 * is touched, a client's last error neither. */
#include "api/check.h"
#include "conn/conn.h"

int uvws_async_new(uvws_t *ws, size_t max_bytes, uvws_async_t **out) {
  if (!ws || !out || ws->is_freed) return UV_EINVAL;
  return uvws__async_new(ws, max_bytes, out);
}

void uvws_async_free(uvws_async_t *async) {
  if (async) uvws__async_free(async);
}

int uvws_async_send(uvws_async_t *async, uvws_kind_t kind, const void *data, size_t len,
                    unsigned flags, uvws_send_cb cb, void *arg) {
  struct uvws__outgoing out = {kind, flags, data, len, cb, arg};
  if (kind != UVWS_TEXT && kind != UVWS_BINARY) return UV_EINVAL;
  if (flags & ~UVWS__HOW_TO_PACK) return UV_EINVAL;
  if (!data && len) return UV_EINVAL;
  return uvws__async_send(async, &out);
}

int uvws_async_close(uvws_async_t *async, int code, const char *reason, size_t reason_len) {
  struct uvws__detail detail;
  int err = uvws__check_close(code, reason, reason_len, &detail);
  return err ? err : uvws__async_close(async, code, reason, reason_len);
}
