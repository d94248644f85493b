/*
 * By libidn2, the way browsers do: normalised (NFC), non-transitional (so that sharp s and final
 * sigma keep their meaning), lower case. libidn2 takes memory by itself.
 */
#include "proto/idn.h"

#include <idn2.h>
#include <string.h>

int uvws__idn_to_ascii(const struct uvws__env *env, const char *name, size_t len,
                       struct uvws__detail *detail, char **out) {
  char *text = uvws__strndup(env, name, len);
  if (!text) return UVWS__ENOMEM;
  char *ascii = NULL;
  int result = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  uvws__free(env, text);
  if (result == IDN2_MALLOC) return UVWS__ENOMEM;
  if (result != IDN2_OK)
    return uvws__fail(detail, UVWS_EURI, "the host is no internationalised name: %s",
                      idn2_strerror(result));
  *out = uvws__strdup(env, ascii);
  idn2_free(ascii);
  return *out ? 0 : UVWS__ENOMEM;
}
