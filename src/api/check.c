/* Judging arguments. */
#include "api/check.h"

#include "proto/close_code.h"
#include "proto/inbound.h"
#include "proto/utf8.h"

int uvws__check_close(int code, const char *reason, size_t reason_len,
                      struct uvws__detail *detail) {
  if (code && !uvws__close_code_is_valid(code))
    return uvws__fail(detail, UVWS_ECLOSECODE,
                      "the code is none of 1000-1003, 1007-1014, 3000-4999");
  if (reason_len && (!code || !reason))
    return uvws__fail(detail, UVWS_ECLOSECODE, "a reason needs a code (RFC 6455 5.5.1)");
  if (reason_len > UVWS__CONTROL_MAX - 2)
    return uvws__fail(detail, UVWS_ECLOSECODE,
                      "the reason is longer than 123 bytes (RFC 6455 5.5)");
  if (!uvws__utf8_is_valid((const uint8_t *)reason, reason_len))
    return uvws__fail(detail, UVWS_ECLOSECODE, "the reason is not UTF-8");
  return 0;
}
