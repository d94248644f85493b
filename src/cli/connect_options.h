/* The command line of `uvws connect`. */
#ifndef UVWS_CLI_CONNECT_OPTIONS_H
#define UVWS_CLI_CONNECT_OPTIONS_H

#include "cli/arguments.h"
#include "cli/buffer.h"
#include "uvws.h"

struct cli_connect_options {
  uvws_options_t library; /* strings and lists are borrowed from argv and from below */
  int is_binary;
  int is_verbose;
  int is_json;
  int is_compressing;
  int is_not_compressed;
  int shows_control;
  int is_traced;
  uint32_t ping_ms;   /* CLI_NO_PING: not given; 0: once */
  uint32_t linger_ms; /* CLI_NO_LINGER: not given */

  struct cli_list operands;
  struct cli_list header_lines;
  struct cli_list proxy_header_lines;
  struct cli_list protocols;
  const char *auth;                /* as given */
  const char *bearer;              /* as given */
  const char *key_password;        /* as given */
  struct cli_buffer authorization; /* the header field's value, or the token alone */
  struct cli_buffer password;      /* of the client's key */
  uvws_header_t *headers;
  size_t header_count;
  uvws_header_t *proxy_headers;
};

#define CLI_NO_LINGER UINT32_MAX
#define CLI_NO_PING UINT32_MAX

/* CLI_GO_ON or an exit status; `deinit` is due in any case. */
int cli_connect_options_parse(int argc, char **argv, struct cli_connect_options *out);
void cli_connect_options_deinit(struct cli_connect_options *options);

#endif
