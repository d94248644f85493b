/* The server's side of the opening handshake (RFC 6455 4.2): the request parsed by llhttp as it
 * comes, judged, answered. */
#ifndef UVWS_CLI_ECHO_HANDSHAKE_H
#define UVWS_CLI_ECHO_HANDSHAKE_H

#include <llhttp.h>

#include "cli/buffer.h"

#define ECHO_KEY_LEN 24 /* base64 of 16 bytes */

struct echo_handshake {
  llhttp_t parser;
  size_t head_len;
  struct cli_buffer field;
  struct cli_buffer value;
  int err; /* of an allocation */

  int has_upgrade;
  int has_connection;
  int has_version;
  char key[ECHO_KEY_LEN + 1];
  char *protocol; /* the first one offered; NULL: none */
};

void echo_handshake_init(struct echo_handshake *handshake);
void echo_handshake_deinit(struct echo_handshake *handshake);

enum { ECHO_HANDSHAKE_MORE, ECHO_HANDSHAKE_DONE, ECHO_HANDSHAKE_REFUSED };

/* Feed bytes. The answer is appended to `out` when it is DONE, `*used` being where the frames
 * begin, or REFUSED. Also answers UV_ENOMEM. */
int echo_handshake_feed(struct echo_handshake *handshake, const char *data, size_t len,
                        size_t *used, struct cli_buffer *out);

#endif
