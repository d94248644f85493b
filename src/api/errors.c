/* Names and texts for error numbers, libuv's and ours. */
#include <uv.h>

#include "uvws.h"

const char *uvws_strerror(int err) {
  switch (err) {
#define ERROR_TEXT(name, number, text)                                                             \
  case number:                                                                                     \
    return text;
    UVWS_ERROR_MAP(ERROR_TEXT)
#undef ERROR_TEXT
#define ERROR_TEXT(name, text)                                                                     \
  case UV_##name:                                                                                  \
    return text;
    UV_ERRNO_MAP(ERROR_TEXT)
#undef ERROR_TEXT
  case 0:
    return "no error";
  default:
    return "unknown error";
  }
}

const char *uvws_err_name(int err) {
  switch (err) {
#define ERROR_NAME(name, number, text)                                                             \
  case number:                                                                                     \
    return "UVWS_" #name;
    UVWS_ERROR_MAP(ERROR_NAME)
#undef ERROR_NAME
#define ERROR_NAME(name, text)                                                                     \
  case UV_##name:                                                                                  \
    return #name;
    UV_ERRNO_MAP(ERROR_NAME)
#undef ERROR_NAME
  case 0:
    return "OK";
  default:
    return "UNKNOWN";
  }
}

#define TEXT_OF_NUMBER(number) #number
#define TEXT_OF(number) TEXT_OF_NUMBER(number)

const char *uvws_version(void) {
  return TEXT_OF(UVWS_VERSION_MAJOR) "." TEXT_OF(UVWS_VERSION_MINOR) "." TEXT_OF(
      UVWS_VERSION_PATCH);
}
