/* One line for a person beside each error number. */
#include "util/errors.h"

#include <stdarg.h>

int uvws__fail(struct uvws__detail *detail, int err, const char *format, ...) {
  if (detail) {
    va_list args;
    va_start(args, format);
    vsnprintf(detail->text, sizeof detail->text, format, args);
    va_end(args);
  }
  return err;
}
