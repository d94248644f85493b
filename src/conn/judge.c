/*
 * Is an end worth another attempt? Yes when time may heal it: the network, a server that is
 * overloaded or restarts. No when the next attempt would end alike: what a certificate, a policy or
 * a rule of the protocol said will be said again.
 */
#include "conn/conn.h"

static int is_status_worth_it(int status) {
  return status == 408 || status == 425 || status == 429 || (status >= 500 && status <= 599);
}

static int is_error_worth_it(const uvws_error_t *error) {
  switch (error->code) {
  case UVWS_EHTTP_STATUS:
    return is_status_worth_it(error->status);
  case UVWS_EPROXY:
    return !error->status || is_status_worth_it(error->status);
  case UVWS_ECONNECT_TIMEOUT:
  case UVWS_EHANDSHAKE_TIMEOUT:
  case UVWS_ECLOSE_TIMEOUT:
  case UVWS_EPONG_TIMEOUT:
  case UVWS_ELOST:
  case UVWS_ETLS: /* an alert, mostly; a server that restarts sends them too */
  case UVWS_ETLS_TRUNCATED:
    return 1;
  case UV_ECANCELED:
  case UV_EINVAL:
  case UV_EACCES:
  case UV_EPERM:
    return 0;
  default:
    return error->code > -20000 || error->code < -29999; /* libuv's: the network */
  }
}

static int is_code_worth_it(int code) {
  return code == UVWS__CLOSE_GOING_AWAY || code == UVWS__CLOSE_ABNORMAL ||
         (code >= UVWS__CLOSE_INTERNAL_ERROR && code <= 1014);
}

int uvws__should_retry(const uvws_retry_t *retry) {
  if (retry->error) return is_error_worth_it(retry->error);
  return is_code_worth_it(retry->close->code);
}
