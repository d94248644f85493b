/* One line for a person beside each error number. */
#include "util/errors.h"

#include <stdarg.h>

void uvws__explain(struct uvws__detail *detail, const char *format, ...) {
  va_list args;
  if (!detail) return;
  va_start(args, format);
  vsnprintf(detail->text, sizeof detail->text, format, args);
  va_end(args);
}
