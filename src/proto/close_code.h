/* Close codes (RFC 6455 7.4 and the IANA registry). */
#ifndef UVWS_PROTO_CLOSE_CODE_H
#define UVWS_PROTO_CLOSE_CODE_H

enum {
  UVWS__CLOSE_NORMAL = 1000,
  UVWS__CLOSE_GOING_AWAY = 1001,
  UVWS__CLOSE_PROTOCOL_ERROR = 1002,
  UVWS__CLOSE_NO_STATUS = 1005,
  UVWS__CLOSE_ABNORMAL = 1006,
  UVWS__CLOSE_BAD_DATA = 1007,
  UVWS__CLOSE_TOO_BIG = 1009,
  UVWS__CLOSE_INTERNAL_ERROR = 1011
};

/* May it stand in a Close frame: 1000-1003, 1007-1014, 3000-4999. */
int uvws__close_code_is_valid(int code);

#endif
