/* The server's side of the opening handshake, RFC 6455 4.2.1 and 4.2.2, without extensions. */
#include "cli/echo_handshake.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <uv.h>

#define HEAD_MAX 65536
#define SHA1_LEN 20

static const char accept_guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; /* RFC 6455 1.3 */

static int on_field(llhttp_t *parser, const char *data, size_t len) {
  struct echo_handshake *h = parser->data;
  h->err = cli_buffer_append(&h->field, data, len);
  return h->err;
}

static int on_value(llhttp_t *parser, const char *data, size_t len) {
  struct echo_handshake *h = parser->data;
  h->err = cli_buffer_append(&h->value, data, len);
  return h->err;
}

/* The next element of a comma separated list, without the space around it; NULL at its end. */
static const char *next_element(const char **list, size_t *len) {
  const char *start = *list + strspn(*list, " \t,");
  if (*start == '\0') return NULL;
  size_t n = strcspn(start, ",");
  *list = start + n;
  while (n > 0 && (start[n - 1] == ' ' || start[n - 1] == '\t'))
    n--;
  *len = n;
  return start;
}

static int has_token(const char *list, const char *token) {
  size_t len = 0;
  const char *element;
  while ((element = next_element(&list, &len)) != NULL)
    if (len == strlen(token) && strncasecmp(element, token, len) == 0) return 1;
  return 0;
}

static int take_protocols(struct echo_handshake *h, const char *list) {
  size_t len = 0;
  const char *first = next_element(&list, &len);
  if (first == NULL || h->protocol != NULL) return 0;
  h->protocol = malloc(len + 1);
  if (h->protocol == NULL) return UV_ENOMEM;
  memcpy(h->protocol, first, len);
  h->protocol[len] = '\0';
  return 0;
}

static void take_field(struct echo_handshake *h, const char *name, const char *value) {
  if (strcasecmp(name, "Upgrade") == 0)
    h->has_upgrade |= has_token(value, "websocket");
  else if (strcasecmp(name, "Connection") == 0)
    h->has_connection |= has_token(value, "upgrade");
  else if (strcasecmp(name, "Sec-WebSocket-Version") == 0)
    h->has_version |= strcmp(value, "13") == 0;
  else if (strcasecmp(name, "Sec-WebSocket-Key") == 0 && strlen(value) == ECHO_KEY_LEN)
    memcpy(h->key, value, sizeof h->key);
  else if (strcasecmp(name, "Sec-WebSocket-Protocol") == 0)
    h->err = take_protocols(h, value);
}

static int on_value_complete(llhttp_t *parser) {
  struct echo_handshake *h = parser->data;
  h->err = cli_buffer_append(&h->field, "", 1);
  if (h->err == 0) h->err = cli_buffer_append(&h->value, "", 1);
  if (h->err == 0) take_field(h, h->field.data, h->value.data);
  h->field.len = h->value.len = 0;
  return h->err;
}

/* To llhttp 2 means: no body, stop right behind the head. */
static int on_headers_complete(llhttp_t *parser) {
  (void)parser;
  return 2;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
};

void echo_handshake_init(struct echo_handshake *handshake) {
  memset(handshake, 0, sizeof *handshake);
  llhttp_init(&handshake->parser, HTTP_REQUEST, &settings);
  handshake->parser.data = handshake;
}

void echo_handshake_deinit(struct echo_handshake *handshake) {
  cli_buffer_deinit(&handshake->field);
  cli_buffer_deinit(&handshake->value);
  free(handshake->protocol);
  handshake->protocol = NULL;
}

/* RFC 6455 4.2.2, item 5.4. */
static int make_accept(const char *key, char out[4 * ((SHA1_LEN + 2) / 3) + 1]) {
  char text[ECHO_KEY_LEN + sizeof accept_guid];
  int len = snprintf(text, sizeof text, "%s%s", key, accept_guid);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned digest_len = 0;
  if (EVP_Digest(text, (size_t)len, digest, &digest_len, EVP_sha1(), NULL) != 1) return UV_ENOMEM;
  EVP_EncodeBlock((unsigned char *)out, digest, (int)digest_len);
  return 0;
}

static int accept_it(struct echo_handshake *h, struct cli_buffer *out) {
  char accept[4 * ((SHA1_LEN + 2) / 3) + 1];
  int err = make_accept(h->key, accept);
  if (err == 0)
    err = cli_buffer_append_str(out, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                     "Connection: Upgrade\r\nSec-WebSocket-Accept: ");
  if (err == 0) err = cli_buffer_append_str(out, accept);
  if (err == 0 && h->protocol != NULL) {
    err = cli_buffer_append_str(out, "\r\nSec-WebSocket-Protocol: ");
    if (err == 0) err = cli_buffer_append_str(out, h->protocol);
  }
  if (err == 0) err = cli_buffer_append_str(out, "\r\n\r\n");
  return err != 0 ? err : ECHO_HANDSHAKE_DONE;
}

static int refuse(struct cli_buffer *out, const char *status, const char *why) {
  char answer[512];
  snprintf(answer, sizeof answer,
           "HTTP/1.1 %s\r\nConnection: close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
           "Content-Type: text/plain\r\nContent-Length: %zu\r\n\r\n%s\n",
           status, strlen(why) + 1, why);
  int err = cli_buffer_append_str(out, answer);
  return err != 0 ? err : ECHO_HANDSHAKE_REFUSED;
}

static int judge(struct echo_handshake *h, struct cli_buffer *out) {
  if (h->parser.method != HTTP_GET) return refuse(out, "405 Method Not Allowed", "use GET");
  if (!h->has_upgrade || !h->has_connection || !h->has_version)
    return refuse(out, "426 Upgrade Required", "this is a WebSocket server (RFC 6455, version 13)");
  if (h->parser.http_major != 1 || h->parser.http_minor < 1 || h->key[0] == '\0')
    return refuse(out, "400 Bad Request", "not a WebSocket handshake by RFC 6455");
  return accept_it(h, out);
}

int echo_handshake_feed(struct echo_handshake *handshake, const char *data, size_t len,
                        size_t *used, struct cli_buffer *out) {
  enum llhttp_errno parsed = llhttp_execute(&handshake->parser, data, len);
  if (handshake->err != 0) return handshake->err;
  if (parsed == HPE_PAUSED_UPGRADE) {
    *used = (size_t)(llhttp_get_error_pos(&handshake->parser) - data);
    return judge(handshake, out);
  }
  handshake->head_len += len;
  if (parsed != HPE_OK) return refuse(out, "400 Bad Request", "not HTTP");
  if (handshake->head_len > HEAD_MAX)
    return refuse(out, "431 Request Header Fields Too Large", "at most 64 KiB");
  return ECHO_HANDSHAKE_MORE;
}
