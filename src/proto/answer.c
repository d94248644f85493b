/*
 * The server's 101 judged (RFC 6455 4.1, "the client MUST validate the server's response"). A
 * server that does not prove that it read this very request, or that answers what was not asked, is
 * not spoken to.
 */
#include <assert.h>
#include <string.h>

#include "proto/handshake.h"
#include "proto/token.h"

/* The value of a field that may stand once at most; NULL when it is absent. */
static int find_single(const struct uvws__head *head, const char *name, struct uvws__detail *detail,
                       const char **value) {
  size_t count;
  const uvws_header_t *fields = uvws__head_fields(head, &count);
  const char *found = NULL;
  for (size_t i = 0; i < count; i++) {
    if (!uvws__ascii_equal(fields[i].name, name)) continue;
    if (found) return uvws__fail(detail, UVWS_EHANDSHAKE, "the server's answer has %s twice", name);
    found = fields[i].value;
  }
  *value = found;
  return 0;
}

static int check_upgrade(const struct uvws__head *head, struct uvws__detail *detail) {
  const char *value = NULL;
  int err = find_single(head, "Upgrade", detail, &value);
  if (err) return err;
  if (!value) return uvws__fail(detail, UVWS_EHANDSHAKE, "the server's answer has no Upgrade");
  if (!uvws__ascii_equal(value, "websocket"))
    return uvws__fail(detail, UVWS_EHANDSHAKE, "the server upgrades to \"%.64s\", not websocket",
                      value);
  return 0;
}

/* Connection is a list and may come in several fields (RFC 9110 5.3, 7.6.1). */
static int check_connection(const struct uvws__head *head, struct uvws__detail *detail) {
  size_t count;
  const uvws_header_t *fields = uvws__head_fields(head, &count);
  for (size_t i = 0; i < count; i++)
    if (uvws__ascii_equal(fields[i].name, "Connection") &&
        uvws__list_has(fields[i].value, "upgrade"))
      return 0;
  return uvws__fail(detail, UVWS_EHANDSHAKE, "the server's answer has no Connection: Upgrade");
}

static int check_accept(const struct uvws__head *head, const char *key,
                        struct uvws__detail *detail) {
  char expected[UVWS__ACCEPT_LEN + 1];
  const char *value = NULL;
  int err = find_single(head, "Sec-WebSocket-Accept", detail, &value);
  if (!err) err = uvws__accept_make(key, expected);
  if (err) return err;
  if (!value)
    return uvws__fail(detail, UVWS_EHANDSHAKE, "the server's answer has no Sec-WebSocket-Accept");
  if (strcmp(value, expected) != 0)
    return uvws__fail(detail, UVWS_EHANDSHAKE,
                      "the server's Sec-WebSocket-Accept is \"%.64s\", not %s", value, expected);
  return 0;
}

static int check_protocol(const struct uvws__head *head, const struct uvws__request *request,
                          struct uvws__detail *detail, const char **protocol) {
  int err = find_single(head, "Sec-WebSocket-Protocol", detail, protocol);
  if (err || !*protocol) return err;
  for (size_t i = 0; i < request->protocol_count; i++)
    if (strcmp(*protocol, request->protocols[i]) == 0) return 0;
  return uvws__fail(detail, UVWS_EHANDSHAKE,
                    "the server chose the subprotocol \"%.64s\", which was not offered", *protocol);
}

static int check_extensions(const struct uvws__head *head, const struct uvws__request *request,
                            struct uvws__detail *detail, const char **extensions) {
  int err = find_single(head, "Sec-WebSocket-Extensions", detail, extensions);
  if (err || !*extensions || request->extensions) return err;
  return uvws__fail(detail, UVWS_EHANDSHAKE,
                    "the server uses the extensions \"%.64s\", and none was offered", *extensions);
}

int uvws__answer_check(const struct uvws__head *head, const struct uvws__request *request,
                       const char *key, struct uvws__detail *detail, const char **protocol,
                       const char **extensions) {
  const char *chosen_protocol = NULL;
  const char *chosen_extensions = NULL;
  assert(uvws__head_status(head) == 101);
  int err = check_upgrade(head, detail);
  if (!err) err = check_connection(head, detail);
  if (!err) err = check_accept(head, key, detail);
  if (!err) err = check_protocol(head, request, detail, &chosen_protocol);
  if (!err) err = check_extensions(head, request, detail, &chosen_extensions);
  if (err) return err;
  *protocol = chosen_protocol;
  *extensions = chosen_extensions;
  return 0;
}
