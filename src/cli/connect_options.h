/* The command line of `uvws connect`. */
#ifndef UVWS_CLI_CONNECT_OPTIONS_H
#define UVWS_CLI_CONNECT_OPTIONS_H

#include "cli/arguments.h"
#include "uvws.h"

struct cli_connect_options {
  uvws_options_t library; /* strings and lists are borrowed from argv and from below */
  int is_binary;
  int is_verbose;
  uint32_t linger_ms; /* CLI_NO_LINGER: not given */

  struct cli_list operands;
  struct cli_list header_lines;
  struct cli_list protocols;
  uvws_header_t *headers;
};

#define CLI_NO_LINGER UINT32_MAX

/* CLI_GO_ON or an exit status; `deinit` is due in any case. */
int cli_connect_options_parse(int argc, char **argv, struct cli_connect_options *out);
void cli_connect_options_deinit(struct cli_connect_options *options);

#endif
