/* See fake_server.h. */
#include "fake_server.h"

#include "proto/accept.h"

void server_answer(struct net_link *link, uint8_t flags) {
  char accept[UVWS__ACCEPT_LEN + 1] = "", text[512];
  static const char field[] = "Sec-WebSocket-Key: ";
  char key[UVWS__KEY_LEN + 1] = "";
  if (link->stage != NET_OPEN || !link->out.len) return;
  uint8_t *at = memmem(link->out.data, link->out.len, field, sizeof field - 1);
  if (!at || at + sizeof field + UVWS__KEY_LEN > link->out.data + link->out.len) return;
  memcpy(key, at + sizeof field - 1, UVWS__KEY_LEN);
  if (uvws__accept_make(key, accept)) return;
  int len = snprintf(text, sizeof text,
                     "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     "Sec-WebSocket-Accept: %s\r\n%s%s\r\n",
                     accept, flags & 1 ? "Sec-WebSocket-Extensions: permessage-deflate\r\n" : "",
                     flags & 2 ? "Sec-WebSocket-Protocol: chat\r\n" : "");
  net_deliver(link, (uint8_t *)text, (size_t)len);
}

static void deliver_text(struct net_link *link, const char *text, size_t len) {
  net_deliver(link, (const uint8_t *)text, len);
}

#define TEXT(link, text) deliver_text(link, text, sizeof(text) - 1)

void server_say(struct net_link *link, uint8_t what) {
  switch (what % 14) {
  case 0:
    TEXT(link, "\x81\x05hello");
    break;
  case 1:
    TEXT(link, "\x89\x04ping");
    break;
  case 2:
    TEXT(link, "\x88\x02\x03\xe8");
    break;
  case 3:
    TEXT(link, "\x88\x00");
    break;
  case 4:
    TEXT(link, "\x02\x03"
               "abc\x00\x01"
               "d\x80\x00");
    break;
  case 5:
    TEXT(link, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00");
    break;
  case 6:
    TEXT(link, "HTTP/1.1 302 F\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n");
    break;
  case 7:
    TEXT(link, "HTTP/1.1 404 N\r\nContent-Length: 5\r\n\r\nhello");
    break;
  case 8:
    TEXT(link, "HTTP/1.1 200 OK\r\n\r\n");
    break;
  case 9:
    TEXT(link, "\x05\x00");
    break;
  case 10:
    TEXT(link, "\x05\x00\x00\x01\x01\x02\x03\x04\x00\x50");
    break;
  case 11:
    TEXT(link, "\x05\x02\x01\x00");
    break;
  case 12:
    TEXT(link, "\x82\x7e\x10\x00");
    break;
  default:
    TEXT(link, "HTTP/1.1 407 P\r\nContent-Length: 0\r\n\r\n");
    break;
  }
}
