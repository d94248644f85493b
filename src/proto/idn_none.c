/* proto/idn.h in a build without libidn2. */
#include "proto/idn.h"

int uvws__idn_to_ascii(const struct uvws__env *env, const char *name, size_t len,
                       struct uvws__detail *detail, char **out) {
  (void)env, (void)name, (void)len, (void)out;
  return uvws__fail(detail, UVWS_EURI,
                    "the host has characters beyond ASCII, which are not supported: write it in "
                    "its xn-- form");
}
