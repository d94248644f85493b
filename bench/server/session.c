/* A peer of the bench server: handshake and frames. Answers are written where they are masked off:
 * a frame from a client is one from a server with the key taken out. */
#include "session.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "block.h"

uint8_t *bench_buffer_room(struct bench_buffer *b, size_t more) {
  if (b->cap - b->len < more) {
    size_t cap = b->cap ? b->cap : 65536;
    while (cap - b->len < more)
      cap *= 2;
    b->data = realloc(b->data, cap);
    if (!b->data) abort(); /* the bench is over */
    b->cap = cap;
  }
  return b->data + b->len;
}

void bench_buffer_add(struct bench_buffer *b, const void *data, size_t len) {
  memcpy(bench_buffer_room(b, len), data, len);
  b->len += len;
}

/* RFC 6455 4.2.2. */
static void make_accept(const char *key, char out[32]) {
  char text[128];
  unsigned char sum[EVP_MAX_MD_SIZE];
  unsigned sum_len = 0;
  int len = snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
  EVP_Digest(text, (size_t)len, sum, &sum_len, EVP_sha1(), NULL);
  EVP_EncodeBlock((unsigned char *)out, sum, (int)sum_len);
}

static const char *find_key(const char *head) {
  static const char name[] = "\nsec-websocket-key:";
  for (const char *p = head; (p = strchr(p, '\n')); p++)
    if (!strncasecmp(p, name, sizeof name - 1)) {
      p += sizeof name - 1;
      while (*p == ' ')
        p++;
      return strlen(p) >= 24 ? p : NULL;
    }
  return NULL;
}

/* What the path asks for. 0, or -1: no such thing. */
static int choose_mode(struct bench_session *s) {
  char path[64] = "";
  if (sscanf(s->head, "GET %63[^ ?]", path) != 1) return -1;
  const char *rest = path;
  if (!strncmp(rest, "/deflate/", 9)) {
    s->is_deflate = 1;
    rest += 8;
  }
  if (!strcmp(rest, "/echo") || !strcmp(rest, "/")) {
    s->mode = BENCH_ECHO;
  } else if (!strcmp(rest, "/sink")) {
    s->mode = BENCH_SINK;
  } else {
    s->block = bench_block_get(path, rest, s->is_deflate);
    s->mode = BENCH_SOURCE;
    if (!s->block) return -1;
  }
  return 0;
}

static int answer_handshake(struct bench_session *s, struct bench_buffer *out) {
  char accept[32];
  char text[512];
  const char *key = find_key(s->head);
  if (!key || choose_mode(s) != 0) return -1;
  make_accept(key, accept);
  int len = snprintf(text, sizeof text,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n%s\r\n",
                     accept,
                     s->is_deflate ? "Sec-WebSocket-Extensions: permessage-deflate; "
                                     "server_no_context_takeover; client_no_context_takeover\r\n"
                                   : "");
  bench_buffer_add(out, text, (size_t)len);
  return 0;
}

static int take_head(struct bench_session *s, const uint8_t *data, size_t len,
                     struct bench_buffer *out) {
  if (s->head_len + len >= sizeof s->head) return -1;
  memcpy(s->head + s->head_len, data, len);
  s->head_len += len;
  s->head[s->head_len] = '\0';
  if (!strstr(s->head, "\r\n\r\n")) return 0;
  return answer_handshake(s, out); /* a client waits for it: nothing is glued behind */
}

static size_t whole_header_len(const struct bench_session *s) {
  size_t len = 2;
  if (s->header_len < 2) return len;
  if ((s->header[1] & 0x7F) == 126) len += 2;
  if ((s->header[1] & 0x7F) == 127) len += 8;
  return len + 4; /* the key */
}

static uint64_t read_number(const uint8_t *p, unsigned width) {
  uint64_t n = 0;
  while (width--)
    n = n << 8 | *p++;
  return n;
}

/* The header is whole: the answer's goes out. */
static void begin_frame(struct bench_session *s, struct bench_buffer *out) {
  uint8_t opcode = s->header[0] & 0x0F;
  size_t len = s->header_len - 4u;
  s->left = s->header[1] & 0x7F;
  if (len > 2) s->left = read_number(s->header + 2, (unsigned)len - 2);
  memcpy(s->key, s->header + len, 4);
  memcpy(s->key + 4, s->key, 4);
  s->is_dropped = opcode < 8 ? s->mode != BENCH_ECHO : opcode == 10;
  if (opcode == 8) s->is_ending = 1;
  s->header_len = 0;
  if (s->is_dropped) return;
  uint8_t first = opcode == 9 ? 0x8A : s->header[0];
  s->header[1] &= 0x7F;
  bench_buffer_add(out, &first, 1);
  bench_buffer_add(out, s->header + 1, len - 1);
}

static void turn_key(uint8_t key[8], size_t by) {
  uint8_t old[4];
  memcpy(old, key, 4);
  for (size_t i = 0; i < 8; i++)
    key[i] = old[(i + by) & 3];
}

static void unmask(uint8_t *to, const uint8_t *from, size_t len, uint8_t key[8]) {
  uint64_t key_word, word;
  size_t i = 0;
  memcpy(&key_word, key, 8);
  for (; i + 8 <= len; i += 8) {
    memcpy(&word, from + i, 8);
    word ^= key_word;
    memcpy(to + i, &word, 8);
  }
  for (; i < len; i++)
    to[i] = from[i] ^ key[i & 7];
  turn_key(key, len);
}

static size_t take_payload(struct bench_session *s, const uint8_t *data, size_t len,
                           struct bench_buffer *out) {
  size_t n = s->left < len ? (size_t)s->left : len;
  if (!s->is_dropped) {
    unmask(bench_buffer_room(out, n), data, n, s->key);
    out->len += n;
  }
  s->left -= n;
  return n;
}

int bench_session_feed(struct bench_session *s, const uint8_t *data, size_t len,
                       struct bench_buffer *out) {
  if (s->mode == BENCH_HANDSHAKE) return take_head(s, data, len, out);
  const uint8_t *end = data + len;
  while (data < end && !(s->is_ending && !s->left && !s->header_len)) {
    if (s->left) {
      data += take_payload(s, data, (size_t)(end - data), out);
      continue;
    }
    s->header[s->header_len++] = *data++;
    if (s->header_len >= 2 && s->header_len == whole_header_len(s)) begin_frame(s, out);
  }
  return 0;
}
