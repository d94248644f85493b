/* Dialling in words: which address failed why. */
#include <string.h>

#include "io/dial_internal.h"

#define HOST_SHOWN 100 /* of a name in a detail line; leaves room for the reasons */

/* An address that cannot be reached from here at all says less than one that was tried. */
static int telling_rank(int err) {
  switch (err) {
  case UV_ENETUNREACH:
  case UV_EHOSTUNREACH:
  case UV_EADDRNOTAVAIL:
  case UV_EAFNOSUPPORT:
  case UV_EINVAL:
    return 0;
  default:
    return 1;
  }
}

/* The last of the most telling ones. */
static int most_telling_error(const struct uvws__dial *dial) {
  int err = dial->attempts[0].err;
  for (size_t i = 1; i < dial->count; i++)
    if (telling_rank(dial->attempts[i].err) >= telling_rank(err)) err = dial->attempts[i].err;
  return err;
}

static const char *reason(const struct uvws__dial *dial, size_t i) {
  if (dial->attempts[i].err == UV_EAFNOSUPPORT && dial->has_local)
    return "not of local_address's family";
  if (dial->attempts[i].err) return uv_strerror(dial->attempts[i].err);
  return i < dial->started ? "no answer" : "not tried yet";
}

/* Append "ADDRESS: why" for each address, as many as there is room for. */
static void append_reasons(const struct uvws__dial *dial, struct uvws__detail *detail) {
  size_t used = strlen(detail->text);
  for (size_t i = 0; i < dial->count; i++) {
    const size_t reserve = i + 1 < dial->count ? sizeof "; and 12345 more" : 1;
    char text[UVWS__ADDRESS_TEXT];
    uvws__address_text(&dial->attempts[i].address, text);
    size_t room = sizeof detail->text - used;
    int len = snprintf(detail->text + used, room, "%s%s: %s", i ? "; " : "", text, reason(dial, i));
    if (len < 0 || (size_t)len + reserve > room) {
      snprintf(detail->text + used, room, "%s%zu more", i ? "; and " : "", dial->count - i);
      return;
    }
    used += (size_t)len;
  }
}

static int tell_failures(const struct uvws__dial *dial, struct uvws__detail *detail) {
  int err = most_telling_error(dial);
  if (dial->is_unix)
    return uvws__fail(detail, err, "cannot connect to the socket %.150s: %s", dial->host,
                      reason(dial, 0));
  if (dial->is_literal)
    return uvws__fail(detail, err, "cannot connect to %s port %u: %s", dial->host, dial->port,
                      reason(dial, 0));
  uvws__explain(detail, "cannot connect to %.*s port %u: ", HOST_SHOWN, dial->host, dial->port);
  append_reasons(dial, detail);
  return err;
}

int uvws__dial_outcome(const struct uvws__dial *dial, struct uvws__detail *detail) {
  if (dial->is_cancelled) return uvws__fail(detail, UV_ECANCELED, "cancelled");
  if (dial->winner) return uvws__fail(detail, 0, "connected");
  if (dial->lookup_err)
    return uvws__fail(detail, dial->lookup_err, "cannot resolve host %.*s: %s", HOST_SHOWN,
                      dial->host, uv_strerror(dial->lookup_err));
  return tell_failures(dial, detail);
}

void uvws__dial_explain(const struct uvws__dial *dial, struct uvws__detail *detail) {
  if (dial->count)
    tell_failures(dial, detail);
  else
    uvws__explain(detail, "cannot resolve host %.*s: no answer", HOST_SHOWN, dial->host);
}
