/* Close codes: RFC 6455 7.4.1 and 7.4.2; 1012 to 1014 from the IANA registry. */
#include "proto/close_code.h"

int uvws__close_code_is_valid(int code) {
  /* 1004 to 1006 and 1015 never stand in a frame (RFC 6455 7.4.1). */
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}
